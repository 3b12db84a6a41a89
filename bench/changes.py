"""Changes of every kind that a cluster's DNS and rules must follow, each with its way back: a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import Api
from lab.agent.client import calls

Json = dict[str, Any]

CLIENT, SERVICE = "default/client", "web.default.svc.cluster.local"
SERVICE_ADDRESS, DNS_ADDRESS = "172.16.0.80", "172.16.0.10"
_PODS, _SERVICES, _NAMESPACES = (
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces",
)
_COREFILE = "/api/v1/namespaces/kube-system/configmaps/coredns"
COREDNS, DNSMASQ = "coredns", "dnsmasq"

# web is what the streams ask for; db is headless and has a named port: its SRV records follow its pods.
_TOPOLOGY = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {{name: continuity}}
spec:
  nodes: [{{name: node-0}}, {{name: node-1}}]
  dns: {{server: {server}, replicas: {servers}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: client}},
  spec: {{nodeName: node-1, containers: [{{name: c, image: echo}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: web}},
  spec: {{clusterIP: 172.16.0.80, selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: db}},
  spec: {{clusterIP: None, selector: {{app: db}}, ports: [{{name: sql, port: 8080}}]}}}}
"""
_POD = """\
---
{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {app}}}}},
  spec: {{nodeName: {node}, containers: [{{name: c, image: echo}}]}}}}
"""


def topology(server: str, servers: int, more: int = 0) -> str:
    """The lab of the changes, with so many DNS servers; `more` pods of web than the two that it always has."""
    pods = [("web-0", "web", "node-0"), ("web-1", "web", "node-1"), ("db-0", "db", "node-0"), ("db-1", "db", "node-1")]
    pods += [(f"web-{2 + number}", "web", "node-0") for number in range(more)]
    made = "".join(_POD.format(name=name, app=app, node=node) for name, app, node in pods)
    return _TOPOLOGY.format(server=server, servers=servers) + made


@dataclass(frozen=True, slots=True)
class Subject:
    """The lab that changes: its name, its API, and what its file says with so many pods more."""

    name: str
    api: Api
    file: Callable[[int], str]

    def settle(self) -> None:
        """Until the kernel has followed what the API holds."""
        with calls.connect(self.name) as connected:
            connected.request("settled")

    def up(self, more: int) -> None:
        """The edited file, brought up."""
        with calls.connect(self.name) as connected:
            text = self.file(more)
            connected.request("up", text=text, file=str(Path("/continuity.yaml")), settings=[], pid=0)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of change: there, and back again. `only` names the DNS server without which there is no such thing."""

    name: str
    there: Callable[[Subject], None]
    back: Callable[[Subject], None]
    only: str = ""


def _ready(pod: str, value: str | None) -> Callable[[Subject], None]:
    def change(lab: Subject) -> None:
        lab.api.patch(f"{_PODS}/{pod}", {"metadata": {"annotations": {"hoplab.io/ready": value}}})

    return change


def _made(path: str, item: Json) -> Callable[[Subject], None]:
    return lambda lab: lab.api.post(path, item)


def _gone(path: str) -> Callable[[Subject], None]:
    return lambda lab: lab.api.delete(path)


def _service(name: str, spec: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _corefile(old: str, new: str) -> Callable[[Subject], None]:
    def change(lab: Subject) -> None:
        text = lab.api.get(_COREFILE)["data"]["Corefile"]
        lab.api.patch(_COREFILE, {"data": {"Corefile": text.replace(old, new)}})

    return change


_NAMED: Json = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
_MORE: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "more", "labels": {"app": "web"}},
    "spec": {"nodeName": "node-0", "terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "echo"}]},
}
_ALIAS: Json = {"type": "ExternalName", "externalName": "www.example.com"}
_NAMESPACE: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}

KINDS = (
    Kind("a pod unready, ready", _ready("web-0", "false"), _ready("web-0", None)),
    Kind("a pod comes, goes", _made(_PODS, _MORE), _gone(f"{_PODS}/more")),
    Kind("a Service comes, goes", _made(_SERVICES, _service("named", _NAMED)), _gone(f"{_SERVICES}/named")),
    Kind("a headless pod unready, ready", _ready("db-0", "false"), _ready("db-0", None)),
    Kind("an ExternalName comes, goes", _made(_SERVICES, _service("alias", _ALIAS)), _gone(f"{_SERVICES}/alias")),
    Kind("a namespace comes, goes", _made(_NAMESPACES, _NAMESPACE), _gone(f"{_NAMESPACES}/fresh")),
    Kind("an edited file comes up", lambda lab: lab.up(1), lambda lab: lab.up(0)),
    Kind("the Corefile is edited", _corefile("ttl 30", "ttl 29"), _corefile("ttl 29", "ttl 30"), COREDNS),
)


def kinds(server: str) -> Iterator[Kind]:
    """Those that there are with this DNS server."""
    return (kind for kind in KINDS if kind.only in ("", server))
