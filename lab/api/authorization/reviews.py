"""What a client asks about itself: who it is, and what it may do."""

from __future__ import annotations

from typing import Any

from lab.api.authorization.access import Attempt, NodeOf, is_allowed, rules_of
from lab.api.errors import bad_request
from lab.api.http.users import User

Json = dict[str, Any]

ACCESS, RULES, SELF = (
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"),
    ("authentication.k8s.io/v1", "SelfSubjectReview"),
)
_KINDS = {f"/apis/{version}/{kind.lower()}s": (version, kind) for version, kind in (ACCESS, RULES, SELF)}


def is_review(path: str) -> bool:
    """Whether such questions are sent there; they are only ever POSTed, and nothing of them is kept."""
    return path in _KINDS


def reviewed(path: str, sent: Json, user: User, node_of: NodeOf) -> Json:
    """The question with its answer. ApiError 400 for one of another kind."""
    version, kind = asked = _KINDS[path]
    given = (sent.get("apiVersion") or version, sent.get("kind") or kind)
    if given != asked:
        raise bad_request(f"the object provided is unrecognized (must be of type {kind} ({version})): {given[1]}")
    spec = sent.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request(f"{kind} cannot be handled: spec is not an object")
    status: Json
    if asked == SELF:
        status = {"userInfo": _told(user)}
    elif asked == ACCESS:
        status = {"allowed": is_allowed(user, _attempt(spec), node_of)}
    else:
        rules = list(rules_of(user))
        status = {
            "resourceRules": [one.told() for one in rules if not one.paths],
            "nonResourceRules": [one.told() for one in rules if one.paths],
            "incomplete": any(one.own for one in rules),
        }
    metadata = {"creationTimestamp": None}
    return {"metadata": metadata, "spec": {}, **sent, "apiVersion": version, "kind": kind, "status": status}


def _told(user: User) -> Json:
    extra = {key: list(values) for key, values in user.extra}
    more = {"uid": user.uid, "extra": extra}
    return {"username": user.name, "groups": list(user.groups), **{key: one for key, one in more.items() if one}}


def _attempt(spec: Json) -> Attempt:
    """What the question is about. ApiError 400."""
    one, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    about = one or other
    if not isinstance(about, dict) or (one and other):
        raise bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")

    def word(name: str) -> str:
        value = about.get(name) or ""
        if not isinstance(value, str):
            raise bad_request(f"{name} is not a string")
        return value

    if other:
        return Attempt(word("verb"), path=word("path") or "/")
    return Attempt(word("verb"), word("group"), word("resource"), word("subresource"), word("namespace"), word("name"))
