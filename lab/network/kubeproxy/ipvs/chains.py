"""kube-proxy's iptables rules in ipvs mode: they mark, filter and let through what its ipsets hold; IPVS does the rest.

Source of chains, order and comments: kube-proxy, ipvs mode. A set that is empty has no rule in the nat table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lab.network.kubeproxy.iptables import fixed
from lab.network.kubeproxy.ipvs import sets
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import ProxiedPort

_MASQUERADE = "KUBE-MARK-MASQ"
_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}
_TO = "dst,dst"
_FROM_OUTSIDE = "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL"
_TO_HERE = "-m addrtype --dst-type LOCAL"

# Built-in chains from top to bottom (each jump was inserted above the one before): comment, chain, intent.
_JUMPS: dict[tuple[str, str], tuple[tuple[str, str, str], ...]] = {
    ("filter", "INPUT"): (
        (
            "kubernetes ipvs access filter",
            "KUBE-IPVS-FILTER",
            "Services' addresses are this node's: other ports stay shut",
        ),
        ("kube-proxy firewall rules", "KUBE-PROXY-FIREWALL", "who may use a load balancer's address"),
        ("kubernetes health check rules", "KUBE-NODE-PORT", "health check ports of Services"),
    ),
    ("filter", "FORWARD"): (
        ("kube-proxy firewall rules", "KUBE-PROXY-FIREWALL", "who may use a load balancer's address"),
        ("kubernetes forwarding rules", "KUBE-FORWARD", "traffic of Services may be forwarded"),
    ),
    ("filter", "OUTPUT"): (
        ("kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER", "load balancers that this node may not use"),
    ),
    ("nat", "PREROUTING"): (("kubernetes service portals", "KUBE-SERVICES", "what of Services is masqueraded"),),
    ("nat", "OUTPUT"): (("kubernetes service portals", "KUBE-SERVICES", "what of Services is masqueraded"),),
    ("nat", "POSTROUTING"): (("kubernetes postrouting rules", "KUBE-POSTROUTING", "marked traffic is masqueraded"),),
}


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Rules of the built-in chains by (table, chain), from top to bottom."""
    return {
        where: tuple(Rule(f'-m comment --comment "{comment}" -j {chain}', told) for comment, chain, told in rules)
        for where, rules in _JUMPS.items()
    }


def chains(
    place: str, members: Mapping[str, tuple[str, ...]], ports: Iterable[ProxiedPort], own: str, options: ProxyOptions
) -> tuple[Chain, ...]:
    """All of kube-proxy's chains on a node; `members` are those of its sets, `own` is its address."""
    filled = {name: bool(found) for name, found in members.items()}
    made = (
        ("filter", "KUBE-FORWARD", fixed.FORWARD[1:], "traffic of Services may be forwarded"),
        ("filter", "KUBE-NODE-PORT", _health(), "health check ports of Services"),
        ("filter", "KUBE-PROXY-FIREWALL", _guarded(filled), "who may use a load balancer's address"),
        ("filter", "KUBE-SOURCE-RANGES-FIREWALL", _allowed(filled), "load balancers that only some may use"),
        ("filter", "KUBE-IPVS-FILTER", _shut(), "Services' addresses are this node's: other ports stay shut"),
        ("filter", "KUBE-IPVS-OUT-FILTER", _barred(ports, own), "load balancers that this node may not use"),
        ("nat", "KUBE-SERVICES", _services(filled, options), "what of Services is masqueraded"),
        ("nat", "KUBE-POSTROUTING", _postrouting(filled), "marked Service traffic is masqueraded"),
        ("nat", "KUBE-NODE-PORT", _node_ports(filled), "node ports of Services"),
        ("nat", "KUBE-LOAD-BALANCER", _load_balancer(filled), "addresses of load balancers"),
        ("nat", _MASQUERADE, fixed.MARK_MASQ, "marks what KUBE-POSTROUTING shall masquerade"),
    )
    return tuple(Chain(place, table, name, tuple(rules), "", told) for table, name, rules, told in made)


def _match(name: str, way: str, target: str, intent: str, before: str = "", after: str = "") -> Rule:
    """A rule about a set's members, with the comment that kube-proxy gives it."""
    comment = f'-m comment --comment "{sets.COMMENTS[name]}"'
    words = (before, comment, f"-m set --match-set {name} {way}", after, f"-j {target}")
    return Rule(" ".join(word for word in words if word), intent)


def _services(filled: Mapping[str, bool], options: ProxyOptions) -> Iterator[Rule]:
    yield Rule("-s 127.0.0.0/8 -j RETURN", "who asks from 127.0.0.0/8 is left alone")
    if filled[sets.LOAD_BALANCER]:
        yield _match(sets.LOAD_BALANCER, _TO, "KUBE-LOAD-BALANCER", "addresses of load balancers")
    if filled[sets.CLUSTER_IP]:
        yield _cluster_ips(options)
    if filled[sets.EXTERNAL_IP]:
        told = "external IPs: masqueraded, so that replies return through this node"
        yield _match(sets.EXTERNAL_IP, _TO, _MASQUERADE, told)
    for name in (sets.EXTERNAL_IP, sets.EXTERNAL_IP_LOCAL):
        if filled[name]:
            yield _match(name, _TO, "ACCEPT", "external IPs: asked from outside of this machine", after=_FROM_OUTSIDE)
            yield _match(name, _TO, "ACCEPT", "external IPs that are this machine's own", after=_TO_HERE)
    yield Rule(f"{_TO_HERE} -j KUBE-NODE-PORT", "node ports: whatever is sent to an address of this node")
    for name in (sets.CLUSTER_IP, sets.LOAD_BALANCER):
        if filled[name]:
            told = "what IPVS serves passes whatever rules follow"
            yield Rule(f"-m set --match-set {name} {_TO} -j ACCEPT", told)


def _cluster_ips(options: ProxyOptions) -> Rule:
    if options.masquerade_all:
        return _match(sets.CLUSTER_IP, _TO, _MASQUERADE, "ClusterIPs: every client is masqueraded (masqueradeAll)")
    if options.cluster_cidr:
        told = "ClusterIPs: a client that is no pod is masqueraded, so that replies return through this node"
        return _match(sets.CLUSTER_IP, _TO, _MASQUERADE, told, before=f"! -s {options.cluster_cidr}")
    told = "ClusterIPs: this node, which asks with the ClusterIP as its own address, is masqueraded"
    return _match(sets.CLUSTER_IP, "src,dst", _MASQUERADE, told)


def _postrouting(filled: Mapping[str, bool]) -> Iterator[Rule]:
    if filled[sets.LOOP_BACK]:
        told = "hairpin: a pod reaching itself through its Service is masqueraded"
        yield _match(sets.LOOP_BACK, "dst,dst,src", "MASQUERADE", told)
    yield from fixed.POSTROUTING


def _node_ports(filled: Mapping[str, bool]) -> Iterator[Rule]:
    for protocol, name in sets.NODE_PORT.items():
        way = _TO if protocol == "sctp" else "dst"
        if filled[sets.NODE_PORT_LOCAL[protocol]]:
            told = "node ports to this node's endpoints: the client's address stays"
            yield _match(sets.NODE_PORT_LOCAL[protocol], way, "RETURN", told, before=f"-p {protocol}")
        if filled[name]:
            told = "node ports: masqueraded, so that replies return through this node"
            yield _match(name, way, _MASQUERADE, told, before=f"-p {protocol}")


def _load_balancer(filled: Mapping[str, bool]) -> Iterator[Rule]:
    if filled[sets.LOAD_BALANCER_LOCAL]:
        told = "load balancers to this node's endpoints: the client's address stays"
        yield _match(sets.LOAD_BALANCER_LOCAL, _TO, "RETURN", told)
    yield Rule(f"-j {_MASQUERADE}", "load balancers: masqueraded, so that replies return through this node")


def _guarded(filled: Mapping[str, bool]) -> Iterator[Rule]:
    if filled[sets.GUARDED]:
        yield _match(sets.GUARDED, _TO, "KUBE-SOURCE-RANGES-FIREWALL", "load balancers that only some may use")


def _allowed(filled: Mapping[str, bool]) -> Iterator[Rule]:
    if filled[sets.ALLOWED]:
        yield _match(sets.ALLOWED, "dst,dst,src", "RETURN", "clients in a load balancer's source ranges are let in")
    if filled[sets.ALLOWED_ITSELF]:
        told = "this node is let in, also when it asks with the load balancer's address"
        yield _match(sets.ALLOWED_ITSELF, "dst,dst,src", "RETURN", told)
    yield Rule("-j DROP", "who is left is dropped")


def _barred(ports: Iterable[ProxiedPort], own: str) -> Iterator[Rule]:
    """IPVS has a node ask a load balancer with that very address: no source range tells it."""
    for port in ports:
        if port.source_ranges and not sets.node_is_allowed(port, own):
            for address in port.load_balancer_ips:
                seen = f"-m ipvs --vproto {_NUMBERS[port.protocol]} --vaddr {address} --vport {port.port}"
                told = f"load balancer of Service {port.title}: this node is in none of its source ranges"
                yield Rule(f"-s {address}/32 {seen} -j DROP", told)


def _health() -> tuple[Rule, ...]:
    return (_match(sets.HEALTH, "dst", "ACCEPT", "load balancers may ask whether this node has endpoints"),)


def _shut() -> Iterator[Rule]:
    served = ((sets.LOAD_BALANCER, _TO), (sets.CLUSTER_IP, _TO), (sets.EXTERNAL_IP, _TO), (sets.EXTERNAL_IP_LOCAL, _TO))
    for name, way in (*served, (sets.HEALTH, "dst")):
        yield Rule(f"-m set --match-set {name} {way} -j RETURN", "a port that a Service has")
    yield Rule(
        f"-m conntrack --ctstate NEW -m set --match-set {sets.BOUND} dst -j REJECT --reject-with icmp-port-unreachable",
        "a Service's address, but no port of it: the node's own servers are not meant",
    )
