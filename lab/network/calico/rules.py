"""The iptables rules of a Calico node without policies and host endpoints, table by table, as Felix 3.27 has them.

The per-pod chains are in `calico_workloads`. Source: felix/rules (static chains, NAT), and saved rules of real nodes.
"""

from __future__ import annotations

from functools import lru_cache

from lab.network.calico.felix import (
    ALL_MARKS,
    FROM_WORKLOAD_MARK,
    ChainTemplate,
    Template,
    Words,
    hashed,
    incoming,
    mark,
    named_protocol,
    outgoing,
    plain,
    set_mark,
    template,
)
from lab.network.calico.filter import ACCEPTED, EARLIER, FROM_LOCAL, HOST_ACCEPTED, HOST_POLICY, filter_chains
from lab.network.calico.sets import Tunnel
from lab.network.calico.wireguard import DEVICE as WIREGUARD_DEVICE
from lab.network.objects import Chain, Rule

_FLOATING = "floating addresses: there are none"
_TRACKED = plain("-m conntrack --ctstate RELATED,ESTABLISHED")


@lru_cache(maxsize=8)
def static_chains(tunnel: Tunnel, nat_outgoing: bool = True) -> tuple[tuple[str, str, tuple[Rule, ...], str], ...]:
    """(table, chain, rules, intent) of every chain that is the same on all nodes with this tunnel."""
    chains = (*_raw(tunnel), *_MANGLE, *_nat(tunnel, nat_outgoing), *filter_chains(tunnel))
    return tuple((table, name, hashed(name, templates), intent) for table, name, templates, intent in chains)


def chains(node: str, tunnel: Tunnel, *, nat_outgoing: bool) -> tuple[Chain, ...]:
    """All chains of a node but those that depend on its pods; `nat_outgoing` is whether any pool is masqueraded."""
    static = static_chains(tunnel, nat_outgoing)
    return tuple(Chain(node, table, name, rules, intent=intent) for table, name, rules, intent in static)


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """What Felix puts on top of the built-in chains: one jump each, by (table, chain)."""
    return {
        (table, chain): hashed(chain, (template(f"-j cali-{chain}", intent=f"Calico's rules for {chain}"),))
        for table, names in _HOOKS
        for chain in names
    }


_HOOKS = (
    ("raw", ("PREROUTING", "OUTPUT")),
    ("mangle", ("PREROUTING", "POSTROUTING")),
    ("nat", ("PREROUTING", "OUTPUT", "POSTROUTING")),
    ("filter", ("INPUT", "FORWARD", "OUTPUT")),
)


def _raw(tunnel: Tunnel) -> list[ChainTemplate]:
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
        template("-j cali-from-host-endpoint", mark("0", FROM_WORKLOAD_MARK), intent=HOST_POLICY),
        template("-j ACCEPT", ACCEPTED, intent=EARLIER),
    )
    output = (
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-to-host-endpoint", intent=HOST_POLICY),
        *notrack,
        template("-j ACCEPT", ACCEPTED, intent=EARLIER),
    )
    return [
        ("raw", "cali-PREROUTING", prerouting, "before connection tracking"),
        ("raw", "cali-OUTPUT", output, "before connection tracking"),
        ("raw", "cali-rpf-skip", (), "pods that may use foreign addresses"),
        ("raw", "cali-from-host-endpoint", (), "untracked policy"),
        ("raw", "cali-to-host-endpoint", (), "untracked policy"),
    ]


_MANGLE: tuple[ChainTemplate, ...] = (
    (
        "mangle",
        "cali-PREROUTING",
        (
            template("-j ACCEPT", _TRACKED, intent="known connections and replies"),
            template("-j ACCEPT", ACCEPTED, intent=EARLIER),
            template("-j cali-from-host-endpoint", intent=HOST_POLICY),
            template("-j ACCEPT", ACCEPTED, comment=HOST_ACCEPTED),
        ),
        "policy before DNAT",
    ),
    (
        "mangle",
        "cali-POSTROUTING",
        (
            template("-j RETURN", ACCEPTED, intent="forwarded"),
            template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
            template("-j cali-to-host-endpoint", plain("-m conntrack --ctstate DNAT"), intent=HOST_POLICY),
            template("-j RETURN", ACCEPTED, comment=HOST_ACCEPTED),
        ),
        "policy after DNAT",
    ),
    ("mangle", "cali-from-host-endpoint", (), "policy before DNAT"),
    ("mangle", "cali-to-host-endpoint", (), "policy after DNAT"),
)


def _nat(tunnel: Tunnel, nat_outgoing: bool) -> list[ChainTemplate]:
    devices = ((tunnel.device,) if tunnel.kind else ()) + ((WIREGUARD_DEVICE,) if tunnel.wireguard else ())
    through_tunnel = tuple(
        template(
            "-j MASQUERADE --random-fully",
            outgoing(device),
            plain("-m addrtype ! --src-type LOCAL --limit-iface-out"),
            FROM_LOCAL,
            intent="the node itself into the tunnel: with the tunnel's address",
        )
        for device in devices
    )
    outgoing_nat = template(
        "-j MASQUERADE --random-fully",
        plain("-m set --match-set cali40masq-ipam-pools src"),
        plain("-m set ! --match-set cali40all-ipam-pools dst"),
        intent="a pod leaving the cluster: with the node's address",
    )
    postrouting = (
        template("-j cali-fip-snat", intent=_FLOATING),
        template("-j cali-nat-outgoing", intent="pods leaving the cluster"),
        *through_tunnel,
    )
    return [
        ("nat", "cali-PREROUTING", (template("-j cali-fip-dnat", intent=_FLOATING),), _FLOATING),
        ("nat", "cali-OUTPUT", (template("-j cali-fip-dnat", intent=_FLOATING),), _FLOATING),
        ("nat", "cali-POSTROUTING", postrouting, "source NAT of what leaves"),
        ("nat", "cali-fip-dnat", (), _FLOATING),
        ("nat", "cali-fip-snat", (), _FLOATING),
        ("nat", "cali-nat-outgoing", (outgoing_nat,) if nat_outgoing else (), "pods leaving the cluster"),
    ]
