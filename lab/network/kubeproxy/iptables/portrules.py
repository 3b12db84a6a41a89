"""What one Service port adds to a node's rules: entries in the chains that all share, and chains of its own.

Source of chains, order and comments: kube-proxy, iptables mode. The texts are what `iptables-save` (1.8.9) prints once
they are loaded: `-s`, `-d` and `-p` stand in front, addresses have their /32, REJECT its default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.network.ipv4 import Prefix, number
from lab.network.kubeproxy.iptables import exposure
from lab.network.kubeproxy.iptables.choice import choices, endpoint, how_many
from lab.network.kubeproxy.iptables.names import local_chain, service_chain
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.service_ports import ProxiedPort, Target

_REJECT = "REJECT --reject-with icmp-port-unreachable"


class Here(NamedTuple):
    """What a port's rules follow from that is not the same on all nodes.

    `near` are the endpoints that get its traffic without a Local policy, `local` those on it that such a policy uses;
    `allowed` says whether the source ranges have the node's own address in them.
    """

    near: tuple[Target, ...]
    local: tuple[Target, ...] = ()
    allowed: bool = False


class Style(NamedTuple):
    """What is the same for all ports: kube-proxy's options, and whether endpoints are few enough for comments."""

    cluster_cidr: str
    masquerade_all: bool
    commented: bool


class PortRules(NamedTuple):
    """What one Service port adds: rules of the shared chains, by table and chain, and its own chains in nat."""

    filter_services: tuple[Rule, ...] = ()
    filter_external: tuple[Rule, ...] = ()
    filter_node_ports: tuple[Rule, ...] = ()
    filter_firewall: tuple[Rule, ...] = ()
    nat_services: tuple[Rule, ...] = ()
    nat_node_ports: tuple[Rule, ...] = ()
    chains: tuple[Chain, ...] = ()


def differs_by_node(port: ProxiedPort) -> bool:
    """Whether the port's rules are not the same on all nodes."""
    return port.uses_local or port.guarded or port.hinted


def everywhere(port: ProxiedPort) -> Here:
    """What a port's rules are to follow that are the same on all nodes."""
    return Here(port.chosen)


def here(port: ProxiedPort, node: str, zone: str, address: str) -> Here:
    """What the port's rules are to follow on `node`, whose own address is `address`."""
    allowed = port.guarded and any(number(address) in Prefix.of(cidr) for cidr in port.source_ranges)
    return Here(port.near(node, zone), port.local(node) if port.uses_local else (), allowed)


def port_rules(place: str, port: ProxiedPort, found: Here, style: Style) -> PortRules:
    """The port's rules on a node. `place` is what the chains say where they are."""
    if not port.chosen:
        told = "has no ready endpoint: refused"
        return PortRules(
            filter_services=(_unserved(port, "has no endpoints", _REJECT, told),),
            filter_external=exposure.shut(port, "has no endpoints", _REJECT, told),
            filter_node_ports=exposure.health_check(port),
        )
    matched = (
        f'-d {port.cluster_ip}/32 -p {port.protocol} -m comment --comment "{port.name} cluster IP" '
        f"-m {port.protocol} --dport {port.port}"
    )
    masquerade = _masquerade(port, matched, style)
    behind = {
        one.endpoint: endpoint(place, port, one, style.commented) for one in port.reached(found.near, found.local)
    }
    local = port.internal_local
    choosers = []
    if port.uses_cluster:
        rules = choices(port, found.near, behind, style.commented)
        name = service_chain(port.name, port.protocol)
        choosers.append(_chooser(place, port, name, () if local else masquerade, rules, found.near, local=False))
    if found.local:
        rules = choices(port, found.local, behind, style.commented)
        name = local_chain(port.name, port.protocol)
        choosers.append(_chooser(place, port, name, masquerade if local else (), rules, found.local, local=True))
    refused: tuple[Rule, ...] = ()
    served: tuple[Rule, ...] = ()
    if found.local or not local:
        entry = choosers[-1 if local else 0]
        served = (Rule(f"{matched} -j {entry.name}", entry.intent),)
    else:
        told = "has no endpoint on this node, internalTrafficPolicy is Local: dropped"
        refused = (_unserved(port, "has no local endpoints", "DROP", told),)
    chains = (*choosers, *behind.values())
    if not port.exposed:
        return PortRules(refused, (), exposure.health_check(port), (), served, (), chains)
    return _exposed(place, port, found, style, PortRules(refused, (), (), (), served, (), chains))


def _exposed(place: str, port: ProxiedPort, found: Here, style: Style, inner: PortRules) -> PortRules:
    """With the ways in from outside added."""
    answering = found.local if port.external_local else found.near
    told = "has no endpoint on this node, externalTrafficPolicy is Local: dropped"
    services, node_ports = exposure.entries(port, how_many(port, answering, local=port.external_local))
    outer = [exposure.external(place, port, style.cluster_cidr, bool(answering))]
    if port.guarded:
        outer.append(exposure.guard(place, port, found.allowed))
    return PortRules(
        inner.filter_services,
        () if answering else exposure.shut(port, "has no local endpoints", "DROP", told),
        exposure.health_check(port),
        exposure.turned_away(port) if port.guarded else (),
        (*inner.nat_services, *services),
        tuple(node_ports),
        (*inner.chains, *outer),
    )


def _chooser(
    place: str,
    port: ProxiedPort,
    name: str,
    first: tuple[Rule, ...],
    rules: list[Rule],
    targets: tuple[Target, ...],
    *,
    local: bool,
) -> Chain:
    intent = f"Service {port.title} ({how_many(port, targets, local=local)})"
    return Chain(place, "nat", name, (*first, *rules), "", intent)


def _masquerade(port: ProxiedPort, matched: str, style: Style) -> tuple[Rule, ...]:
    """The first rule behind a ClusterIP."""
    if style.masquerade_all:
        told = f"Service {port.title}: every client is masqueraded (masqueradeAll)"
        return (Rule(f"{matched} -j KUBE-MARK-MASQ", told),)
    if not style.cluster_cidr:
        return ()
    told = f"Service {port.title}: a client that is no pod is masqueraded, so that replies return through this node"
    return (Rule(f"! -s {style.cluster_cidr} {matched} -j KUBE-MARK-MASQ", told),)


def _unserved(port: ProxiedPort, comment: str, target: str, told: str) -> Rule:
    """The rule of KUBE-SERVICES in the filter table for a ClusterIP behind which nobody would answer."""
    text = (
        f'-d {port.cluster_ip}/32 -p {port.protocol} -m comment --comment "{port.name} {comment}" '
        f"-m {port.protocol} --dport {port.port} -j {target}"
    )
    return Rule(text, f"Service {port.title} {told}")
