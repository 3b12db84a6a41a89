"""A request to its answer. What needs more than objects, a log or a running program, is handed back as understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from lab.api import parameters
from lab.api.authorization.access import is_allowed, refusal
from lab.api.authorization.attributes import attempt_of
from lab.api.authorization.reviews import is_review, reviewed
from lab.api.discovery import groups, openapi
from lab.api.errors import ApiError, bad_request
from lab.api.http import streams
from lab.api.http.forms import Rendering
from lab.api.http.negotiation import body_of, form_of, wants
from lab.api.http.requests import Answer, Request, Response, Watching, encoded
from lab.api.http.urls import Route, route
from lab.api.paging import count, page
from lab.api.registry import APPLY, Options, Registry, Subresource, require_size
from lab.api.resources import NAMESPACES, PODS
from lab.api.watching import Watch, flag, start_of

Json = dict[str, Any]

MOST_WARNINGS = 50  # of 300 characters each: more header than that no client reads

_COLLECTION = {"GET", "POST", "DELETE"}
_ITEM = {"GET", "PUT", "PATCH", "DELETE"}
_PART = {"GET", "PUT", "PATCH"}
_PEOPLE = ("curl/", "Wget/", "Mozilla/")  # who reads what comes back, unless they say otherwise


def is_brief(request: Request) -> bool:
    """Whether it is answered in no time whatever there is: health, one object as it is, the beginning of a watch."""
    if request.method not in ("GET", "HEAD"):
        return False
    found = route(request.path)
    if found is None:
        return request.path in groups.HEALTHY or request.path == "/version"
    return (bool(found.name) and not _is_pretty(request)) or flag(request.parameters, "watch")


class _WrongMethodError(ApiError):
    """The path is served, with these methods."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        self.allowed = ", ".join(sorted(allowed))


class Api:
    """The whole API over one registry. Its requests come one after another."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store = registry.store

    def handle(self, request: Request) -> Answer:
        """Never raises ApiError: a refusal is an answer too."""
        try:
            self.authorize(request)
            if is_review(request.path):
                return self._reviewed(request)
            found = route(request.path)
            if found is None:
                return self._about(request)
            if found.subresource:
                return self._part(found, request)
            return self._item(found, request) if found.name else self._collection(found, request)
        except ApiError as refusal:
            return _refused(refusal, request)

    def authorize(self, request: Request) -> None:
        """ApiError 403."""
        attempt = attempt_of(request)
        if not is_allowed(request.user, attempt, self._node_of):
            raise refusal(request.user, attempt)

    def _node_of(self, namespace: str, name: str) -> str:
        found = self._store.find(PODS, namespace, name)
        return str(found["spec"].get("nodeName", "")) if found else ""

    def _about(self, request: Request) -> Response:
        """Discovery, version, health."""
        path = "/" + request.path.strip("/")
        accept = request.headers.get("accept", "")
        whole = path in ("/api", "/apis") and wants(accept, groups.AGGREGATED)
        document = groups.document(path, whole)
        if path == "/version":
            document = groups.version()
        if path == "/":
            document = groups.paths()
        if path.startswith(openapi.INDEX):
            document = openapi.document(path)
        plain = Response(200, b"ok", "text/plain; charset=utf-8") if path in groups.HEALTHY else None
        if path == "/openapi/v2":  # empty, clients that validate by it take every field
            plain = Response(200, b"", "application/octet-stream")
        if not document and not plain:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        if request.method != "GET":
            raise _WrongMethodError({"GET"})
        if plain:
            return plain
        answer = _answer(200, document or {}, request)
        return Response(200, answer.body, groups.AGGREGATED) if whole else answer

    def _reviewed(self, request: Request) -> Response:
        if request.method != "POST":
            raise _WrongMethodError({"POST"})
        return _answer(201, reviewed(request.path, _sent(request), request.user, self._node_of), request)

    def _collection(self, at: Route, request: Request) -> Answer:
        whole = at.resource.namespaced and not at.namespace
        if request.method not in _COLLECTION or (whole and request.method != "GET"):
            raise _WrongMethodError({"GET"} if whole else _COLLECTION)
        rendering = self._rendering(at, request)
        if request.method == "POST":
            item = _object_sent(request)
            return self._written(
                request, rendering, lambda options: self._registry.create(at.resource, item, at.namespace, options), 201
            )
        query = request.parameters
        chosen = parameters.selection(at.resource, at.namespace, query)
        if request.method == "DELETE":
            deletion = parameters.deletion(query, _sent(request) if request.body else {})
            gone = self._registry.delete_collection(at.resource, chosen, deletion)
            metadata = {"resourceVersion": str(self._store.revision)}
            return _answer(200, rendering.items([one.object for one in gone], metadata), request)
        if flag(query, "watch"):
            timeout = count(query, "timeoutSeconds")
            watch = Watch(self._store, at.resource.stored, chosen, start_of(query))
            return Watching(watch, rendering.event, timeout or None)
        found = page(self._store, at.resource.stored, chosen, query)
        return _answer(200, rendering.items(found.items, found.metadata), request)

    def _item(self, at: Route, request: Request) -> Answer:
        if request.method not in _ITEM:
            raise _WrongMethodError(_ITEM)
        rendering = self._rendering(at, request)
        if request.method == "GET":
            return _answer(200, rendering.item(self._registry.get(at.resource, at.namespace, at.name)), request)
        if request.method == "DELETE":
            deletion = parameters.deletion(request.parameters, _sent(request) if request.body else {})
            deleted = self._registry.delete(at.resource, at.namespace, at.name, deletion)
            told = _gone(at, deleted.object) if deleted.gone else rendering.item(deleted.object)
            return _answer(200, told, request)
        return self._changed(at, request, rendering, "")

    def _part(self, at: Route, request: Request) -> Answer:
        """A subresource."""
        if at.resource is PODS and at.subresource in (*streams.STREAMS, "binding"):
            return self._of_pod(at, request)
        served = at.subresource in at.resource.subresources
        if not served and not (at.resource is NAMESPACES and at.subresource == "finalize"):
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        allowed = {"PUT"} if at.subresource == "finalize" else _PART
        if request.method not in allowed:
            raise _WrongMethodError(allowed)
        part = cast(Subresource, at.subresource)
        rendering = self._rendering(at, request)
        if request.method != "GET":
            return self._changed(at, request, rendering, part)
        found = self._registry.get(at.resource, at.namespace, at.name, part)
        return _answer(200, found if part == "scale" else rendering.item(found), request)

    def _of_pod(self, at: Route, request: Request) -> Answer:
        allowed = {"log": {"GET"}, "binding": {"POST"}}.get(at.subresource, {"GET", "POST"})
        if request.method not in allowed:
            raise _WrongMethodError(allowed)
        pod = self._registry.get(PODS, at.namespace, at.name)
        if at.subresource == "log":
            return streams.log(pod, request)
        if at.subresource in streams.NOT_SERVED:
            raise bad_request(streams.NOT_SERVED[at.subresource])
        if at.subresource == "exec":
            return streams.execution(pod, request)
        target = _sent(request).get("target")
        if not isinstance(target, dict) or not isinstance(target.get("name"), str) or not target["name"]:
            raise bad_request('Binding in version "v1" cannot be handled as a Binding: target.name is required')
        self._registry.bind(pod, target["name"], parameters.options(request.parameters, "", lambda _: None))
        return _answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, request)

    def _changed(self, at: Route, request: Request, rendering: Rendering, part: Subresource) -> Response:
        where = (at.namespace, at.name)
        code = 200
        if request.method == "PATCH":
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == APPLY and not part and self._store.find(at.resource.stored, *where) is None:
                code = 201

            def write(options: Options) -> Json:
                return self._registry.patch(at.resource, *where, kind, request.body, options, part)

        else:
            item = _object_sent(request)

            def write(options: Options) -> Json:
                return self._registry.update(at.resource, item, *where, options, part)

        return self._written(request, None if part == "scale" else rendering, write, code)

    def _written(
        self, request: Request, rendering: Rendering | None, write: Callable[[Options], Json], code: int
    ) -> Response:
        """What `write` gives, with what it warned of."""
        warnings: list[str] = []
        agent = request.headers.get("user-agent", "")
        done = write(parameters.options(request.parameters, agent, warnings.append))
        answer = _answer(code, rendering.item(done) if rendering else done, request)
        told = tuple(("Warning", f"299 - {_quoted(warning)}") for warning in warnings[:MOST_WARNINGS])
        return Response(answer.code, answer.body, answer.content_type, told)

    def _rendering(self, at: Route, request: Request) -> Rendering:
        form = form_of(request.headers.get("accept", ""))
        included = request.parameters.get("includeObject", "Metadata")
        if included not in ("None", "Metadata", "Object"):
            raise bad_request(f'includeObject: Invalid value: "{included}": must be None, Metadata or Object')
        return Rendering(at.resource, form, self._store.now, included)


def _sent(request: Request) -> Json:
    return body_of(request.headers.get("content-type", ""), request.body)


def _object_sent(request: Request) -> Json:
    """One that is to be kept."""
    item = _sent(request)
    require_size(item)
    return item


def _answer(code: int, value: Mapping[str, Any], request: Request) -> Response:
    return Response(code, encoded(dict(value), _is_pretty(request)))


def _is_pretty(request: Request) -> bool:
    by_people = request.headers.get("user-agent", "").startswith(_PEOPLE)
    return flag(request.parameters, "pretty") if "pretty" in request.parameters else by_people


def _refused(refusal: ApiError, request: Request) -> Response:
    answer = _answer(refusal.code, refusal.status(), request)
    headers = (("Allow", refusal.allowed),) if isinstance(refusal, _WrongMethodError) else ()
    return Response(answer.code, answer.body, headers=headers)


def _gone(at: Route, item: Json) -> Json:
    group = {"group": at.resource.group} if at.resource.group else {}
    details = {"name": at.name, **group, "kind": at.resource.plural, "uid": item["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _quoted(text: str) -> str:
    """As a header can carry it: printable ASCII between double quotes, and not too long."""
    safe = "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:300])
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'
