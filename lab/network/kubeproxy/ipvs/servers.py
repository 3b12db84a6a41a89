"""kube-proxy in ipvs mode: virtual servers in the kernel's IPVS, addresses on kube-ipvs0, ipsets, and a few rules.

Source: kube-proxy, ipvs mode (1.34). The text has a part for each tool that takes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.iptables.exposure import ways
from lab.network.kubeproxy.iptables.restore import built_in_chains, restore_text
from lab.network.kubeproxy.ipvs import chains as ipvs_chains
from lab.network.kubeproxy.ipvs import sets as ipvs_sets
from lab.network.kubeproxy.service_ports import proxied_ports
from lab.network.objects import Address, Interface, RealServer, Sysctl, VirtualServer
from lab.network.objects.ipvs_text import server_line

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses, ProxiedPort, Target
    from lab.network.objects import Chain, IpSet

DEVICE = "kube-ipvs0"
SETTINGS = {
    "net.ipv4.vs.conntrack": "connections that IPVS balances are remembered by conntrack, as iptables' are",
    "net.ipv4.vs.expire_nodest_conn": "a connection whose endpoint is gone ends with its next packet",
    "net.ipv4.vs.expire_quiescent_template": "a client whose endpoint takes no new connections gets another one",
}
_MTU = 1500


class Ipvs(NamedTuple):
    """All of a node that follows from its Services. `bound` are the addresses on kube-ipvs0; of the servers each
    virtual one comes before its real ones.
    """

    bound: tuple[Address, ...]
    sets: tuple[IpSet, ...]
    servers: tuple[VirtualServer | RealServer, ...]
    chains: tuple[Chain, ...]

    @property
    def objects(self) -> tuple[Address | IpSet | VirtualServer | RealServer | Chain, ...]:
        """In the order in which a person would make them."""
        return (*self.bound, *self.sets, *self.servers, *self.chains)


class _Place(NamedTuple):
    """Where kube-proxy is; `zone` may be ""."""

    node: str
    zone: str
    scheduler: str


def ipvs(cluster: Cluster, addresses: PodAddresses, node: str, options: ProxyOptions) -> Ipvs:
    """What kube-proxy makes on `node`, without its jumps from the built-in chains."""
    ports = proxied_ports(cluster, addresses)
    own = addresses.nodes[node]
    held = addresses.held(node)
    answering = held if options.any_node_port_address else options.node_port_addresses(held)
    place = _Place(node, cluster.zone_of[node], options.scheduler)
    servers = tuple(server for port in ports for server in _servers(port, place, answering))
    bound = {address.address: address for port in ports for address in _bound(port, node, held)}
    made = ipvs_sets.sets(node, ports, own, answering, [text.partition("/")[0] for text in bound])
    members = {item.name: item.members for item in made}
    return Ipvs(tuple(bound.values()), made, servers, ipvs_chains.chains(node, members, ports, own, options))


def device(node: str) -> Interface:
    """kube-ipvs0, which is down and stays so: addresses are a node's own on whatever device they are."""
    told = "the Services' addresses are the node's own, so that its IPVS gets what is sent to them"
    return Interface(node, DEVICE, "dummy", "", _MTU, up=False, intent=told)


def settings(node: str) -> Iterator[Sysctl]:
    """What kube-proxy sets before anything else."""
    return (Sysctl(node, name, "1", intent) for name, intent in SETTINGS.items())


def _bound(port: ProxiedPort, node: str, held: Sequence[str]) -> Iterator[Address]:
    yield Address(node, DEVICE, f"{port.cluster_ip}/32", f"ClusterIP of Service {port.title}")
    for way in ways(port):
        if way.address and way.address not in held:
            yield Address(node, DEVICE, f"{way.address}/32", way.title)


def _servers(port: ProxiedPort, place: _Place, own: Iterable[str]) -> Iterator[VirtualServer | RealServer]:
    inside = _targets(port, place, local=port.internal_local)
    yield from _balanced(port, place, port.cluster_ip, port.port, inside, f"Service {port.title}")
    outside = _targets(port, place, local=port.external_local)
    for way in ways(port):
        for address in (way.address,) if way.address else own:
            yield from _balanced(port, place, address, way.number, outside, way.title)


def _balanced(
    port: ProxiedPort, place: _Place, address: str, number: int, targets: Sequence[Target], title: str
) -> Iterator[VirtualServer | RealServer]:
    told = f"{title}: {_how_many(len(targets))}"
    seconds = port.affinity_seconds
    yield VirtualServer(place.node, port.protocol, address, number, place.scheduler, seconds, told)
    for one in targets:
        told = f"endpoint {one.name} of {title}"
        yield RealServer(place.node, port.protocol, address, number, one.endpoint, 1, told)


def _targets(port: ProxiedPort, place: _Place, *, local: bool) -> tuple[Target, ...]:
    """Under a Local policy this node's; where it has none, all of them: in this mode pods here get through."""
    everywhere = port.near(place.node, place.zone) if port.uses_cluster else ()
    return port.local(place.node) or everywhere if local else everywhere


def ipvs_text(node: str, made: Ipvs, *, explained: bool = False) -> str:
    """Input of `ip -batch`, `ipset restore`, `ipvsadm-restore` and `iptables-restore`, each under a heading."""
    chains = (*built_in_chains(node, ipvs_chains.jumps()), *made.chains)
    parts = (
        (f"ip -batch -: {DEVICE}, on which the Services' addresses are this node's own", _device(made.bound)),
        ("ipset restore", _sets(made.sets, explained=explained)),
        ("ipvsadm-restore", _virtual_servers(made.servers, explained=explained)),
        ("iptables-restore --noflush", [restore_text(chains, explained=explained).rstrip("\n")]),
    )
    return "\n\n".join("\n".join([f"### {title}", *lines]) for title, lines in parts) + "\n"


def _device(bound: Sequence[Address]) -> Iterator[str]:
    yield f"link add {DEVICE} type dummy"
    yield from (f"address add {item.address} dev {DEVICE}" for item in bound)


def _sets(sets: Iterable[IpSet], *, explained: bool) -> Iterator[str]:
    for item in sets:
        if explained:
            yield f"# {item.intent}"
        usual = f" {ipvs_sets.USUAL}" if item.type.startswith("hash:") else ""
        yield f"create {item.name} {item.type}{usual}"
        yield from (f"add {item.name} {member}" for member in item.members)


def _virtual_servers(servers: Iterable[VirtualServer | RealServer], *, explained: bool) -> Iterator[str]:
    for item in servers:
        if explained and isinstance(item, VirtualServer):
            yield f"# {item.intent}"
        yield server_line(item)


def _how_many(count: int) -> str:
    return f"{count} endpoints in turn" if count > 1 else "its only endpoint" if count else "no endpoint"
