"""kube-proxy in ipvs mode: virtual servers in the kernel's IPVS, addresses on kube-ipvs0, ipsets, and a few rules.

Source: kube-proxy, ipvs mode; the scheduler is its default, round robin. The text has a part for each tool that takes
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy import ipvs_chains, ipvs_sets
from lab.network.kubeproxy.exposure import ways
from lab.network.kubeproxy.restore import built_in_chains, restore_text
from lab.network.kubeproxy.targets import proxied_ports

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.targets import PodAddresses, ProxiedPort, Target
    from lab.network.objects import Chain, IpSet

DEVICE = "kube-ipvs0"
_OPTION = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}


class VirtualServer(NamedTuple):
    """One address and port of a Service, with the endpoints that IPVS takes in turn."""

    address: str
    port: int
    protocol: str
    seconds: int
    """of session affinity, 0 for none"""
    targets: tuple[Target, ...]
    intent: str


class Ipvs(NamedTuple):
    """All of a node. `bound` are the addresses on kube-ipvs0."""

    bound: tuple[str, ...]
    sets: tuple[IpSet, ...]
    servers: tuple[VirtualServer, ...]
    chains: tuple[Chain, ...]


class _Place(NamedTuple):
    """Where kube-proxy is; `zone` may be ""."""

    node: str
    zone: str


def ipvs(cluster: Cluster, addresses: PodAddresses, node: str, options: ProxyOptions) -> Ipvs:
    """What kube-proxy makes on `node`. Node ports are on the addresses of it that are known, but for 127.0.0.1."""
    ports = proxied_ports(cluster, addresses)
    own = addresses.nodes[node]
    place = _Place(node, cluster.zone_of[node])
    servers = tuple(server for port in ports for server in _servers(port, place, _node_port_addresses(own, options)))
    bound = dict.fromkeys(address for port in ports for address in _bound(port) if address != own)
    made = ipvs_sets.sets(node, ports, own, bound)
    members = {item.name: item.members for item in made}
    chains = ipvs_chains.chains(node, members, ports, own, options)
    return Ipvs(tuple(bound), made, servers, (*built_in_chains(node, ipvs_chains.jumps()), *chains))


def _node_port_addresses(own: str, options: ProxyOptions) -> tuple[str, ...]:
    return (own,) if options.any_node_port_address else options.node_port_addresses((own,))


def _bound(port: ProxiedPort) -> tuple[str, ...]:
    return (port.cluster_ip, *port.external_ips, *port.load_balancer_ips)


def _servers(port: ProxiedPort, place: _Place, own: Iterable[str]) -> Iterator[VirtualServer]:
    told = f"Service {port.title}"
    inside = _targets(port, place, local=port.internal_local)
    yield VirtualServer(port.cluster_ip, port.port, port.protocol, port.affinity_seconds, inside, told)
    outside = _targets(port, place, local=port.external_local)
    for way in ways(port):
        for address in (way.address,) if way.address else own:
            yield VirtualServer(address, way.number, port.protocol, port.affinity_seconds, outside, way.title)


def _targets(port: ProxiedPort, place: _Place, *, local: bool) -> tuple[Target, ...]:
    """Under a Local policy this node's; where it has none, all of them: in this mode pods here get through."""
    everywhere = port.near(*place) if port.uses_cluster else ()
    return port.local(place.node) or everywhere if local else everywhere


def ipvs_text(made: Ipvs, *, explained: bool = False) -> str:
    """Input of `ip -batch`, `ipset restore`, `ipvsadm-restore` and `iptables-restore`, each under a heading."""
    parts = (
        (f"ip -batch -: {DEVICE}, on which the Services' addresses are this node's own", _device(made.bound)),
        ("ipset restore", _sets(made.sets, explained=explained)),
        ("ipvsadm-restore", _virtual_servers(made.servers, explained=explained)),
        ("iptables-restore --noflush", [restore_text(made.chains, explained=explained).rstrip("\n")]),
    )
    return "\n\n".join("\n".join([f"### {title}", *lines]) for title, lines in parts) + "\n"


def _device(bound: Sequence[str]) -> Iterator[str]:
    yield f"link add {DEVICE} type dummy"
    yield from (f"address add {address}/32 dev {DEVICE}" for address in bound)


def _sets(sets: Iterable[IpSet], *, explained: bool) -> Iterator[str]:
    for item in sets:
        if explained:
            yield f"# {item.intent}"
        yield f"create {item.name} {item.type}"
        yield from (f"add {item.name} {member}" for member in item.members)


def _virtual_servers(servers: Iterable[VirtualServer], *, explained: bool) -> Iterator[str]:
    for server in servers:
        if explained:
            yield f"# {server.intent}: {_how_many(len(server.targets))}"
        at = f"{_OPTION[server.protocol]} {server.address}:{server.port}"
        yield f"-A {at} -s rr" + (f" -p {server.seconds}" if server.seconds else "")
        for target in server.targets:
            yield f"-a {at} -r {target.endpoint} -m -w 1"


def _how_many(count: int) -> str:
    return f"{count} endpoints in turn" if count > 1 else "its only endpoint" if count else "no endpoint"
