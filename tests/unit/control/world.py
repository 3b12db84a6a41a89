"""A cluster without a network: a store, all controllers, a clock that stands still, and a kubelet that only reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from lab.api.deletion import Deletion, Propagation, marked
from lab.api.kinds import complete
from lab.api.resources import DEPLOYMENTS, ENDPOINTSLICES, EVENTS, NAMESPACES, PODS, REPLICASETS, SERVICES, Resource
from lab.api.store import Json, Store
from lab.control.cluster import Derivation
from lab.control.controllers.roster import controllers
from lab.control.controllers.system import System
from lab.control.events import Recorder
from lab.control.pods import podstatus
from lab.control.queue import Runner
from lab.topology import load_topology
from lab.topology.schema import Topology

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def topology(nodes: int = 3, spec: str = "") -> Topology:
    listed = ", ".join(f"{{name: node-{number}}}" for number in range(nodes))
    spec = spec if spec.startswith("nodes:") else f"nodes: [{listed}], {spec}"
    text = f"apiVersion: hoplab/v1\nkind: Topology\nmetadata: {{name: lab}}\nspec: {{{spec}}}"

    def no_file(name: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", name)

    return load_topology(text, "lab.yaml", no_file).topology


def addresses(nodes: int) -> dict[str, str]:
    return {f"node-{number}": f"10.0.1.{10 + number}" for number in range(nodes)}


class World:
    """`settle` lets the controllers work; `run` also has the kubelet start and end pods until nothing changes."""

    def __init__(self, nodes: int = 3, spec: str = "") -> None:
        self.seconds = 0.0
        uids, self._addresses = count(1), count(2)
        self.store = Store(self.moment, lambda: f"uid-{next(uids)}")
        self.recorder = Recorder(self.store)
        self.system = System(self.store)
        self.runner = Runner(self.store, controllers(self.store, self.recorder, self.system), self.recorder)
        self.derivation = Derivation(self.store)
        self.nodes = tuple(f"node-{number}" for number in range(nodes))
        self.system.use(topology(nodes, spec), addresses(nodes), "the Corefile")
        self.unready: set[str] = set()
        self.slow_to_end = False
        self.run()

    def moment(self) -> str:
        return (BEGIN + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def settle(self) -> None:
        self.runner.retry(self.seconds)
        self.runner.settle(self.seconds)
        assert self.runner.failures == []

    def run(self) -> None:
        self.settle()
        while self.report():
            self.settle()

    def report(self) -> int:
        """What the kubelet reports once; gives how much that is."""
        told = 0
        for pod in self.pods():
            key = pod["metadata"]["namespace"], pod["metadata"]["name"]
            if podstatus.is_terminating(pod) and not self.slow_to_end:
                self.store.remove(PODS, *key)
                told += 1
            elif pod["spec"].get("nodeName") and not podstatus.is_started(pod):
                number = next(self._addresses)
                address = f"10.244.{number // 250}.{number % 250}"
                started = podstatus.started(pod, address, "10.0.1.10", self.moment())
                if key[1] in self.unready or "*" in self.unready:
                    started = podstatus.with_readiness(started, False, self.moment())
                self.store.update(PODS, started)
                told += 1
        return told

    def ready(self, name: str, value: bool, namespace: str = "default") -> None:
        pod = self.store.get(PODS, namespace, name)
        self.store.update(PODS, podstatus.with_readiness(pod, value, self.moment()))

    def make(self, resource: Resource, item: Json) -> Json:
        """As the API server makes it."""
        metadata = {"namespace": "default", **item["metadata"]} if resource.namespaced else item["metadata"]
        return self.store.create(resource, complete(resource, {**item, "metadata": metadata}))

    def change(self, resource: Resource, name: str, namespace: str = "default", **parts: Any) -> Json:
        """Replace some of the fields of the object's parts: spec={…} or metadata={…}."""
        item = self.store.get(resource, namespace, name)
        changed = {part: {**item.get(part, {}), **fields} for part, fields in parts.items()}
        return self.store.update(resource, complete(resource, {**item, **changed}))

    def delete(
        self, resource: Resource, name: str, namespace: str = "default", propagation: Propagation = "Background"
    ) -> None:
        item = self.store.get(resource, namespace if resource.namespaced else "", name)
        left = marked(resource, item, Deletion(propagation), self.moment())
        if left is None:
            self.store.remove(resource, item["metadata"].get("namespace", ""), name)
        else:
            self.store.update(resource, left)

    def namespace(self, name: str) -> None:
        self.make(NAMESPACES, {"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]}})

    def deployment(self, name: str = "web", replicas: int = 2, **spec: Any) -> Json:
        return self.make(DEPLOYMENTS, deployment(name, replicas, **spec))

    def service(self, name: str = "web", namespace: str = "default", **spec: Any) -> Json:
        return self.make(SERVICES, service(name, namespace, **spec))

    def pod(self, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Json:
        return self.make(PODS, pod(name, labels, **spec))

    def pods(self, namespace: str = "") -> list[Json]:
        return self.store.list(PODS, namespace)

    def names(self, resource: Resource = PODS, namespace: str = "default") -> list[str]:
        return [item["metadata"]["name"] for item in self.store.list(resource, namespace)]

    def replica_sets(self) -> dict[str, tuple[int, int]]:
        """Replicas asked for and there, by name."""
        found = self.store.list(REPLICASETS)
        return {one["metadata"]["name"]: (one["spec"]["replicas"], one["status"]["replicas"]) for one in found}

    def endpoints(self, service: str = "web", namespace: str = "default") -> list[Json]:
        """Those of all its slices."""
        found = self.store.list(ENDPOINTSLICES, namespace)
        return [
            endpoint
            for item in found
            if item["metadata"]["labels"].get("kubernetes.io/service-name") == service
            for endpoint in item["endpoints"]
        ]

    def events(self, reason: str) -> list[str]:
        return [item["message"] for item in self.store.list(EVENTS) if item["reason"] == reason]


def deployment(name: str = "web", replicas: int = 2, **spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "one"}]}}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
            **spec,
        },
    }


def template(image: str, name: str = "web") -> Json:
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def service(name: str = "web", namespace: str = "default", **spec: Any) -> Json:
    given: Json = {"selector": {"app": name}, "clusterIP": "172.16.20.1", "type": "ClusterIP", **spec}
    given.setdefault("ports", [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}])
    return {"metadata": {"name": name, "namespace": namespace}, "spec": given}


def pod(name: str, labels: dict[str, str] | None = None, **spec: Any) -> Json:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"containers": [{"name": "c"}], **spec}}
