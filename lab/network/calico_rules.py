"""The iptables rules of a Calico node without policies and host endpoints, table by table, as Felix 3.27 has them.

The per-pod chains are in `calico_workloads`. Source: felix/rules (static chains, NAT), and saved rules of real nodes.
"""

from __future__ import annotations

from functools import lru_cache

from lab.network.calico_sets import Tunnel
from lab.network.felix import (
    ACCEPT_MARK,
    ALL_MARKS,
    FROM_WORKLOAD_MARK,
    Template,
    Words,
    hashed,
    incoming,
    mark,
    named_protocol,
    outgoing,
    plain,
    protocol,
    set_mark,
    template,
    to_ports,
)
from lab.network.objects import Chain, Rule

CIDR_MARKS = "0xe0000"  # all but the accept bit
IPIP = 4
UDP = 17
FAILSAFE_IN = (("tcp", 22), ("udp", 68), *(("tcp", port) for port in (179, 2379, 2380, 5473, 6443, 6666, 6667)))
FAILSAFE_OUT = (
    ("udp", 53),
    ("udp", 67),
    *(("tcp", port) for port in (179, 2379, 2380, 5473, 6443, 6666, 6667)),
)

_ACCEPTED = mark(ACCEPT_MARK, ACCEPT_MARK)
_HOST_ACCEPTED = "Host endpoint policy accepted packet."
_TO_LOCAL = plain("-m addrtype --dst-type LOCAL")
_FROM_LOCAL = plain("-m addrtype --src-type LOCAL")
_TRACKED = plain("-m conntrack --ctstate RELATED,ESTABLISHED")


@lru_cache(maxsize=8)
def static_chains(tunnel: Tunnel) -> tuple[tuple[str, str, tuple[Rule, ...], str], ...]:
    """(table, chain, rules, intent) of every chain that is the same on all nodes with this tunnel."""
    chains: list[tuple[str, str, tuple[Template, ...], str]] = [
        *_raw(tunnel),
        *_MANGLE,
        *_nat(tunnel),
        ("filter", "cali-INPUT", _input(tunnel), "what is for the node itself"),
        ("filter", "cali-OUTPUT", _output(tunnel), "what the node itself sends"),
        *_FILTER,
    ]
    return tuple((table, name, hashed(name, templates), intent) for table, name, templates, intent in chains)


def chains(node: str, tunnel: Tunnel) -> tuple[Chain, ...]:
    """All chains of a node but those that depend on its pods."""
    return tuple(Chain(node, table, name, rules, intent=intent) for table, name, rules, intent in static_chains(tunnel))


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """What Felix puts on top of the built-in chains: one jump each, by (table, chain)."""
    return {
        (table, chain): hashed(chain, (template(f"-j cali-{chain}", intent=f"Calico's rules for {chain}"),))
        for table, names in _HOOKS
        for chain in names
    }


def forward_end() -> tuple[Rule, ...]:
    """What Felix appends to the very end of FORWARD."""
    return hashed(
        "FORWARD*appends*",
        (
            template("-j ACCEPT", _ACCEPTED, comment="Policy explicitly accepted packet."),
            template(set_mark(ACCEPT_MARK, ACCEPT_MARK), intent="forwarded traffic, not for host endpoint policy"),
        ),
    )


_HOOKS = (
    ("raw", ("PREROUTING", "OUTPUT")),
    ("mangle", ("PREROUTING", "POSTROUTING")),
    ("nat", ("PREROUTING", "OUTPUT", "POSTROUTING")),
    ("filter", ("INPUT", "FORWARD", "OUTPUT")),
)


def _raw(tunnel: Tunnel) -> list[tuple[str, str, tuple[Template, ...], str]]:
    notrack: tuple[Template, ...] = ()
    if tunnel.kind == "vxlan":
        port = Words(f"--dport {tunnel.port}", match=f"-m udp --dport {tunnel.port}")
        intent = "VXLAN has another source port each way: nothing to track"
        notrack = (template("-j NOTRACK", named_protocol("udp"), port, intent=intent),)
    from_pod = mark(FROM_WORKLOAD_MARK, FROM_WORKLOAD_MARK)
    spoofed = Words("-m rpfilter --invert --validmark", match="-m rpfilter --validmark --invert")
    prerouting = (
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        *notrack,
        template(set_mark(FROM_WORKLOAD_MARK, FROM_WORKLOAD_MARK), incoming("cali+"), intent="from a pod of this node"),
        template("-j cali-rpf-skip", from_pod, intent="pods that may use foreign addresses"),
        template("-j DROP", from_pod, spoofed, intent="a pod with an address that is not its own"),
        template("-j cali-from-host-endpoint", mark("0", FROM_WORKLOAD_MARK)),
        template("-j ACCEPT", _ACCEPTED),
    )
    output = (
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-to-host-endpoint"),
        *notrack,
        template("-j ACCEPT", _ACCEPTED),
    )
    return [
        ("raw", "cali-PREROUTING", prerouting, "before connection tracking"),
        ("raw", "cali-OUTPUT", output, "before connection tracking"),
        ("raw", "cali-rpf-skip", (), "pods that may use foreign addresses"),
        ("raw", "cali-from-host-endpoint", (), "untracked policy"),
        ("raw", "cali-to-host-endpoint", (), "untracked policy"),
    ]


_MANGLE: tuple[tuple[str, str, tuple[Template, ...], str], ...] = (
    (
        "mangle",
        "cali-PREROUTING",
        (
            template("-j ACCEPT", _TRACKED),
            template("-j ACCEPT", _ACCEPTED),
            template("-j cali-from-host-endpoint"),
            template("-j ACCEPT", _ACCEPTED, comment=_HOST_ACCEPTED),
        ),
        "policy before DNAT",
    ),
    (
        "mangle",
        "cali-POSTROUTING",
        (
            template("-j RETURN", _ACCEPTED, intent="forwarded"),
            template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
            template("-j cali-to-host-endpoint", plain("-m conntrack --ctstate DNAT")),
            template("-j RETURN", _ACCEPTED, comment=_HOST_ACCEPTED),
        ),
        "policy after DNAT",
    ),
    ("mangle", "cali-from-host-endpoint", (), "policy before DNAT"),
    ("mangle", "cali-to-host-endpoint", (), "policy after DNAT"),
)


def _nat(tunnel: Tunnel) -> list[tuple[str, str, tuple[Template, ...], str]]:
    through_tunnel: tuple[Template, ...] = ()
    if tunnel.kind:
        through_tunnel = (
            template(
                "-j MASQUERADE --random-fully",
                outgoing(tunnel.device),
                plain("-m addrtype ! --src-type LOCAL --limit-iface-out"),
                _FROM_LOCAL,
                intent="the node itself into the tunnel: with the tunnel's address",
            ),
        )
    outgoing_nat = template(
        "-j MASQUERADE --random-fully",
        plain("-m set --match-set cali40masq-ipam-pools src"),
        plain("-m set ! --match-set cali40all-ipam-pools dst"),
        intent="a pod leaving the cluster: with the node's address",
    )
    postrouting = (template("-j cali-fip-snat"), template("-j cali-nat-outgoing"), *through_tunnel)
    return [
        ("nat", "cali-PREROUTING", (template("-j cali-fip-dnat"),), "floating addresses"),
        ("nat", "cali-OUTPUT", (template("-j cali-fip-dnat"),), "floating addresses"),
        ("nat", "cali-POSTROUTING", postrouting, "source NAT of what leaves"),
        ("nat", "cali-fip-dnat", (), "floating addresses"),
        ("nat", "cali-fip-snat", (), "floating addresses"),
        ("nat", "cali-nat-outgoing", (outgoing_nat,), "pods leaving the cluster"),
    ]


def _input(tunnel: Tunnel) -> tuple[Template, ...]:
    guard: tuple[Template, ...] = ()
    if tunnel.kind == "ipip":
        known = plain("-m set --match-set cali40all-hosts-net src")
        ipip = protocol(IPIP, "ipencap")
        allow, drop = "Allow IPIP packets from Calico hosts", "Drop IPIP packets from non-Calico hosts"
        guard = (
            template("-j ACCEPT", ipip, known, _TO_LOCAL, comment=allow, intent="IPIP from a known node"),
            template("-j DROP", ipip, comment=drop, intent="IPIP from a stranger"),
        )
    if tunnel.kind == "vxlan":
        known = plain("-m set --match-set cali40all-vxlan-net src")
        vxlan = (protocol(UDP, "udp"), to_ports(tunnel.port))
        allow, drop = "Allow IPv4 VXLAN packets from allowed hosts", "Drop IPv4 VXLAN packets from non-allowed hosts"
        guard = (
            template("-j ACCEPT", *vxlan, known, _TO_LOCAL, comment=allow, intent="VXLAN from a known node"),
            template("-j DROP", *vxlan, _TO_LOCAL, comment=drop, intent="VXLAN from a stranger"),
        )
    return (
        *guard,
        template("-g cali-wl-to-host", incoming("cali+"), intent="from a pod of this node to the node"),
        template("-j ACCEPT", _ACCEPTED),
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-from-host-endpoint"),
        template("-j ACCEPT", _ACCEPTED, comment=_HOST_ACCEPTED),
    )


def _output(tunnel: Tunnel) -> tuple[Template, ...]:
    allow: tuple[Template, ...] = ()
    if tunnel.kind == "ipip":
        known = plain("-m set --match-set cali40all-hosts-net dst")
        comment = "Allow IPIP packets to other Calico hosts"
        allow = (template("-j ACCEPT", protocol(IPIP, "ipencap"), known, _FROM_LOCAL, comment=comment),)
    if tunnel.kind == "vxlan":
        known = plain("-m set --match-set cali40all-vxlan-net dst")
        comment = "Allow IPv4 VXLAN packets to other allowed hosts"
        vxlan = (protocol(UDP, "udp"), to_ports(tunnel.port))
        allow = (template("-j ACCEPT", *vxlan, _FROM_LOCAL, known, comment=comment, intent="VXLAN to a known node"),)
    return (
        template("-j ACCEPT", _ACCEPTED),
        template("-j RETURN", outgoing("cali+"), intent="the node to one of its pods"),
        *allow,
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-to-host-endpoint", plain("-m conntrack ! --ctstate DNAT")),
        template("-j ACCEPT", _ACCEPTED, comment=_HOST_ACCEPTED),
    )


def _failsafe(ports: tuple[tuple[str, int], ...]) -> tuple[Template, ...]:
    return tuple(
        template("-j ACCEPT", named_protocol(name), to_ports(port), intent=f"{name} {port} is never shut out")
        for name, port in ports
    )


_FILTER: tuple[tuple[str, str, tuple[Template, ...], str], ...] = (
    (
        "filter",
        "cali-FORWARD",
        (
            template(set_mark("0", CIDR_MARKS), intent="clear Calico's marks"),
            template("-j cali-from-hep-forward", mark("0", ACCEPT_MARK)),
            template("-j cali-from-wl-dispatch", incoming("cali+"), intent="from a pod of this node: its egress rules"),
            template("-j cali-to-wl-dispatch", outgoing("cali+"), intent="to a pod of this node: its ingress rules"),
            template("-j cali-to-hep-forward"),
            template("-j cali-cidr-block"),
        ),
        "what the node forwards",
    ),
    ("filter", "cali-cidr-block", (), "Service addresses that would loop"),
    ("filter", "cali-failsafe-in", _failsafe(FAILSAFE_IN), "ports that host endpoint policy never shuts"),
    ("filter", "cali-failsafe-out", _failsafe(FAILSAFE_OUT), "ports that host endpoint policy never shuts"),
    ("filter", "cali-from-hep-forward", (), "host endpoint policy"),
    ("filter", "cali-from-host-endpoint", (), "host endpoint policy"),
    ("filter", "cali-to-hep-forward", (), "host endpoint policy"),
    ("filter", "cali-to-host-endpoint", (), "host endpoint policy"),
    (
        "filter",
        "cali-wl-to-host",
        (
            template("-j cali-from-wl-dispatch", intent="the pod's egress rules"),
            template("-j ACCEPT", comment="Configured DefaultEndpointToHostAction"),
        ),
        "from a pod to its node",
    ),
)
