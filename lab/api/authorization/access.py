"""Who may do what: one table, until RBAC is served.

Sources: the roles that kube-apiserver and kubeadm come with (system:discovery, system:basic-user,
system:public-info-viewer, system:coredns, system:node-proxier), its node authorizer and its NodeRestriction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lab.api.errors import ApiError
from lab.api.http import users
from lab.api.http.users import User

Json = dict[str, Any]

_ANY = ("*",)
_READ = ("get", "list", "watch")
_CORE = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody wants to do: a verb on a resource (`part` is a subresource, `name` "" for all of them), or on a
    `path` that is no resource's.
    """

    verb: str
    group: str = ""
    resource: str = ""
    part: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def what(self) -> str:
        return f"{self.resource}/{self.part}" if self.part else self.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed. `resources` are written with their subresource; `paths` may end with a star. `own` is for nodes:
    the object is the node itself, or a pod on it.
    """

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    own: bool = False

    def allows(self, attempt: Attempt) -> bool:
        if not _holds(self.verbs, attempt.verb):
            return False
        if attempt.path:
            return any(_fits(path, attempt.path) for path in self.paths)
        return _holds(self.groups, attempt.group) and _holds(self.resources, attempt.what)

    def told(self) -> Json:
        """As a SelfSubjectRulesReview has it."""
        if self.paths:
            return {"verbs": list(self.verbs), "nonResourceURLs": list(self.paths)}
        return {"verbs": list(self.verbs), "apiGroups": list(self.groups), "resources": list(self.resources)}


_EVERYTHING = (Rule(_ANY, _ANY, _ANY), Rule(_ANY, paths=_ANY))
_PUBLIC = (Rule(("get",), paths=("/healthz", "/livez", "/readyz", "/version", "/version/")),)
_KNOWN = (
    Rule(("get",), paths=("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")),
    Rule(("create",), ("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    Rule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)
_NETWORK = (
    Rule(_READ, (_CORE,), ("services", "endpoints", "pods", "namespaces", "nodes")),
    Rule(_READ, ("discovery.k8s.io",), ("endpointslices",)),
    Rule(_READ, ("networking.k8s.io",), ("servicecidrs",)),
)
_NODE = (
    *_NETWORK,
    Rule(("create", "patch", "update"), (_CORE, "events.k8s.io"), ("events",)),
    Rule(("create", "patch", "update"), (_CORE,), ("nodes", "nodes/status"), own=True),
    Rule(("patch", "update"), (_CORE,), ("pods/status",), own=True),
    Rule(("delete",), (_CORE,), ("pods",), own=True),
)

RULES: dict[str, tuple[Rule, ...]] = {
    users.MASTERS: _EVERYTHING,
    users.UNAUTHENTICATED: _PUBLIC,
    users.AUTHENTICATED: (*_PUBLIC, *_KNOWN),
    f"{users.SERVICE_ACCOUNTS}:kube-system": _NETWORK,
    users.NODES: _NODE,
}
"""By group."""

NodeOf = Callable[[str, str], str]
"""The node of a pod, given its namespace and name; "" where there is none."""


def rules_of(user: User) -> Iterator[Rule]:
    for group in user.groups:
        yield from RULES.get(group, ())


def is_allowed(user: User, attempt: Attempt, node_of: NodeOf) -> bool:
    return any(
        rule.allows(attempt) and (not rule.own or _is_own(user.node, attempt, node_of)) for rule in rules_of(user)
    )


def refusal(user: User, attempt: Attempt) -> ApiError:
    """In kube-apiserver's words."""
    who = f'User "{user.name}" cannot {attempt.verb}'
    if attempt.path:
        return ApiError(403, "Forbidden", f'forbidden: {who} path "{attempt.path}"')
    where = f'in the namespace "{attempt.namespace}"' if attempt.namespace else "at the cluster scope"
    why = f'{who} resource "{attempt.what}" in API group "{attempt.group}" {where}'
    qualified = f"{attempt.resource}.{attempt.group}" if attempt.group else attempt.resource
    subject = f'{qualified} "{attempt.name}"' if attempt.name else qualified
    group = {"group": attempt.group} if attempt.group else {}
    named = {"name": attempt.name} if attempt.name else {}
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", {**named, **group, "kind": attempt.resource})


def _is_own(node: str, attempt: Attempt, node_of: NodeOf) -> bool:
    if not node:
        return False
    if attempt.resource == "nodes":
        return attempt.name == node
    return node_of(attempt.namespace, attempt.name) == node


def _holds(allowed: tuple[str, ...], one: str) -> bool:
    return one in allowed or "*" in allowed


def _fits(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
