"""Two hundred random requests to the API leave the kernel as designed, and the file's `up` finds nothing to do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, until
from tests.integration.living import Api, RefusedError, settle

Json = dict[str, Any]
OPERATIONS = 200
SPACE = "random"
APPS = ("red", "green", "blue")
KEPT = ("Pod", "Service", "Deployment", "EndpointSlice")


class Operations:
    """One seed's sequence; each method makes one request, which the API may refuse."""

    def __init__(self, api: Api, seed: int) -> None:
        self._api = api
        self._random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.story: list[str] = []

    def run(self, number: int) -> None:
        kinds: dict[Callable[[], str], int] = {
            self.create_service: 5,
            self.create_pod: 5,
            self.create_deployment: 2,
            self.scale: 3,
            self.relabel: 4,
            self.annotate: 4,
            self.patch_service: 5,
            self.patch_template: 2,
            self.make_slice: 2,
            self.delete: 6,
        }
        for _ in range(number):
            operation = self._random.choices(list(kinds), list(kinds.values()))[0]
            try:
                self.story.append(operation())
                self.done[operation.__name__] += 1
            except RefusedError as refusal:
                assert refusal.code in (404, 409, 422), refusal
                self.story.append(f"{operation.__name__}: {refusal}")

    def _app(self) -> str:
        return self._random.choice(APPS)

    def _name(self, kind: str) -> str:
        """One that is there."""
        items: list[str] = [item["metadata"]["name"] for item in self._api.list(kind, SPACE)]
        if not items:
            raise RefusedError(404, f"there is no {kind}")
        return self._random.choice(items)

    def create_pod(self) -> str:
        name = f"pod-{self._random.randrange(8)}"
        ports = [{"containerPort": 8080, "name": "http"}, {"containerPort": 8080, "name": "words", "protocol": "UDP"}]
        container: Json = {"name": "c", "image": "built-in", "ports": ports}
        if self._random.random() < 0.3:
            container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1}
        spec: Json = {"containers": [container]}
        if self._random.random() < 0.5:
            spec["nodeName"] = f"node-{self._random.randrange(3)}"
        if self._random.random() < 0.3:
            spec |= {"hostname": f"host-{self._random.randrange(3)}", "subdomain": "svc-0"}
        return self._create("Pod", name, {"spec": spec}, {"labels": {"app": self._app()}})

    def create_deployment(self) -> str:
        name, app = f"set-{self._random.randrange(3)}", self._app()
        labels = {"app": app, "set": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "built-in"}]}}
        spec = {"replicas": self._random.randrange(4), "selector": {"matchLabels": {"set": name}}, "template": template}
        return self._create("Deployment", name, {"spec": spec})

    def create_service(self) -> str:
        name, spec = f"svc-{self._random.randrange(10)}", self._service()
        return self._create("Service", name, {"spec": spec})

    def _service(self) -> Json:
        kind = self._random.choice(
            ("ClusterIP", "ClusterIP", "headless", "NodePort", "LoadBalancer", "ExternalName", "own slices")
        )
        if kind == "ExternalName":
            return {"type": "ExternalName", "externalName": f"www{self._random.randrange(3)}.example.com"}
        ports: list[Json] = [{"name": "http", "port": self._random.choice((80, 81)), "targetPort": 8080}]
        if self._random.random() < 0.4:
            ports.append({"name": "words", "port": 53, "protocol": "UDP", "targetPort": 8080})
        spec: Json = {"ports": ports}
        if kind != "own slices":
            spec["selector"] = {"app": self._app()}
        if kind == "headless":
            return {**spec, "clusterIP": "None", "publishNotReadyAddresses": self._random.random() < 0.3}
        if kind in ("NodePort", "LoadBalancer"):
            spec["type"] = kind
            spec["externalTrafficPolicy"] = self._random.choice(("Cluster", "Local"))
        if self._random.random() < 0.3:
            spec["sessionAffinity"] = "ClientIP"
        if self._random.random() < 0.3:
            spec["internalTrafficPolicy"] = "Local"
        if self._random.random() < 0.2:
            spec["externalIPs"] = [f"192.0.2.{self._random.randrange(1, 5)}"]
        return spec

    def _create(self, kind: str, name: str, parts: Json, metadata: Json | None = None) -> str:
        version = {"Deployment": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1"}.get(kind, "v1")
        told = {"name": name, "namespace": SPACE, **(metadata or {})}
        self._api.create({"apiVersion": version, "kind": kind, "metadata": told, **parts})
        return f"create {kind} {name} {parts}"

    def scale(self) -> str:
        name, replicas = self._name("Deployment"), self._random.randrange(5)
        self._api.patch("Deployment", SPACE, name, {"spec": {"replicas": replicas}}, "scale")
        return f"scale {name} to {replicas}"

    def relabel(self) -> str:
        name, app = self._name("Pod"), self._random.choice((*APPS, None))
        self._api.patch("Pod", SPACE, name, {"metadata": {"labels": {"app": app}}})
        return f"label {name} app={app}"

    def annotate(self) -> str:
        name, ready = self._name("Pod"), self._random.choice(("true", "false", None))
        self._api.patch("Pod", SPACE, name, {"metadata": {"annotations": {"hoplab.io/ready": ready}}})
        return f"annotate {name} ready={ready}"

    def patch_service(self) -> str:
        name = self._name("Service")
        change = self._random.choice(
            (
                {"selector": {"app": self._app()}},
                {"ports": [{"name": "other", "port": 8000 + self._random.randrange(9), "targetPort": 8080}]},
                {"type": self._random.choice(("ClusterIP", "NodePort", "LoadBalancer"))},
                {"sessionAffinity": self._random.choice(("None", "ClientIP"))},
                {"internalTrafficPolicy": self._random.choice(("Cluster", "Local"))},
            )
        )
        self._api.patch("Service", SPACE, name, {"spec": change})
        return f"patch {name} {change}"

    def patch_template(self) -> str:
        name = self._name("Deployment")
        change = {"metadata": {"annotations": {"turn": str(self._random.random())}}}
        self._api.patch("Deployment", SPACE, name, {"spec": {"template": change}})
        return f"roll {name}"

    def make_slice(self) -> str:
        name, service = f"slice-{self._random.randrange(3)}", self._name("Service")
        endpoints = [
            {
                "addresses": [f"10.0.1.{self._random.randrange(10, 12)}"],
                "conditions": {"ready": self._random.random() < 0.7},
            }
            for _ in range(self._random.randrange(3))
        ]
        parts = {"addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 6443}]}
        labels = {"labels": {"kubernetes.io/service-name": service}}
        return self._create("EndpointSlice", name, parts, labels)

    def delete(self) -> str:
        kind = self._random.choice(("Pod", "Pod", "Service", "Service", "Deployment", "EndpointSlice"))
        name, grace = self._name(kind), self._random.choice((None, 0))
        self._api.delete(kind, SPACE, name, grace)
        return f"delete {kind} {name}"


def rest(lab: Lab, api: Api) -> None:
    """Until every pod is as it is to stay, and every node has followed."""

    def still() -> bool:
        settle(lab)
        pods = api.list("Pod", SPACE)
        return all("deletionTimestamp" not in pod["metadata"] and pod["status"].get("podIP") for pod in pods)

    until(still, "no pod comes or goes any more")
    settle(lab)


def names(api: Api) -> dict[str, set[str]]:
    return {kind: {item["metadata"]["name"] for item in api.list(kind, SPACE)} for kind in KEPT}


@pytest.mark.parametrize(("proxy", "seed"), [("iptables", 1), ("iptables", 2), ("nftables", 3), ("nftables", 4)])
def test_random_operations_leave_the_kernel_as_designed(lab: LabFactory, proxy: str, seed: int) -> None:
    setting = ("--set", f"services.proxy={proxy}")
    one = lab("two-subnet", *setting)
    api = Api(one)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    operations = Operations(api, seed)
    operations.run(OPERATIONS)
    rest(one, api)
    story = "\n".join(operations.story)
    assert len(operations.done) >= 8, f"nearly each kind of operation was done: {operations.done}\n{story}"
    assert one.drift() == [], story
    before = names(api)
    assert one.plan(*setting) == "# no changes", story
    assert "no changes" in one.up(*setting).ok(), story
    assert names(api) == before
    api.delete("Namespace", "", SPACE)
    until(lambda: not any(item["metadata"]["name"] == SPACE for item in api.list("Namespace")), "the namespace is gone")
    settle(one)
    assert one.drift() == [], story
    assert not [place for place in one.map()["places"] if place["name"].startswith(f"{SPACE}/")]
