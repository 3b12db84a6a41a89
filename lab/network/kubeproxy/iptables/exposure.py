"""The ways to a Service port from outside: node port, external addresses, a load balancer's addresses.

Source of chains, order and comments: kube-proxy, iptables mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.iptables.names import external_chain, firewall_chain, local_chain, service_chain
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.service_ports import ProxiedPort

_HOST = "-m addrtype --src-type LOCAL"


class Way(NamedTuple):
    """One way in. `address` is "" for the node port; `comment` is kube-proxy's word for it, `title` is for people."""

    address: str
    number: int
    comment: str
    title: str
    guarded: bool = False


def ways(port: ProxiedPort) -> Iterator[Way]:
    """In kube-proxy's order."""
    for one in port.external_ips:
        yield Way(one, port.port, " external IP", f"external IP {one} of Service {port.title}")
    for one in port.load_balancer_ips:
        title = f"load balancer's address {one} of Service {port.title}"
        yield Way(one, port.port, " loadbalancer IP", title, port.guarded)
    if port.node_port:
        yield Way("", port.node_port, "", f"node port {port.node_port} of Service {port.title}")


def entries(port: ProxiedPort, told: str) -> tuple[list[Rule], list[Rule]]:
    """Rules of KUBE-SERVICES and of KUBE-NODEPORTS in the nat table; `told` says what awaits at the end."""
    services: list[Rule] = []
    node_ports: list[Rule] = []
    for way in ways(port):
        name = (firewall_chain if way.guarded else external_chain)(port.name, port.protocol)
        rule = Rule(f"{_match(port, way, port.name + way.comment)} -j {name}", f"{way.title} ({told})")
        (services if way.address else node_ports).append(rule)
    return services, node_ports


def shut(port: ProxiedPort, comment: str, target: str, told: str) -> tuple[Rule, ...]:
    """Rules of KUBE-EXTERNAL-SERVICES in the filter table, where nobody would answer; `told` says why."""
    return tuple(
        Rule(f"{_match(port, way, f'{port.name} {comment}')} -j {target}", f"{way.title} {told}")
        if way.address
        else Rule(_node_port_match(port, way, f"{port.name} {comment}", target), f"{way.title} {told}")
        for way in ways(port)
    )


def turned_away(port: ProxiedPort) -> tuple[Rule, ...]:
    """Rules of KUBE-PROXY-FIREWALL in the filter table: what KUBE-FW did not let in, and so was not translated."""
    name = firewall_chain(port.name, port.protocol)
    ranges = ", ".join(port.source_ranges)
    return tuple(
        Rule(
            f"{_match(port, way, f'{port.name} traffic not accepted by {name}')} -j DROP",
            f"{way.title}: traffic not accepted, its source ranges are {ranges}: dropped",
        )
        for way in ways(port)
        if way.guarded
    )


def health_check(port: ProxiedPort) -> tuple[Rule, ...]:
    """The rule of KUBE-NODEPORTS in the filter table: load balancers may ask whether this node has endpoints."""
    if not port.health_check_port:
        return ()
    comment = f'-m comment --comment "{port.name} health check node port"'
    text = f"-p tcp {comment} -m tcp --dport {port.health_check_port} -j ACCEPT"
    told = f"health check port {port.health_check_port} of Service {port.title}: whether this node has endpoints"
    return (Rule(text, told),)


def external(place: str, port: ProxiedPort, cluster_cidr: str, answered: bool) -> Chain:
    """KUBE-EXT, to which all ways lead. `answered`: the external policy has endpoints to lead on to."""
    name, title = external_chain(port.name, port.protocol), titles(port)
    rules = list(_at_home(port, cluster_cidr, title) if port.external_local else _anywhere(port, title))
    if answered:
        chooser = (local_chain if port.external_local else service_chain)(port.name, port.protocol)
        whose = "only to endpoints on this node" if port.external_local else "to any of its endpoints"
        rules.append(Rule(f"-j {chooser}", f"{title}: {whose}"))
    return Chain(place, "nat", name, tuple(rules), "", f"{title}, whoever asks")


def _anywhere(port: ProxiedPort, title: str) -> Iterator[Rule]:
    """Policy Cluster: any endpoint will do, wherever it is."""
    yield Rule(
        f'-m comment --comment "masquerade traffic for {port.name} external destinations" -j KUBE-MARK-MASQ',
        f"{title}: masqueraded, so that replies return through this node",
    )


def _at_home(port: ProxiedPort, cluster_cidr: str, title: str) -> Iterator[Rule]:
    """Policy Local: only for those outside. Pods and the node itself reach every endpoint, as they would otherwise."""
    service = service_chain(port.name, port.protocol)
    if cluster_cidr:
        yield Rule(
            f'-s {cluster_cidr} -m comment --comment "pod traffic for {port.name} external destinations" -j {service}',
            f"{title}: a pod may reach any endpoint, externalTrafficPolicy Local is not for it",
        )
    yield Rule(
        f'-m comment --comment "masquerade LOCAL traffic for {port.name} external destinations" {_HOST} '
        "-j KUBE-MARK-MASQ",
        f"{title}: asked by the node itself, it is masqueraded",
    )
    yield Rule(
        f'-m comment --comment "route LOCAL traffic for {port.name} external destinations" {_HOST} -j {service}',
        f"{title}: the node itself may reach any endpoint, externalTrafficPolicy Local is not for it",
    )


def guard(place: str, port: ProxiedPort, node_allowed: bool) -> Chain:
    """KUBE-FW: the load balancer's source ranges. `node_allowed`: the node's own address is in one of them.

    Then the load balancer's addresses count as well: a node that has them as its own asks with them.
    """
    onward = external_chain(port.name, port.protocol)
    said = f'-m comment --comment "{port.name} loadbalancer IP" -j {onward}'
    title = f"load balancer of Service {port.title}"
    rules = [Rule(f"-s {cidr} {said}", f"{title}: clients from {cidr} are let in") for cidr in port.source_ranges]
    if node_allowed:
        told = f"{title}: this node is let in, also when it asks with the load balancer's address"
        rules += [Rule(f"-s {one}/32 {said}", told) for one in port.load_balancer_ips]
    rest = f"other traffic to {port.name} will be dropped by KUBE-PROXY-FIREWALL"
    rules.append(Rule(f'-m comment --comment "{rest}"', f"{title}: who is left will be dropped"))
    return Chain(place, "nat", firewall_chain(port.name, port.protocol), tuple(rules), "", f"{title}: who may use it")


def _match(port: ProxiedPort, way: Way, comment: str) -> str:
    to = f"-d {way.address}/32 " if way.address else ""
    return f'{to}-p {port.protocol} -m comment --comment "{comment}" -m {port.protocol} --dport {way.number}'


def _node_port_match(port: ProxiedPort, way: Way, comment: str, target: str) -> str:
    return (
        f'-p {port.protocol} -m comment --comment "{comment}" -m addrtype --dst-type LOCAL '
        f"-m {port.protocol} --dport {way.number} -j {target}"
    )


def titles(port: ProxiedPort) -> str:
    """All its ways in one phrase: `external IP 192.0.2.1, node port 30080 of Service ns/web:80`."""
    of = f" of Service {port.title}"
    return ", ".join([way.title.removesuffix(of) for way in ways(port)]) + of
