"""Services of every kind, with the endpoints behind them: each field that kube-proxy reads is met by some of them.

node-0 (zone-a) ── subnet-a ── node-1 (zone-b)     router ── subnet-b ── node-2 (no zone)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

NODES = ("node-0", "node-1", "node-2")
ADDRESSES = {
    "node-0": "10.0.1.10,10.244.0.0",
    "node-1": "10.0.1.11,10.244.0.64",
    "node-2": "10.0.2.10,10.244.0.128",
}
"""Each node's own, and its tunnel's."""
ZONES = {"node-0": "zone-a", "node-1": "zone-b", "node-2": ""}
TOPOLOGY = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: parity}
spec:
  subnets: [{name: subnet-a, cidr: 10.0.1.0/24}, {name: subnet-b, cidr: 10.0.2.0/24}]
  nodes:
    - {name: node-0, subnet: subnet-a, address: 10.0.1.10, zone: zone-a}
    - {name: node-1, subnet: subnet-a, address: 10.0.1.11, zone: zone-b}
    - {name: node-2, subnet: subnet-b, address: 10.0.2.10}
  services: {cidr: 172.16.0.0/16, proxy: iptables}
"""
CLUSTER_CIDR = "10.244.0.0/16"
NAMESPACE = "shop"
LONG_NAMESPACE = "a-namespace-whose-name-is-nearly-as-long-as-kubernetes-allows"


def end(address: int, node: str = "", *conditions: str, zones: Sequence[str] = (), nodes: Sequence[str] = ()) -> Json:
    """An endpoint 10.244.N.ADDRESS of the node; ready unless the conditions say otherwise."""
    number = NODES.index(node) if node else 9
    hints = {"forZones": [{"name": one} for one in zones], "forNodes": [{"name": one} for one in nodes]}
    said = {key: value for key, value in hints.items() if value}
    return {
        "addresses": [f"10.244.{number}.{address}"],
        "conditions": {
            "ready": not conditions,
            "serving": "down" not in conditions and "unready" not in conditions,
            "terminating": "leaving" in conditions,
        },
        **({"nodeName": node} if node else {}),
        **({"hints": said} if said else {}),
    }


EVERYWHERE = (end(20, "node-0"), end(20, "node-1"), end(20, "node-2"))
HTTP: Json = {"name": "http", "port": 80, "targetPort": 8080}


@dataclass(frozen=True, slots=True)
class Case:
    """One Service: what its spec says beside the address, the addresses of its load balancer, and its slices."""

    name: str
    spec: Json
    slices: tuple[tuple[Json, ...], ...] = (EVERYWHERE,)
    ingress: tuple[Json, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    namespace: str = NAMESPACE

    @property
    def ports(self) -> list[Json]:
        found: list[Json] = self.spec.get("ports", [HTTP])
        return found


def _local(policy: str = "externalTrafficPolicy") -> Json:
    return {policy: "Local"}


def _affinity(seconds: int) -> Json:
    return {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}}


def _ranges(*prefixes: str) -> Json:
    return {"loadBalancerSourceRanges": list(prefixes)}


_NODE_PORT: Json = {"type": "NodePort"}
_BALANCED: Json = {"type": "LoadBalancer"}
_BARE: Json = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}


def _vip(*addresses: str, mode: str = "VIP") -> tuple[Json, ...]:
    return tuple({"ip": address, "ipMode": mode} for address in addresses)


CASES = (
    Case("plain", {}),
    Case("udp", {"ports": [{**HTTP, "protocol": "UDP"}]}),
    Case("sctp", {"ports": [{**HTTP, "protocol": "SCTP"}]}),
    Case("nameless-port", {"ports": [{"port": 80, "targetPort": 8080}]}),
    Case(
        "several-ports",
        {
            "ports": [
                HTTP,
                {"name": "https", "port": 443, "targetPort": 8443},
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
                {"name": "dns-tcp", "port": 53, "targetPort": 5353},
            ]
        },
    ),
    Case("one-endpoint", {}, ((end(21, "node-1"),),)),
    Case("twelve-endpoints", {}, (tuple(end(number, NODES[number % 3]) for number in range(100, 112)),)),
    Case("two-slices", {}, (EVERYWHERE[:2], (end(22, "node-2"), end(20, "node-0")))),
    Case("nobody", {}, ((),)),
    Case("no-slice", {}, ()),
    Case("unready", {}, ((end(23, "node-0", "unready"), end(23, "node-1", "unready")),)),
    Case("leaving", {}, ((end(24, "node-0", "leaving"), end(24, "node-1", "leaving")),)),
    Case("gone", {}, ((end(25, "node-0", "leaving", "down"),),)),
    Case("one-stays", {}, ((end(26, "node-0", "leaving"), end(26, "node-1"), end(27, "node-2", "unready")),)),
    Case("nodeless", {}, ((end(28), end(28, "node-0")),)),
    Case("other-port-name", {"ports": [{**HTTP, "name": "web"}]}, (EVERYWHERE,)),
    Case("internal-local", _local("internalTrafficPolicy")),
    Case("internal-local-elsewhere", _local("internalTrafficPolicy"), ((end(29, "node-1"),),)),
    Case(
        "internal-local-leaving",
        _local("internalTrafficPolicy"),
        ((end(30, "node-0", "leaving"), end(30, "node-1")),),
    ),
    Case("internal-local-nobody", _local("internalTrafficPolicy"), ((),)),
    Case("node-port", _NODE_PORT),
    Case("node-port-udp", {**_NODE_PORT, "ports": [{**HTTP, "protocol": "UDP"}]}),
    Case("node-port-sctp", {**_NODE_PORT, "ports": [{**HTTP, "protocol": "SCTP"}]}),
    Case("node-port-nobody", _NODE_PORT, ((),)),
    Case("node-port-local", {**_NODE_PORT, **_local()}),
    Case("node-port-local-elsewhere", {**_NODE_PORT, **_local()}, ((end(31, "node-2"),),)),
    Case("node-port-local-nobody", {**_NODE_PORT, **_local()}, ((),)),
    Case(
        "node-port-local-leaving",
        {**_NODE_PORT, **_local()},
        ((end(32, "node-0", "leaving"), end(32, "node-1"), end(33, "node-1", "leaving")),),
    ),
    Case(
        "both-local",
        {**_NODE_PORT, **_local(), **_local("internalTrafficPolicy")},
        ((end(34, "node-0"), end(35, "node-0")),),
    ),
    Case("internal-local-node-port", {**_NODE_PORT, **_local("internalTrafficPolicy")}, ((end(36, "node-1"),),)),
    Case("external-ips", {"externalIPs": ["198.51.100.1", "198.51.100.2"]}),
    Case("external-ips-local", {"externalIPs": ["198.51.100.3"], **_local()}, ((end(37, "node-0"),),)),
    Case("external-ips-nobody", {"externalIPs": ["198.51.100.4"]}, ((),)),
    Case(
        "external-ip-shared",
        {"externalIPs": ["198.51.100.1"], "ports": [{**HTTP, "port": 8081}]},
    ),
    Case("balanced", _BALANCED, ingress=_vip("192.0.2.1")),
    Case("balanced-twice", _BALANCED, ingress=_vip("192.0.2.2", "192.0.2.3")),
    Case("balanced-proxy", _BALANCED, ingress=_vip("192.0.2.4", mode="Proxy")),
    Case("balanced-mixed", _BALANCED, ingress=(*_vip("192.0.2.5"), *_vip("192.0.2.6", mode="Proxy"))),
    Case("balanced-by-name", _BALANCED, ingress=({"hostname": "balanced.example.com"},)),
    Case("balanced-pending", _BALANCED),
    Case("balanced-nobody", _BALANCED, ((),), _vip("192.0.2.7")),
    Case("balanced-bare", _BARE, ingress=_vip("192.0.2.8")),
    Case("balanced-sctp", {**_BARE, "ports": [{**HTTP, "protocol": "SCTP"}]}, ingress=_vip("192.0.2.9")),
    Case("guarded", {**_BALANCED, **_ranges("203.0.113.0/24", "198.51.100.77/32")}, ingress=_vip("192.0.2.10")),
    Case("guarded-node", {**_BALANCED, **_ranges("10.0.1.0/24")}, ingress=_vip("192.0.2.11", "192.0.2.12")),
    Case("guarded-touching", {**_BARE, **_ranges("10.8.0.0/24", "10.8.1.0/24")}, ingress=_vip("192.0.2.13")),
    Case("guarded-nobody", {**_BALANCED, **_ranges("203.0.113.0/24")}, ((),), _vip("192.0.2.14")),
    Case("guarded-everybody", {**_BALANCED, **_ranges("0.0.0.0/0")}, ingress=_vip("192.0.2.15")),
    Case("checked", {**_BALANCED, **_local()}, ingress=_vip("192.0.2.16")),
    Case("checked-elsewhere", {**_BALANCED, **_local()}, ((end(38, "node-2"),),), _vip("192.0.2.17")),
    Case("checked-nobody", {**_BALANCED, **_local()}, ((),), _vip("192.0.2.18")),
    Case(
        "checked-guarded",
        {**_BALANCED, **_local(), **_ranges("203.0.113.0/24")},
        ((end(39, "node-1"),),),
        _vip("192.0.2.19"),
    ),
    Case("sticky", _affinity(10800)),
    Case("sticky-one", _affinity(100), ((end(40, "node-1"),),)),
    Case("sticky-nobody", _affinity(100), ((),)),
    Case("sticky-udp", {**_affinity(600), "ports": [{**HTTP, "protocol": "UDP"}]}),
    Case("sticky-local", {**_NODE_PORT, **_local(), **_affinity(5400)}),
    Case(
        "sticky-local-leaving",
        {**_NODE_PORT, **_local(), **_affinity(30)},
        ((end(41, "node-0", "leaving"), end(41, "node-1")),),
    ),
    Case(
        "zones",
        {"trafficDistribution": "PreferSameZone"},
        (tuple(end(42, node, zones=[ZONES[node] or "zone-a"]) for node in NODES),),
    ),
    Case(
        "zones-of-others",
        {"trafficDistribution": "PreferClose"},
        ((end(43, "node-0", zones=["zone-c"]), end(43, "node-1", zones=["zone-b"])),),
    ),
    Case("zones-of-some", {}, ((end(44, "node-0", zones=["zone-a"]), end(44, "node-1")),)),
    Case(
        "zones-and-unready",
        {},
        (
            (
                end(45, "node-0", zones=["zone-a"]),
                end(45, "node-1", zones=["zone-b"]),
                end(46, "node-1", "unready"),
            ),
        ),
    ),
    Case(
        "nodes",
        {"trafficDistribution": "PreferSameNode"},
        (tuple(end(47, node, nodes=[node], zones=["zone-a"]) for node in NODES[:2]),),
    ),
    Case(
        "zones-local",
        {**_NODE_PORT, **_local()},
        ((end(48, "node-0", zones=["zone-b"]), end(48, "node-1", zones=["zone-b"])),),
    ),
    Case(
        "sticky-zones",
        _affinity(60),
        (tuple(end(49, node, zones=[ZONES[node] or "zone-b"]) for node in NODES),),
    ),
    Case(
        "all-at-once",
        {
            **_BALANCED,
            **_affinity(1800),
            **_ranges("203.0.113.0/24", "10.0.2.0/24"),
            "externalIPs": ["198.51.100.9"],
            "ports": [HTTP, {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353}],
        },
        ingress=_vip("192.0.2.20"),
    ),
    Case("unready-published", {"publishNotReadyAddresses": True}),
    Case("headless", {"clusterIP": "None"}),
    Case("elsewhere", {"type": "ExternalName", "externalName": "elsewhere.example.com", "ports": [HTTP]}, ()),
    Case("anothers", {}, labels=(("service.kubernetes.io/service-proxy-name", "another"),)),
    Case(
        "a-service-whose-name-is-as-long-as-kubernetes-allows-it-to-be",
        {"ports": [{**HTTP, "name": "a-port-with-quite-a-long-name"}]},
        ((),),
        namespace=LONG_NAMESPACE,
    ),
    Case("checked-pending", {**_BARE, **_local()}),
)


def service(case: Case, number: int) -> Json:
    """The Service, without its status; its addresses and ports follow from its number."""
    spec: Json = {"clusterIP": f"172.16.100.{number + 1}", **case.spec}
    ports = [{"protocol": "TCP", **port} for port in case.ports]
    if spec.get("type") in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts", True):
        ports = [{**port, "nodePort": 30000 + 10 * number + at} for at, port in enumerate(ports)]
    if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        spec["healthCheckNodePort"] = 31900 + number
    if spec.get("type") == "ExternalName":
        del spec["clusterIP"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": case.name, "namespace": case.namespace, "labels": dict(case.labels)},
        "spec": {**spec, "ports": ports},
    }


def slices(case: Case) -> Iterator[Json]:
    """Its EndpointSlices."""
    names = {"other-port-name": "http"}
    for number, ends in enumerate(case.slices):
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{case.name}-{number}"[-63:].lstrip("-"),
                "namespace": case.namespace,
                "labels": {"kubernetes.io/service-name": case.name},
            },
            "addressType": "IPv4",
            "endpoints": list(ends),
            "ports": [
                {
                    "name": names.get(case.name, port.get("name", "")),
                    "protocol": port.get("protocol", "TCP"),
                    "port": port["targetPort"],
                }
                for port in case.ports
            ],
        }
