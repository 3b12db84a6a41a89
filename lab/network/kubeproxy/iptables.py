"""kube-proxy in iptables mode: the chains of every Service, as `iptables-save` prints them once they are loaded.

Source of chains, order and comments: kube-proxy. `iptables-save` (1.8.9) moves `-s`, `-d` and `-p` to the front, writes
--or-mark and --xor-mark as --set-xmark, REJECT with its default, and a probability as the kernel keeps it (in 1/2^31).
The canary chains of a real node, by which kube-proxy and kubelet notice that somebody flushed the tables, are left out:
here whoever observes the node notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.fixed import EXTERNAL_INTENT, FILTER, NAT, NODE_PORTS_LAST, jumps
from lab.network.kubeproxy.names import endpoint_chain, external_chain, service_chain
from lab.network.kubeproxy.targets import proxied_ports
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.targets import PodAddresses, ProxiedPort, Target

__all__ = ["LARGE_CLUSTER", "chains", "jumps", "probabilities"]

LARGE_CLUSTER = 1000
"""Above so many endpoints in all kube-proxy leaves out the comments of the rules it has one of per endpoint."""


class PortRules(NamedTuple):
    """What one Service port adds: a rule in KUBE-SERVICES of the filter or of the nat table, and chains of its own.

    With a node port also a rule in KUBE-EXTERNAL-SERVICES of the filter or in KUBE-NODEPORTS of the nat table.
    """

    filter: tuple[Rule, ...] = ()
    external: tuple[Rule, ...] = ()
    nat: tuple[Rule, ...] = ()
    node_ports: tuple[Rule, ...] = ()
    chains: tuple[Chain, ...] = ()


def chains(cluster: Cluster, addresses: PodAddresses, node: str, cluster_cidr: str) -> tuple[Chain, ...]:
    """All of kube-proxy's chains on `node`, the filter table's first. `cluster_cidr` is the pods' network.

    The rules are made once, for the cluster's first node, and shared: asking for another node costs little.
    """
    shared = _shared(_Inputs(cluster, addresses, cluster_cidr))
    if node == cluster.nodes[0]:
        return shared
    return tuple([Chain(node, one.table, one.name, one.rules, "", one.intent) for one in shared])


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What the chains follow from, compared by identity: hashing a whole cluster costs as much as making its rules."""

    cluster: Cluster
    addresses: PodAddresses
    cluster_cidr: str

    def __hash__(self) -> int:
        return hash((id(self.cluster), id(self.addresses), self.cluster_cidr))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Inputs)
            and self.cluster is other.cluster
            and self.addresses is other.addresses
            and self.cluster_cidr == other.cluster_cidr
        )


@lru_cache(maxsize=2)
def _shared(inputs: _Inputs) -> tuple[Chain, ...]:
    place = inputs.cluster.nodes[0]
    ports = proxied_ports(inputs.cluster, inputs.addresses)
    commented = sum([len(port.targets) for port in ports]) <= LARGE_CLUSTER
    made = [_port_rules(place, port, inputs.cluster_cidr, commented) for port in ports]
    refused = tuple([rule for port in made for rule in port.filter])
    external = tuple([rule for port in made for rule in port.external])
    served = tuple([rule for port in made for rule in port.nat])
    node_ports = tuple([rule for port in made for rule in port.node_ports])
    return (
        Chain(place, "filter", "KUBE-SERVICES", refused, "", "ClusterIPs of Services without a ready endpoint"),
        Chain(place, "filter", "KUBE-EXTERNAL-SERVICES", external, "", EXTERNAL_INTENT),
        *(Chain(place, "filter", name, rules, "", intent) for name, rules, intent in FILTER),
        Chain(place, "nat", "KUBE-SERVICES", (*served, NODE_PORTS_LAST), "", "ClusterIPs of all Services"),
        Chain(place, "nat", "KUBE-NODEPORTS", node_ports, "", "node ports of Services"),
        *(Chain(place, "nat", name, rules, "", intent) for name, rules, intent in NAT),
        *[chain for port in made for chain in port.chains],
    )


@lru_cache(maxsize=1 << 16)
def _port_rules(place: str, port: ProxiedPort, cluster_cidr: str, commented: bool) -> PortRules:
    """Remembered from one state of the cluster to the next: what did not change is not made again."""
    ready = port.ready
    protocol = port.protocol
    match = f"-d {port.cluster_ip}/32 -p {protocol} -m comment --comment"
    to_port = f"-m {protocol} --dport {port.port}"
    if not ready:
        text = f'{match} "{port.name} has no endpoints" {to_port} -j REJECT --reject-with icmp-port-unreachable'
        refused = "has no ready endpoint: refused"
        return PortRules(
            filter=(Rule(text, f"Service {port.title} {refused}"),),
            external=(Rule(_external_refusal(port), f"{_node_port(port)} {refused}"),) if port.node_port else (),
        )
    how_many = f"1 of {len(ready)} endpoints chosen at random" if len(ready) > 1 else "its only endpoint"
    intent = f"Service {port.title} ({how_many})"
    matched = f'{match} "{port.name} cluster IP" {to_port}'
    choices = [
        Rule(
            f"! -s {cluster_cidr} {matched} -j KUBE-MARK-MASQ",
            f"Service {port.title}: a client that is no pod is masqueraded, so that replies return through this node",
        )
    ]
    behind = []
    for target, choice in zip(ready, probabilities(len(ready)), strict=True):
        endpoint = _endpoint(place, port, target, commented)
        comment = f'-m comment --comment "{port.name} -> {target.endpoint}" ' if commented else ""
        choices.append(Rule(f"{comment}{choice}-j {endpoint.name}", endpoint.intent))
        behind.append(endpoint)
    chain = Chain(place, "nat", service_chain(port.name, protocol), tuple(choices), "", intent)
    served = (Rule(f"{matched} -j {chain.name}", intent),)
    if not port.node_port:
        return PortRules(nat=served, chains=(chain, *behind))
    external = _external(place, port, chain.name)
    entry = (
        f'-p {protocol} -m comment --comment "{port.name}" -m {protocol} --dport {port.node_port} -j {external.name}'
    )
    node_ports = (Rule(entry, f"{_node_port(port)} ({how_many})"),)
    return PortRules(nat=served, node_ports=node_ports, chains=(chain, external, *behind))


def _node_port(port: ProxiedPort) -> str:
    return f"node port {port.node_port} of Service {port.title}"


def _external_refusal(port: ProxiedPort) -> str:
    return (
        f'-p {port.protocol} -m comment --comment "{port.name} has no endpoints" -m addrtype --dst-type LOCAL '
        f"-m {port.protocol} --dport {port.node_port} -j REJECT --reject-with icmp-port-unreachable"
    )


def _external(place: str, port: ProxiedPort, service: str) -> Chain:
    """KUBE-EXT of a Service whose externalTrafficPolicy is Cluster: any endpoint will do, wherever it is."""
    masquerade = Rule(
        f'-m comment --comment "masquerade traffic for {port.name} external destinations" -j KUBE-MARK-MASQ',
        f"{_node_port(port)}: masqueraded, so that replies return through this node",
    )
    onward = Rule(f"-j {service}", f"{_node_port(port)}: to any of its endpoints")
    name = external_chain(port.name, port.protocol)
    return Chain(place, "nat", name, (masquerade, onward), "", f"{_node_port(port)}, whoever asks")


def _endpoint(place: str, port: ProxiedPort, target: Target, commented: bool) -> Chain:
    """KUBE-SEP: first the hairpin, then the translation."""
    protocol = port.protocol
    intent = f"endpoint {target.name} of Service {port.title}"
    comment = f'-m comment --comment "{port.name}" ' if commented else ""
    hairpin = Rule(
        f"-s {target.address}/32 {comment}-j KUBE-MARK-MASQ",
        f"hairpin: {target.name} reaching itself through its Service is masqueraded",
    )
    translate = Rule(f"-p {protocol} {comment}-m {protocol} -j DNAT --to-destination {target.endpoint}", intent)
    name = endpoint_chain(port.name, protocol, target.endpoint)
    return Chain(place, "nat", name, (hairpin, translate), "", intent)


@cache
def probabilities(count: int) -> tuple[str, ...]:
    """Matches that choose one of `count` evenly, each with a space behind; the last is "": it takes whoever is left."""
    return tuple(_statistic(count))


def _statistic(count: int) -> Iterator[str]:
    for left in range(count, 1, -1):
        # kube-proxy writes ten decimals, the kernel keeps 1/2^31ths, iptables-save prints eleven decimals of those
        kept = round(float(f"{1 / left:.10f}") * 0x80000000)
        yield f"-m statistic --mode random --probability {kept / 0x80000000:.11f} "
    if count:
        yield ""
