"""What a request attempts, in the words in which rules allow it."""

from __future__ import annotations

from lab.api.authorization.access import Attempt
from lab.api.authorization.reviews import is_review
from lab.api.http.requests import Request
from lab.api.http.urls import route
from lab.api.resources import NAMESPACES
from lab.api.watching import flag

_ONE = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MANY = {**_ONE, "GET": "list", "HEAD": "list", "DELETE": "deletecollection"}


def attempt_of(request: Request) -> Attempt:
    """As kube-apiserver's RequestInfo reads it."""
    found = route(request.path)
    if is_review(request.path):
        _, _, group, _, resource = request.path.split("/")
        return Attempt(_ONE.get(request.method, request.method.lower()), group, resource)
    if found is None:
        return Attempt(_ONE.get(request.method, request.method.lower()), path=request.path or "/")
    verb = (_ONE if found.name else _MANY).get(request.method, request.method.lower())
    if verb in ("get", "list") and not found.subresource and flag(request.parameters, "watch"):
        verb = "watch"
    one = found.resource
    namespace = found.name if one is NAMESPACES else found.namespace
    return Attempt(verb, one.group, one.plural, found.subresource, namespace, found.name)
