"""kube-proxy's ipsets in ipvs mode: what they hold, so that a few rules say something of all Services.

Source of names, types, comments and entries: kube-proxy, ipvs mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab.network.ipv4 import Prefix, number
from lab.network.objects import IpSet

if TYPE_CHECKING:
    from lab.network.kubeproxy.service_ports import ProxiedPort

ADDRESS, PORT = "hash:ip", "hash:ip,port"
PORT_AND_ADDRESS, PORT_AND_PREFIX = "hash:ip,port,ip", "hash:ip,port,net"
USUAL = "family inet hashsize 1024 maxelem 65536"
"""What kube-proxy says of each of those besides; it is the kernel's default."""
BITMAP = "bitmap:port range 0-65535"

LOOP_BACK, CLUSTER_IP = "KUBE-LOOP-BACK", "KUBE-CLUSTER-IP"
EXTERNAL_IP, EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"
LOAD_BALANCER, LOAD_BALANCER_LOCAL = "KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-LOCAL"
GUARDED, ALLOWED = "KUBE-LOAD-BALANCER-FW", "KUBE-LOAD-BALANCER-SOURCE-CIDR"
ALLOWED_ITSELF = "KUBE-LOAD-BALANCER-SOURCE-IP"
HEALTH, BOUND = "KUBE-HEALTH-CHECK-NODE-PORT", "KUBE-IPVS-IPS"
NODE_PORT = {"tcp": "KUBE-NODE-PORT-TCP", "udp": "KUBE-NODE-PORT-UDP", "sctp": "KUBE-NODE-PORT-SCTP-HASH"}
NODE_PORT_LOCAL = {
    "tcp": "KUBE-NODE-PORT-LOCAL-TCP",
    "udp": "KUBE-NODE-PORT-LOCAL-UDP",
    "sctp": "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
}


class Kept(NamedTuple):
    """A set that is always there. `comment` is kube-proxy's, in the rules that name the set; `intent` is for people."""

    name: str
    type: str
    comment: str
    intent: str


_LOCAL = "with externalTrafficPolicy=local"
_BY_HASH = r"with type \'hash ip:port\'"  # as iptables-save prints it

SETS = (
    Kept(
        LOOP_BACK,
        PORT_AND_ADDRESS,
        "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
        "endpoints on this node that reach themselves through a Service",
    ),
    Kept(CLUSTER_IP, PORT, "Kubernetes service cluster ip + port for masquerade purpose", "every ClusterIP and port"),
    Kept(
        EXTERNAL_IP,
        PORT,
        "Kubernetes service external ip + port for masquerade and filter purpose",
        "external IPs that lead to any endpoint",
    ),
    Kept(
        EXTERNAL_IP_LOCAL,
        PORT,
        f"Kubernetes service external ip + port {_LOCAL}",
        "external IPs that lead to this node's endpoints",
    ),
    Kept(LOAD_BALANCER, PORT, "Kubernetes service lb portal", "every load balancer's address and port"),
    Kept(
        GUARDED,
        PORT,
        "Kubernetes service load balancer ip + port for load balancer with sourceRange",
        "load balancers' addresses that only some may use",
    ),
    Kept(
        LOAD_BALANCER_LOCAL,
        PORT,
        f"Kubernetes service load balancer ip + port {_LOCAL}",
        "load balancers' addresses that lead to this node's endpoints",
    ),
    Kept(
        ALLOWED_ITSELF,
        PORT_AND_ADDRESS,
        "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
        "load balancers that this node may use, with their address as its own",
    ),
    Kept(
        ALLOWED,
        PORT_AND_PREFIX,
        "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
        "who may use which load balancer",
    ),
    Kept(NODE_PORT["tcp"], BITMAP, "Kubernetes nodeport TCP port for masquerade purpose", "node ports, TCP"),
    Kept(
        NODE_PORT_LOCAL["tcp"],
        BITMAP,
        f"Kubernetes nodeport TCP port {_LOCAL}",
        "node ports that lead to this node's endpoints, TCP",
    ),
    Kept(NODE_PORT["udp"], BITMAP, "Kubernetes nodeport UDP port for masquerade purpose", "node ports, UDP"),
    Kept(
        NODE_PORT_LOCAL["udp"],
        BITMAP,
        f"Kubernetes nodeport UDP port {_LOCAL}",
        "node ports that lead to this node's endpoints, UDP",
    ),
    Kept(
        NODE_PORT["sctp"],
        PORT,
        f"Kubernetes nodeport SCTP port for masquerade purpose {_BY_HASH}",
        "node ports, SCTP",
    ),
    Kept(
        NODE_PORT_LOCAL["sctp"],
        PORT,
        f"Kubernetes nodeport SCTP port {_LOCAL} {_BY_HASH}",
        "node ports that lead to this node's endpoints, SCTP",
    ),
    Kept(HEALTH, BITMAP, "Kubernetes health check node port", "health check ports of Services"),
    Kept(BOUND, ADDRESS, "", "addresses on kube-ipvs0"),
)
COMMENTS = {kept.name: kept.comment for kept in SETS}


def sets(
    place: str, ports: Iterable[ProxiedPort], own: str, answering: Sequence[str], bound: Iterable[str]
) -> tuple[IpSet, ...]:
    """All sets on the node `place`, whose own address is `own` and whose node ports are on those `answering`; `bound`
    are the addresses on kube-ipvs0.
    """
    entries: dict[str, set[str]] = {kept.name: set() for kept in SETS}
    entries[BOUND] = set(bound)
    for port in ports:
        for name, entry in _entries(port, place, own, answering):
            entries[name].add(entry)
    return tuple(IpSet(place, kept.name, kept.type, tuple(sorted(entries[kept.name])), kept.intent) for kept in SETS)


def _entries(port: ProxiedPort, node: str, own: str, answering: Sequence[str]) -> Iterator[tuple[str, str]]:
    for target in port.targets:
        if target.node == node:
            served = target.endpoint.rpartition(":")[2]
            yield LOOP_BACK, f"{target.address},{port.protocol}:{served},{target.address}"
    at = f"{port.protocol}:{port.port}"
    yield CLUSTER_IP, f"{port.cluster_ip},{at}"
    for address in port.external_ips:
        yield EXTERNAL_IP_LOCAL if port.external_local else EXTERNAL_IP, f"{address},{at}"
    for address in port.load_balancer_ips:
        yield LOAD_BALANCER, f"{address},{at}"
        if port.external_local:
            yield LOAD_BALANCER_LOCAL, f"{address},{at}"
        if port.source_ranges:
            yield GUARDED, f"{address},{at}"
            for prefix in port.source_ranges:
                yield ALLOWED, f"{address},{at},{prefix.removesuffix('/32')}"
            if node_is_allowed(port, own):
                yield ALLOWED_ITSELF, f"{address},{at},{address}"
    if port.node_port and answering:
        number_, sctp = port.node_port, port.protocol == "sctp"
        for entry in [f"{one},sctp:{number_}" for one in answering] if sctp else [str(number_)]:
            yield NODE_PORT[port.protocol], entry
            if port.external_local:
                yield NODE_PORT_LOCAL[port.protocol], entry
    if port.health_check_port and (answering or not port.node_port):  # else kube-proxy is done with the Service by now
        yield HEALTH, str(port.health_check_port)


def node_is_allowed(port: ProxiedPort, own: str) -> bool:
    """Whether a load balancer's source ranges have the node's own address in them."""
    return any(number(own) in Prefix.of(prefix) for prefix in port.source_ranges)
