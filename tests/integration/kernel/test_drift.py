"""What somebody changes by hand is named by `inspect`, and the next `up` mends just that.

node-0 (pod-0, pod-1, dns-0) ── subnet-a ── node-1 (pod-2, dns-1)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.labs import Lab, standing

CALI_POD_0 = "cali1200d7e9db2"


@dataclass(frozen=True, slots=True)
class Damage:
    """What a person types in a shell of a place, and how the lines begin by which `inspect` names what that did."""

    what: str
    place: str
    commands: tuple[str, ...]
    named: tuple[str, ...]

    def __str__(self) -> str:
        return self.what


SANDBOX = "the sandbox"  # no place: where the names of all places are mounted
DAMAGES = [
    Damage("a route is deleted", "node-0", ("ip route del 10.244.0.128/26",), ("node-0: route 10.244.0.128/26",)),
    Damage(
        "a route leads elsewhere",
        "node-0",
        ("ip route replace 10.244.0.64/26 via 10.0.1.1 dev eth0 proto 80 onlink",),
        ("node-0: route 10.244.0.64/26: pods of node-1 in the same subnet, not encapsulated: via is 10.0.1.1",),
    ),
    Damage(
        "a foreign route",
        "router",
        ("ip route add 198.51.100.0/24 via 10.0.1.10",),
        ("router: route 198.51.100.0/24: not in the file",),
    ),
    Damage(
        "foreign ip rules of all kinds, and a route of the table that one leads to",
        "node-1",
        (
            "ip rule add pref 100 lookup 100",
            "ip route add 198.51.100.0/24 via 10.0.1.1 table 100",
            "ip rule add pref 101 from 192.0.2.1 blackhole",
            "ip rule add pref 102 ipproto udp dport 4790 goto 32766",
            "ip rule add pref 103 fwmark 9 lookup 1000",
        ),
        (
            "node-1: rule 100 from all lookup 100: not in the file",
            "node-1: route 198.51.100.0/24 table 100: not in the file",
            "node-1: rule 101 from 192.0.2.1 blackhole: not in the file",
            "node-1: rule 102 from all ipproto udp dport 4790 goto 32766: not in the file",
            "node-1: rule 103 from all fwmark 0x9 lookup 1000: not in the file",
        ),
    ),
    Damage(
        "a pod's address is removed",
        "pod-0",
        ("ip addr del 10.244.0.2/32 dev eth0",),
        ("namespace001/pod-0: address eth0 10.244.0.2/32",),
    ),
    Damage(
        "a foreign address",
        "pod-0",
        ("ip addr add 10.244.0.99/32 dev eth0",),
        ("namespace001/pod-0: address eth0 10.244.0.99/32: not in the file",),
    ),
    Damage(
        "a neighbour entry is another's",
        "node-0",
        ("ip neigh replace 10.244.0.128 lladdr 66:00:00:00:00:01 dev vxlan.calico nud permanent",),
        ("node-0: neighbour vxlan.calico 10.244.0.128",),
    ),
    Damage(
        "a neighbour entry is gone",
        "node-0",
        ("ip neigh del 10.244.0.128 dev vxlan.calico",),
        ("node-0: neighbour vxlan.calico 10.244.0.128",),
    ),
    Damage(
        "a tunnel's destination is gone",
        "node-0",
        ("bridge fdb del 66:c0:93:2e:56:2c dev vxlan.calico dst 10.0.2.10 self",),
        ("node-0: fdb vxlan.calico",),
    ),
    Damage(
        "a rule is inserted",
        "node-2",
        ("iptables -I INPUT 1 -p udp --dport 4789 -j DROP",),
        ("node-2: chain filter INPUT: ",),
    ),
    Damage("a rule is deleted", "node-2", ("iptables -D cali-INPUT 1",), ("node-2: chain filter cali-INPUT",)),
    Damage("a chain is flushed", "node-0", ("iptables -t nat -F KUBE-SERVICES",), ("node-0: chain nat KUBE-SERVICES",)),
    Damage(
        "a whole table is flushed and its chains are deleted",
        "node-1",
        ("iptables -t nat -F", "iptables -t nat -X"),
        ("node-1: chain nat KUBE-SERVICES", "node-1: chain nat POSTROUTING"),
    ),
    Damage("a foreign chain", "gateway", ("iptables -N MINE",), ("gateway: chain filter MINE: not in the file",)),
    Damage("a policy", "router", ("iptables -P FORWARD DROP",), ("router: chain filter FORWARD",)),
    Damage(
        "a setting of a node",
        "node-1",
        ("echo 0 > /proc/sys/net/ipv4/ip_forward",),
        ("node-1: sysctl net.ipv4.ip_forward",),
    ),
    Damage(
        "a setting of one device",
        "node-0",
        (f"echo 0 > /proc/sys/net/ipv4/conf/{CALI_POD_0}/proxy_arp",),
        (f"node-0: sysctl net.ipv4.conf.{CALI_POD_0}.proxy_arp",),
    ),
    Damage(
        "a setting of a pod",
        "pod-1",
        ("echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding",),
        ("namespace001/pod-1: sysctl net.ipv4.conf.eth0.forwarding",),
    ),
    Damage(
        "a link is down",
        "node-0",
        ("ip link set eth0 down",),
        ("node-0: link eth0", "node-0: route default", "node-0: route 10.244.0.64/26"),
    ),
    Damage(
        "a pod's cable is cut",
        "node-0",
        (f"ip link del {CALI_POD_0}",),
        (f"node-0: link {CALI_POD_0}", "namespace001/pod-0: link eth0", "node-0: route 10.244.0.2/32"),
    ),
    Damage(
        "a node's cable is cut",
        "node-2",
        ("ip link del eth0",),
        ("node-2: link eth0", "node-2: link vxlan.calico", "node-2: route default"),
    ),
    Damage("the tunnel is deleted", "node-1", ("ip link del vxlan.calico",), ("node-1: link vxlan.calico",)),
    Damage("a foreign link", "node-1", ("ip link add mine type bridge",), ("node-1: link mine: not in the file",)),
    Damage(
        "an MTU",
        "node-1",
        ("ip link set vxlan.calico mtu 1400",),
        ("node-1: link vxlan.calico",),
    ),
    Damage(
        "a pod has another MAC",
        "pod-0",
        ("ip link set eth0 address 02:00:00:00:00:09",),
        ("namespace001/pod-0: link eth0",),
    ),
    Damage(
        "a tunnel has another MAC",
        "node-0",
        ("ip link set vxlan.calico address 02:00:00:00:00:09",),
        ("node-0: link vxlan.calico",),
    ),
    Damage("a subnet's bridge is deleted", "underlay", ("ip link del subnet-a",), ("underlay: link subnet-a",)),
    Damage(
        "a set is flushed",
        "node-0",
        ("ipset flush cali40masq-ipam-pools",),
        ("node-0: ipset cali40masq-ipam-pools",),
    ),
    Damage(
        "a foreign member of a set",
        "node-2",
        ("ipset add cali40all-vxlan-net 203.0.113.9",),
        ("node-2: ipset cali40all-vxlan-net",),
    ),
    Damage("a foreign set", "node-2", ("ipset create mine hash:ip",), ("node-2: ipset mine: not in the file",)),
    Damage(
        "a pod's file is edited",
        "pod-0",
        ("echo nameserver 203.0.113.9 > /etc/resolv.conf",),
        ("namespace001/pod-0: file /etc/netns/namespace001.pod-0/resolv.conf",),
    ),
    Damage(
        "a namespace loses its name",
        "underlay",
        ("ip netns del namespace001.pod-1",),
        ("namespace001/pod-1: netns",),
    ),
    Damage("a name is unmounted, its file left behind", SANDBOX, ("umount /run/netns/node-1",), ("node-1: netns",)),
    Damage(
        "a name is another namespace's",
        SANDBOX,
        ("umount /run/netns/node-1", "mount --bind /run/netns/node-2 /run/netns/node-1"),
        ("node-1: netns",),
    ),
]


@pytest.fixture(scope="module")
def damaged() -> Iterator[Lab]:
    """One lab for all: each test leaves it healed, and says so if it does not."""
    with standing("two-subnet") as one:
        yield one


@pytest.fixture
def healthy(damaged: Lab) -> Lab:
    damaged.up().ok()
    assert damaged.drift() == []
    return damaged


def require_named(told: list[str], named: tuple[str, ...]) -> None:
    for beginning in named:
        assert any(line.startswith(beginning) for line in told), f"nothing begins with {beginning!r} in {told}"


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_by_hand(healthy: Lab, damage: Damage) -> None:
    for command in damage.commands:
        if damage.place == SANDBOX:
            healthy.in_sandbox(command)
        else:
            healthy.exec_(damage.place, "sh", "-c", command).ok()
    told = healthy.drift()
    require_named(told, damage.named)
    mended = healthy.up().ok()
    if len(told) <= 12:
        for line in told:
            assert line.split(": ", 2)[1] in mended, f"{line!r} was not mended:\n{mended}"
    assert healthy.drift() == []
    assert healthy.plan() == "# no changes"
    assert healthy.exec_("pod-0", "curl", "-sS", "--max-time", "5", "http://myapp").ok()
