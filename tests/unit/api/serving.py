"""An API over a store of its own, with a clock and uids that the test knows, and objects to put into it."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from lab.api.handler import Api
from lab.api.http.requests import Request, Response
from lab.api.registry import Registry
from lab.api.resources import NAMESPACES, Resource
from lab.api.store import Store

Json = dict[str, Any]

NOW = "2026-05-04T10:00:00Z"


class NoAdmission:
    """Gives objects nothing."""

    def admit(self, resource: Resource, new: Json, old: Json | None) -> Json:  # noqa: ARG002, the protocol's
        return new


class Serving:
    """The parts, and requests in short. The namespaces default and shop are there."""

    def __init__(self) -> None:
        numbers = count(1)
        self.store = Store(lambda: NOW, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
        self.registry = Registry(self.store, NoAdmission())
        self.api = Api(self.registry)
        for name in ("default", "shop"):
            self.registry.create(NAMESPACES, {"metadata": {"name": name}})

    def ask(self, method: str, path: str, sent: Json | bytes | None = None, /, **headers: str) -> Response:
        """A request whose query may stand behind a question mark; headers with _ for -. The answer is complete."""
        answer = self.api.handle(request(method, path, sent, **headers))
        assert isinstance(answer, Response), f"{method} {path} is answered with {answer}"
        return answer

    def told(self, method: str, path: str, sent: Json | bytes | None = None, /, **headers: str) -> Json:
        """The body of an answer that is no refusal."""
        answer = self.ask(method, path, sent, **headers)
        assert answer.code < 300, f"{method} {path}: {answer.code} {answer.body.decode()}"
        return answer.json()


def request(method: str, path: str, sent: Json | bytes | None = None, /, **headers: str) -> Request:
    place, _, asked = path.partition("?")
    query: dict[str, list[str]] = {}
    for pair in filter(None, asked.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode() if sent is not None else b""
    return Request(method, place, query, {key.replace("_", "-"): value for key, value in headers.items()}, body)


def pod(name: str, namespace: str = "shop", labels: dict[str, str] | None = None, **spec: Any) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    containers = [{"name": "server", "image": "built-in"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def configmap(name: str, namespace: str = "shop", labels: dict[str, str] | None = None, **data: str) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, replicas: int = 2) -> Json:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod(name)["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }
