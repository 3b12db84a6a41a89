"""What a client asks about itself: who it is, and what it may do. Whoever is let in may do everything."""

from __future__ import annotations

from typing import Any

from lab.api.errors import bad_request

Json = dict[str, Any]

USER = "hoplab"
GROUPS = ("system:masters", "system:authenticated")

_ALL = ["*"]
_ANSWERS: dict[tuple[str, str], Json] = {
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): {
        "allowed": True,
        "reason": "whoever has the lab's token may do everything",
    },
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): {
        "resourceRules": [{"verbs": _ALL, "apiGroups": _ALL, "resources": _ALL}],
        "nonResourceRules": [{"verbs": _ALL, "nonResourceURLs": _ALL}],
        "incomplete": False,
    },
    ("authentication.k8s.io/v1", "SelfSubjectReview"): {"userInfo": {"username": USER, "groups": list(GROUPS)}},
}
_KINDS = {f"/apis/{version}/{kind.lower()}s": (version, kind) for version, kind in _ANSWERS}


def is_review(path: str) -> bool:
    """Whether such questions are sent there; they are only ever POSTed, and nothing of them is kept."""
    return path in _KINDS


def reviewed(path: str, sent: Json) -> Json:
    """The question with its answer. ApiError 400 for one of another kind."""
    version, kind = _KINDS[path]
    given = (sent.get("apiVersion") or version, sent.get("kind") or kind)
    if given != (version, kind):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind} ({version})): {given[1]}")
    metadata = {"creationTimestamp": None}
    return {"metadata": metadata, "spec": {}, **sent, "apiVersion": version, "kind": kind, "status": _ANSWERS[given]}
