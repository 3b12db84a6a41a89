"""What kube-proxy's nft table has whatever the Services are: base chains, where they lead, and the maps they look into.

Source: kube-proxy 1.37, nftables mode. Only the source ranges are looked at before the translation; whoever has no
endpoint was not translated, and its packets still have the Service's own address in the filter. The texts are what
`nft list` (1.0.6) prints once they are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.network.objects import NftChain, NftHook, NftTable, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.options import ProxyOptions

TABLE = "kube-proxy"
DSTNAT, FILTER, SRCNAT = -100, 0, 100

MARK = "meta mark set meta mark | 0x00004000"
"""Marked: `masquerading` will give it this node's address."""
REJECT = "reject-chain"
SERVICE_IPS, NODE_PORTS = "service-ips", "service-nodeports"
EMPTY_SERVICES, EMPTY_NODE_PORTS = "no-endpoint-services", "no-endpoint-nodeports"
FIREWALL_IPS, CLUSTER_IPS, NODE_PORT_IPS = "firewall-ips", "cluster-ips", "nodeport-ips"

ADDRESSES = "ipv4_addr"
BY_PORT = "inet_proto . inet_service : verdict"
BY_ADDRESS = f"{ADDRESSES} . {BY_PORT}"
BY_ENDS = f"{ADDRESSES} . {ADDRESSES} . inet_proto . inet_service"


class Kept(NamedTuple):
    """A set or map that is always there: its name, its type, the comment that kube-proxy gives it, and what it is."""

    name: str
    type: str
    comment: str
    intent: str


HAIRPINS = Kept(
    "hairpin-connections", BY_ENDS, "service hairpin connections", "endpoints on this node that may reach themselves"
)
"""What each node has of its own endpoints."""

SETS = (
    Kept(CLUSTER_IPS, ADDRESSES, "Active ClusterIPs", "every ClusterIP"),
    Kept(NODE_PORT_IPS, ADDRESSES, "IPs that accept NodePort traffic", "this node's addresses that have node ports"),
    Kept(
        EMPTY_SERVICES,
        BY_ADDRESS,
        "vmap to drop or reject packets to services with no endpoints",
        "Services without an endpoint for who asks",
    ),
    Kept(
        EMPTY_NODE_PORTS,
        BY_PORT,
        "vmap to drop or reject packets to service nodeports with no endpoints",
        "node ports without an endpoint for who asks",
    ),
    Kept(
        FIREWALL_IPS,
        BY_ADDRESS,
        "destinations that are subject to LoadBalancerSourceRanges",
        "load balancer addresses that only some may use",
    ),
    Kept(
        SERVICE_IPS,
        BY_ADDRESS,
        "ClusterIP, ExternalIP and LoadBalancer IP traffic",
        "addresses of Services, and the chains that choose an endpoint",
    ),
    Kept(NODE_PORTS, BY_PORT, "NodePort traffic", "node ports, and the chains that choose an endpoint"),
)
"""In the order in which a node lists them, behind HAIRPINS."""

_TO_EMPTY = Rule("ct state new jump service-endpoints-check", "Services without endpoints")
_TO_EMPTY_NODE_PORTS = Rule("ct state new jump nodeport-endpoints-check", "node ports without endpoints")
_TO_UNKNOWN = Rule("ct state new jump cluster-ips-check", "ClusterIPs and ports that no Service has")
_TO_FIREWALL = Rule("ct state new jump firewall-check", "who may use a load balancer's address")
_TO_SERVICES = Rule("jump services", "Services: from a Service's address to an endpoint")
_TO_MASQUERADE = Rule("jump masquerading", "marked Service traffic is masqueraded")

# Each as name, type, hook, priority and rules.
_BASES: tuple[tuple[str, str, str, int, tuple[Rule, ...]], ...] = (
    ("filter-prerouting-pre-dnat", "filter", "prerouting", DSTNAT - 10, (_TO_FIREWALL,)),
    ("filter-output-pre-dnat", "filter", "output", DSTNAT - 10, (_TO_FIREWALL,)),
    ("filter-input", "filter", "input", FILTER, (_TO_EMPTY_NODE_PORTS, _TO_EMPTY)),
    ("filter-forward", "filter", "forward", FILTER, (_TO_EMPTY, _TO_UNKNOWN)),
    ("filter-output", "filter", "output", FILTER, (_TO_EMPTY, _TO_UNKNOWN)),
    ("nat-prerouting", "nat", "prerouting", DSTNAT, (_TO_SERVICES,)),
    ("nat-output", "nat", "output", DSTNAT, (_TO_SERVICES,)),
    ("nat-postrouting", "nat", "postrouting", SRCNAT, (_TO_MASQUERADE,)),
)


def table(place: str) -> NftTable:
    """The table itself."""
    return NftTable(place, TABLE, "rules for kube-proxy", "kube-proxy: Services of the cluster")


def chains(
    place: str, every_address: bool, options: ProxyOptions, service_cidrs: tuple[str, ...]
) -> tuple[NftChain, ...]:
    """The base chains and what they jump to.

    With `every_address` node ports answer on all of the node's but 127.0.0.0/8, else on those in `nodeport-ips`.
    Addresses in `service_cidrs` that no Service has are dropped.
    """
    bases = [
        NftChain(place, TABLE, name, rules, NftHook(kind, hook, priority), "", f"kube-proxy in {hook}")
        for name, kind, hook, priority, rules in _BASES
    ]
    regular = [
        NftChain(place, TABLE, name, rules, None, comment, intent)
        for name, rules, comment, intent in _regular(every_address, options, service_cidrs)
    ]
    return (*bases, *regular)


_ADDRESS_AND_PORT = "ip daddr . meta l4proto . th dport"
_PORT = "meta l4proto . th dport"

# Each as name, rules, comment and intent.
_Regular = tuple[str, tuple[Rule, ...], str, str]


def _regular(every_address: bool, options: ProxyOptions, service_cidrs: tuple[str, ...]) -> tuple[_Regular, ...]:
    # What is sent to 127.0.0.0/8 would have to leave with another source: that is not supported in this mode.
    own = "ip daddr != 127.0.0.0/8" if every_address else f"ip daddr @{NODE_PORT_IPS}"
    served = f"fib daddr type local {own}" if every_address else own
    return (
        (
            "nodeport-endpoints-check",
            (Rule(f"{own} {_PORT} vmap @{EMPTY_NODE_PORTS}", "node ports without an endpoint for who asks"),),
            "",
            "node ports without endpoints",
        ),
        (
            "service-endpoints-check",
            (Rule(f"{_ADDRESS_AND_PORT} vmap @{EMPTY_SERVICES}", "Services without an endpoint for who asks"),),
            "",
            "Services without endpoints",
        ),
        (
            "firewall-check",
            (Rule(f"{_ADDRESS_AND_PORT} vmap @{FIREWALL_IPS}", "load balancer addresses that only some may use"),),
            "",
            "who may use a load balancer's address",
        ),
        (
            "services",
            (
                *_outsiders(options),
                Rule(f"{_ADDRESS_AND_PORT} vmap @{SERVICE_IPS}", "addresses of all Services"),
                Rule(f"{served} {_PORT} vmap @{NODE_PORTS}", "node ports: whatever is sent to an address of this node"),
            ),
            "",
            "from a Service's address to an endpoint",
        ),
        ("masquerading", _MASQUERADING, "", "marked Service traffic is masqueraded"),
        ("cluster-ips-check", _unknown(service_cidrs), "", "ClusterIPs and ports that no Service has"),
        (
            REJECT,
            (Rule("reject", "refused at once: nobody is there to answer"),),
            f"helper for @{EMPTY_SERVICES} / @{EMPTY_NODE_PORTS}",
            "refuses what is sent to Services without endpoints",
        ),
    )


_MASQUERADING = (
    Rule(
        "meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random",
        "marked Service traffic leaves with this node's address, and without the mark: masqueraded once is enough",
    ),
    Rule(
        f"ct status dnat ip saddr . ip daddr . meta l4proto . th dport @{HAIRPINS.name} masquerade fully-random",
        "hairpin: a pod that reaches itself through a Service is masqueraded",
    ),
)


def _outsiders(options: ProxyOptions) -> tuple[Rule, ...]:
    """Whose packets to a ClusterIP are masqueraded: it is said once for all Services."""
    if options.masquerade_all:
        told = "every client of a ClusterIP is masqueraded (masqueradeAll)"
        return (Rule(f'ip daddr @{CLUSTER_IPS} {MARK} comment "masquerade all clusterIP traffic"', told),)
    if not options.cluster_cidr:
        return ()
    outside = f"ip daddr @{CLUSTER_IPS} ip saddr != {options.cluster_cidr} {MARK}"
    told = "a client of a ClusterIP that is no pod is masqueraded, so that replies return through this node"
    return (Rule(f'{outside} comment "masquerade clusterIP traffic from outside cluster"', told),)


def _unknown(service_cidrs: tuple[str, ...]) -> tuple[Rule, ...]:
    invalid = Rule(
        f'ip daddr @{CLUSTER_IPS} reject comment "Reject traffic to invalid ports of ClusterIPs"',
        "a ClusterIP, but no port of its Service: refused",
    )
    if not service_cidrs:
        return (invalid,)
    among = service_cidrs[0] if len(service_cidrs) == 1 else f"{{ {', '.join(service_cidrs)} }}"
    unallocated = Rule(
        f'ip daddr {among} drop comment "Drop traffic to unallocated ClusterIPs"',
        "no Service has this ClusterIP: dropped",
    )
    return (invalid, unallocated)
