"""The features of a kernel that Hoplab needs, or parts of it: how each is tried, what needs it, what to do without."""

from __future__ import annotations

from dataclasses import dataclass

from lab.kernel.rules import nft


@dataclass(frozen=True, slots=True)
class Probe:
    """A kernel feature, tried by running a program in fresh namespaces: it is there when the status is 0."""

    name: str
    needed_for: str
    argv: tuple[str, ...]
    modules: tuple[str, ...] = ()
    instead: str = ""
    """What to choose where the kernel cannot have it."""
    required: bool = True
    text: str = ""


# Every match and target that Calico's, kube-proxy's and people's rules use in the lab.
RULES = """*nat
:PROBE - [0:0]
-A PROBE -m comment --comment x -m statistic --mode random --probability 0.5 -p tcp -j DNAT --to-destination 10.0.0.1:80
-A PROBE -m addrtype --dst-type LOCAL -j MASQUERADE --random-fully
-A PROBE -m mark ! --mark 0x4000/0x4000 -j MARK --or-mark 0x4000
COMMIT
*filter
:PROBE - [0:0]
-A PROBE -p tcp -m conntrack --ctstate NEW -m multiport --dports 80,443 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""

PROBES = (
    Probe(
        "veth",
        "pods and links",
        ("ip", "link", "add", "probe", "type", "veth", "peer", "name", "peer"),
        ("veth",),
    ),
    Probe("bridge", "subnets", ("ip", "link", "add", "probe", "type", "bridge"), ("bridge",)),
    Probe(
        "vxlan",
        "tunnels: VXLAN, VXLANCrossSubnet",
        ("ip", "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789"),
        ("vxlan",),
        "choose `encapsulation: None`",
    ),
    Probe(
        "ipip",
        "tunnels: IPIP, IPIPCrossSubnet",
        ("ip", "link", "add", "probe", "type", "ipip", "local", "10.0.0.1", "remote", "10.0.0.2"),
        ("ipip",),
        "choose `encapsulation: VXLANCrossSubnet`, or `up --vm`",
        required=False,
    ),
    Probe(
        "iptables rules",
        "Services, NAT and firewalls",
        ("iptables-restore",),
        ("nf_tables", "nft_compat", "xt_conntrack", "xt_statistic", "xt_multiport", "xt_MASQUERADE"),
        text=RULES,
    ),
    Probe(
        "iptables, legacy",
        "rules of nodes that use the old interface",
        ("iptables-legacy", "-t", "nat", "-S"),
        ("iptable_nat",),
        "nothing to do: the lab itself uses the nf_tables one",
        required=False,
    ),
    Probe("ipset", "address sets", ("ipset", "create", "probe", "hash:net"), ("ip_set_hash_net",)),
    Probe(
        "bridge-nf",
        "Services for pods behind a bridge (flannel)",
        ("cat", "/proc/sys/net/bridge/bridge-nf-call-iptables"),
        ("br_netfilter",),
        "choose `plugin: calico`",
        required=False,
    ),
    Probe(
        "nftables",
        "a kube-proxy in nftables mode",
        ("nft", "-f", "-"),
        ("nf_tables",),
        "choose `proxy: iptables`",
        required=False,
        text=nft.FEATURES,
    ),
    Probe(
        "ip_vs",
        "`proxy: ipvs`",
        ("cat", "/proc/net/ip_vs"),
        ("ip_vs",),
        "choose `proxy: iptables`, or `up --vm`",
        required=False,
    ),
    Probe(
        "dummy",
        "`proxy: ipvs` (kube-ipvs0)",
        ("ip", "link", "add", "probe", "type", "dummy"),
        ("dummy",),
        "choose `proxy: iptables`, or `up --vm`",
        required=False,
    ),
    Probe(
        "wireguard",
        "encryption between nodes: `wireguardEnabled`",
        ("ip", "link", "add", "probe", "type", "wireguard"),
        ("wireguard",),
        "leave it out, or `up --vm`",
        required=False,
    ),
    Probe(
        "netem",
        "link impairments: delay, jitter, duplicate, reorder, corrupt (rate and loss work without)",
        ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"),
        ("sch_netem",),
        "`up --vm`",
        required=False,
    ),
)
