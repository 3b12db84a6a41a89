"""What one Service port adds to kube-proxy's nft table: entries in the maps that all share, and chains of its own.

With session affinity also a chain and a set for each endpoint. Nothing here says in which place it is: nodes share it.
Source of chains and order: kube-proxy 1.37, nftables mode. The texts are what `nft list` (1.0.6) prints of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.iptables.choice import how_many
from lab.network.kubeproxy.iptables.exposure import titles, ways
from lab.network.kubeproxy.nftables.fixed import (
    EMPTY_NODE_PORTS,
    EMPTY_SERVICES,
    FIREWALL_IPS,
    MARK,
    NODE_PORTS,
    REJECT,
    SERVICE_IPS,
)
from lab.network.kubeproxy.nftables.names import (
    affinity_set,
    endpoint_chain,
    external_chain,
    firewall_chain,
    local_chain,
    service_chain,
)
from lab.network.kubeproxy.nftables.sources import one_of
from lab.network.objects import NftElement, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.iptables.portrules import Here
    from lab.network.kubeproxy.service_ports import ProxiedPort, Target

LONGEST_COMMENT = 128
"""Bytes that nft takes; kube-proxy cuts longer ones."""


class PortChain(NamedTuple):
    """A chain of the port's own."""

    name: str
    rules: tuple[Rule, ...]
    intent: str


class Affinity(NamedTuple):
    """The set of an endpoint's clients; they are forgotten after so many seconds."""

    name: str
    seconds: int
    intent: str


class PortParts(NamedTuple):
    """What one Service port adds. `elements` are of the maps, by the map's name."""

    elements: tuple[tuple[str, NftElement], ...] = ()
    chains: tuple[PortChain, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    hairpins: tuple[tuple[str, NftElement], ...] = ()
    """of `hairpin-connections`, by the node on which the endpoint is: it alone has the element"""


@lru_cache(maxsize=1 << 17)  # ports that are not the same on all nodes are asked for again and again
def port_parts(port: ProxiedPort, found: Here, cluster_cidr: str) -> PortParts:
    """The port's part on a node where `found` is the case; the same for all nodes where `found` is the same."""
    internal = found.local if port.internal_local else found.near
    external = found.local if port.external_local else found.near
    chains = list(_choosers(port, found))
    if port.chosen and port.exposed:
        chains.append(_external(port, cluster_cidr, bool(external)))
    if port.guarded:
        chains.append(_firewall(port, found.allowed))
    reached = port.reached(found.near, found.local)
    affinities: tuple[Affinity, ...] = ()
    if port.affinity_seconds:
        chains += [_endpoint(port, target) for target in reached]
        affinities = tuple([_affinity(port, target) for target in reached])
    elements = (*_cluster_ip(port, internal), *_ways_in(port, external))
    hairpins = tuple([(target.node, _hairpin(port, target)) for target in reached if target.node])
    return PortParts(elements, tuple(chains), affinities, hairpins)


def _cluster_ip(port: ProxiedPort, targets: tuple[Target, ...]) -> Iterator[tuple[str, NftElement]]:
    key = f"{port.cluster_ip} . {port.protocol} . {port.port}"
    if targets:
        chooser = (local_chain if port.internal_local else service_chain)(port.name, port.protocol)
        told = f"Service {port.title} ({how_many(port, targets, local=port.internal_local)})"
        yield SERVICE_IPS, NftElement(key, f"goto {chooser}", "", told)
    else:
        yield EMPTY_SERVICES, _empty(port, key, f"Service {port.title}", "internalTrafficPolicy")


def _ways_in(port: ProxiedPort, targets: tuple[Target, ...]) -> Iterator[tuple[str, NftElement]]:
    """Node port, external and load balancer's addresses. Under a Local policy a way may be open and barred: the chain
    lets pods and the node itself through, the filter drops who is left.
    """
    onward = f"goto {external_chain(port.name, port.protocol)}"
    for way in ways(port):
        key = f"{port.protocol} . {way.number}"
        key = f"{way.address} . {key}" if way.address else key
        if port.chosen:
            told = f"{way.title} ({how_many(port, targets, local=port.external_local)})"
            yield SERVICE_IPS if way.address else NODE_PORTS, NftElement(key, onward, "", told)
        if way.guarded:
            told = f"{way.title}: only clients from {', '.join(port.source_ranges)}"
            yield FIREWALL_IPS, NftElement(key, f"goto {firewall_chain(port.name, port.protocol)}", "", told)
        if not targets:
            where = EMPTY_SERVICES if way.address else EMPTY_NODE_PORTS
            yield where, _empty(port, key, way.title, "externalTrafficPolicy")


def _empty(port: ProxiedPort, key: str, title: str, policy: str) -> NftElement:
    if port.chosen:
        told = f"{title} has no endpoint on this node, {policy} is Local: dropped"
        return NftElement(key, "drop", port.name[:LONGEST_COMMENT], told)
    return NftElement(key, f"goto {REJECT}", port.name[:LONGEST_COMMENT], f"{title} has no ready endpoint: refused")


def _choosers(port: ProxiedPort, found: Here) -> Iterator[PortChain]:
    """The chains that choose an endpoint: of all nodes, and of this one where a Local policy asks for that."""
    if port.chosen and port.uses_cluster:
        yield _chooser(port, service_chain(port.name, port.protocol), found.near, local=False)
    if found.local:
        yield _chooser(port, local_chain(port.name, port.protocol), found.local, local=True)


def _chooser(port: ProxiedPort, name: str, targets: tuple[Target, ...], *, local: bool) -> PortChain:
    told = f"Service {port.title} ({how_many(port, targets, local=local)})"
    if port.affinity_seconds:
        return PortChain(name, tuple(_remembering(port, targets, told)), told)
    if len(targets) == 1:
        return PortChain(name, (Rule(_translation(port, targets[0]), _intent(port, targets[0])),), told)
    ends = ", ".join([f"{at} : {one.address} . {_target_port(one)}" for at, one in enumerate(targets)])
    text = f"meta l4proto {port.protocol} dnat ip to numgen random mod {len(targets)} map {{ {ends} }}"
    return PortChain(name, (Rule(text, told, tuple([_intent(port, one) for one in targets])),), told)


def _remembering(port: ProxiedPort, targets: tuple[Target, ...], told: str) -> Iterator[Rule]:
    """With session affinity each endpoint has a chain: it remembers who came."""
    names = [endpoint_chain(port.name, port.protocol, target.endpoint) for target in targets]
    for target, chain in zip(targets, names, strict=True):
        yield Rule(
            f"ip saddr @{affinity_set(port.name, port.protocol, target.endpoint)} goto {chain}",
            f"session affinity: who reached {target.name} in the last {port.affinity_seconds} s reaches it again",
        )
    choices = ", ".join([f"{number} : goto {chain}" for number, chain in enumerate(names)])
    yield Rule(f"numgen random mod {len(targets)} vmap {{ {choices} }}", told)


def _intent(port: ProxiedPort, target: Target) -> str:
    return f"endpoint {target.name} of Service {port.title}"


def _translation(port: ProxiedPort, target: Target) -> str:
    return f"meta l4proto {port.protocol} dnat to {target.endpoint}"


def _target_port(target: Target) -> str:
    return target.endpoint.rpartition(":")[2]


def _external(port: ProxiedPort, cluster_cidr: str, answered: bool) -> PortChain:
    """To where all ways from outside lead; `answered`: the external policy has endpoints to lead on to."""
    title = titles(port)
    rules = list(_at_home(port, cluster_cidr, title) if port.external_local else _anywhere(title))
    if answered:
        chooser = (local_chain if port.external_local else service_chain)(port.name, port.protocol)
        whose = "only to endpoints on this node" if port.external_local else "to any of its endpoints"
        rules.append(Rule(f"goto {chooser}", f"{title}: {whose}"))
    return PortChain(external_chain(port.name, port.protocol), tuple(rules), f"{title}, whoever asks")


def _anywhere(title: str) -> Iterator[Rule]:
    """Policy Cluster: any endpoint will do, wherever it is."""
    yield Rule(f'{MARK} comment "masquerade"', f"{title}: masqueraded, so that replies return through this node")


def _at_home(port: ProxiedPort, cluster_cidr: str, title: str) -> Iterator[Rule]:
    """Policy Local: only for those outside. Pods and the node itself reach every endpoint, as they would otherwise."""
    service = service_chain(port.name, port.protocol)
    host = "fib saddr type local"
    if cluster_cidr:
        yield Rule(
            f'ip saddr {cluster_cidr} goto {service} comment "short-circuit pod traffic"',
            f"{title}: a pod may reach any endpoint, externalTrafficPolicy Local is not for it",
        )
    yield Rule(
        f'{host} {MARK} comment "masquerade local traffic"',
        f"{title}: asked by the node itself, it is masqueraded",
    )
    yield Rule(
        f'{host} goto {service} comment "short-circuit local traffic"',
        f"{title}: the node itself may reach any endpoint, externalTrafficPolicy Local is not for it",
    )


def _firewall(port: ProxiedPort, node_allowed: bool) -> PortChain:
    """The source ranges. A node within them is let in also when it asks with the load balancer's address as its own."""
    allowed = (*port.source_ranges, *(port.load_balancer_ips if node_allowed else ()))
    title = f"load balancer of Service {port.title}"
    told = f"{title}: who is not in {', '.join(port.source_ranges)} is dropped"
    rule = Rule(f"ip saddr != {one_of(allowed)} drop", told)
    return PortChain(firewall_chain(port.name, port.protocol), (rule,), f"{title}: who may use it")


def _endpoint(port: ProxiedPort, target: Target) -> PortChain:
    """With session affinity: first that the client is remembered, then the translation."""
    told = f"session affinity: for {port.affinity_seconds} s this client will reach {target.name} again"
    name, intent = affinity_set(port.name, port.protocol, target.endpoint), _intent(port, target)
    rules = (Rule(f"update @{name} {{ ip saddr }}", told), Rule(_translation(port, target), intent))
    return PortChain(endpoint_chain(port.name, port.protocol, target.endpoint), rules, intent)


def _hairpin(port: ProxiedPort, target: Target) -> NftElement:
    key = f"{target.address} . {target.address} . {port.protocol} . {_target_port(target)}"
    return NftElement(key, "", "", f"hairpin: {target.name} reaching itself through its Service is masqueraded")


def _affinity(port: ProxiedPort, target: Target) -> Affinity:
    told = f"session affinity of Service {port.title}: who reached {target.name} not long ago"
    return Affinity(affinity_set(port.name, port.protocol, target.endpoint), port.affinity_seconds, told)
