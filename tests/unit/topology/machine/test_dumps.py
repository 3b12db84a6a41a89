"""What real machines printed: a kubeadm node with Calico, one with a VPN's policy routing. Each in all forms in which
iproute2 prints it: they say the same.

The files are in tests/golden/machines: `.d` is with `-d`, `.n` with `-N`, `.o` with `-o`, `.json` with `-j`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import Dump, Kind, read_dump
from lab.topology.machine.entries import SavedEntry, SavedNeighbour, forwarding, neighbours
from lab.topology.machine.policy_rule import SavedRule, policy_rules
from lab.topology.machine.route import SavedHop, SavedRoute, routes
from lab.topology.machine.sysctl_lines import SavedSetting, settings

MACHINES = Path(__file__).parents[3] / "golden" / "machines"
NODE = Devices("node-0", ("lo", "eth0", "vxlan.calico"), ("vxlan.calico",))
GATEWAY = (SavedHop("10.0.1.1", "eth0"),)

T = TypeVar("T")


def read(name: str, kind: Kind[T]) -> Dump[T]:
    dump = read_dump((MACHINES / name).read_text(encoding="utf-8"), name, kind)
    assert dump.mistakes == [], f"{name} is what a machine printed"
    return dump


def values(dump: Dump[T]) -> list[T]:
    return [value for _, value in dump.items]


def refused(text: str, kind: Kind[T]) -> str:
    """The only mistake of a dump."""
    (mistake,) = read_dump(text, "x", kind).mistakes
    return str(mistake)


def test_the_routes_of_a_calico_node() -> None:
    dump = read("calico.routes", routes(NODE))
    assert values(dump) == [
        SavedRoute("default", hops=GATEWAY, proto="16", src="10.0.1.10", metric=100),
        SavedRoute(
            "10.50.0.0/16",
            hops=(SavedHop("10.0.1.2", "eth0", 1), SavedHop("10.0.1.3", "eth0", 2)),
            proto="186",
            metric=20,
        ),
        SavedRoute("10.244.77.0/26", "blackhole", proto="80"),
        SavedRoute("10.244.78.0/26", hops=(SavedHop("10.0.1.11", "eth0", onlink=True),), proto="80"),
        SavedRoute("10.244.79.0/26", hops=(SavedHop("10.244.79.0", "vxlan.calico", onlink=True),)),
        SavedRoute("192.168.0.0/16", "unreachable", metric=4278198272),
    ]
    assert [number for number, _ in dump.items] == [1, 3, 6, 9, 10, 12]
    assert [*dump.warnings()] == [
        "calico.routes: 10 routes left out (the kernel makes such itself), the first in line 2: 10.0.1.0/24 dev eth0 "
        "proto kernel scope link src 10.0.1.10",
        "calico.routes: 2 routes left out (of pods' interfaces: the lab makes those of its own pods), the first in "
        "line 7: 10.244.77.5 dev cali0a1b2c3d4e5 scope link linkdown",
        "calico.routes: 9 routes left out (IPv6), the first in line 21: fe80::/64 dev eth0 proto kernel metric 256 "
        "pref medium",
    ]


def test_the_routes_of_a_node_with_a_vpn() -> None:
    dump = read("vpn.routes", routes(NODE))
    assert values(dump) == [
        SavedRoute("default", hops=(SavedHop("10.0.1.254", "eth0"),), table="100"),
        SavedRoute("10.0.1.0/24", hops=(SavedHop("", "eth0"),), table="100", scope="link", src="10.0.1.10"),
        SavedRoute("10.244.0.0/16", "throw", table="100"),
        SavedRoute("default", "prohibit", table="666"),
        SavedRoute("default", "local", (SavedHop("", "lo"),), table="2004", scope="host"),
        SavedRoute("default", hops=GATEWAY, proto="static", metric=100),
        SavedRoute("203.0.113.80/32", hops=GATEWAY),
    ]
    (of_tunnels,) = (told for told in dump.warnings() if "interfaces that" in told)
    assert of_tunnels == (
        "vpn.routes: 3 routes left out (of interfaces that node-0 has not), the first in line 4: default dev wg0 table "
        "51820 scope link"
    )


def test_the_policy_rules_of_a_node_with_a_vpn() -> None:
    dump = read("vpn.policy", policy_rules(NODE))
    assert [one for one in values(dump) if one] == [
        SavedRule(9, mark=0x200, mask=0xF00, table="2004"),
        SavedRule(99, source="10.0.1.10/32", table="100"),
        SavedRule(100, destination="198.51.100.0/24", protocol="tcp", dports=(25, 25), table="666"),
        SavedRule(101, protocol="udp", sports=(500, 4500), table="100"),
        SavedRule(103, mask=0x10000, incoming="eth0", goto=32000),
        SavedRule(104, source="192.0.2.0/24", refuses="blackhole"),
        SavedRule(32000),
        SavedRule(32764, table="main", suppressed=0),
        SavedRule(32765, mark=0xCA6C, mask=0xFFFFFFFF, table="51820", inverted=True),
    ]
    assert values(dump).count(None) == 3, "the kernel's own"
    (told,) = dump.warnings()
    assert "1 rule left out (of interfaces that node-0 has not), in line 6: 102: from all iif wg0" in told


@pytest.mark.parametrize("node", ["calico", "vpn"])
@pytest.mark.parametrize("form", ["d.routes", "n.routes", "o.routes", "routes.json", "d.routes.json"])
def test_every_form_of_routes_says_the_same(node: str, form: str) -> None:
    if not (MACHINES / f"{node}.{form}").exists():
        pytest.skip(f"{node} did not print its routes so")
    assert values(read(f"{node}.{form}", routes(NODE))) == values(read(f"{node}.routes", routes(NODE)))


@pytest.mark.parametrize("form", ["d.policy", "n.policy", "policy.json"])
def test_every_form_of_policy_rules_says_the_same(form: str) -> None:
    assert values(read(f"vpn.{form}", policy_rules(NODE))) == values(read("vpn.policy", policy_rules(NODE)))


@pytest.mark.parametrize("form", ["policy", "policy.json"])
def test_a_node_with_the_kernels_own_rules_has_none(form: str) -> None:
    assert values(read(f"calico.{form}", policy_rules(NODE))) == [None] * 3


@pytest.mark.parametrize("form", ["neigh", "neigh.json"])
def test_neighbours_are_those_that_are_permanent(form: str) -> None:
    dump = read(f"calico.{form}", neighbours(NODE))
    assert sorted(values(dump), key=lambda one: one.address) == [
        SavedNeighbour("vxlan.calico", "10.244.78.0", "66:1f:aa:01:00:0b"),
        SavedNeighbour("vxlan.calico", "10.244.79.0", "66:1f:aa:02:00:0a"),
    ]
    assert any("3 neighbours left out (not PERMANENT)" in told for told in dump.warnings())
    assert any("left out (IPv6)" in told for told in dump.warnings())


@pytest.mark.parametrize("form", ["fdb", "d.fdb", "fdb.json"])
def test_forwarding_entries_are_those_of_vxlan_devices(form: str) -> None:
    dump = read(f"calico.{form}", forwarding(NODE))
    assert sorted(values(dump), key=lambda one: one.remote) == [
        SavedEntry("vxlan.calico", "66:1f:aa:01:00:0b", "10.0.1.11"),
        SavedEntry("vxlan.calico", "66:1f:aa:02:00:0a", "10.0.2.10"),
    ]
    (told,) = dump.warnings()
    assert "entries left out (not permanent, or to no tunnel's other end), the first in line 1" in told


def test_settings_are_those_of_a_network_namespace() -> None:
    dump = read("calico.sysctl", settings(NODE))
    found = {one.name: one.value for one in values(dump)}
    assert found["net.ipv4.ip_forward"] == "1"
    assert found["net.ipv4.conf.vxlan.calico.rp_filter"] == "0", "sysctl prints vxlan/calico"
    assert found["net.ipv4.ip_local_port_range"] == "20000 60999"
    assert found["net.netfilter.nf_conntrack_udp_timeout"] == "60"
    assert "net.ipv4.conf.all.forwarding" not in found, "the same setting as ip_forward"
    assert not {name for name in found if name.startswith(("net.ipv6", "net.ipv4.neigh", "net.core.rmem"))}
    kinds = [told.partition("(")[2].partition(")")[0] for told in dump.warnings()]
    assert sorted(kinds) == [
        "IPv6",
        "empty",
        "not of a network namespace, or without a say in a packet's way",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10.1.0.0/16 via 10.0.1.1", "a way to 10.1.0.0/16 has no interface"),
        ("10.1.0.0/16", "no way to 10.1.0.0/16 is given"),
        ("10.1.0.0/16 via", "nothing stands behind 'via'"),
        ("10.1.0.0/33 dev eth0", "'10.1.0.0/33' is no IPv4 prefix"),
        ("10.1.0.1/16 dev eth0", "'10.1.0.1/16' is no IPv4 prefix"),
        ("Befehl nicht gefunden", "'Befehl' is no IPv4 prefix"),
        ("10.1.0.0/16 dev eth0 table vpn", "which table 'vpn' is says the rt_tables of the machine"),
        ("10.1.0.0/16 dev eth0 advmss 1300", "only mtu can be held of a route's metrics"),
        ("10.1.0.0/16 dev eth0 mtu lock 1300", "a locked MTU cannot be held"),
        ("10.1.0.0/16 tos 0x10 dev eth0", "a route for one TOS cannot be held"),
        ("10.1.0.0/16 via inet6 fe80::1 dev eth0", "a gateway of IPv6 cannot be held"),
        ("10.1.0.0/16 encap mpls 100 via 10.0.1.1 dev eth0", "an encapsulation of its own"),
        ("10.1.0.0/16 nexthop via 10.0.1.1 weight 1", "a way to 10.1.0.0/16 has no interface"),
        ("blackhole 10.1.0.0/16 dev eth0", "a route of type blackhole leads nowhere"),
        ("10.1.0.0/16 dev eth0 metric 4294967296", "'metric 4294967296' is no number from 0 to 4294967295"),
        ("10.1.0.0/16 dev eth0 proto quagga", "'proto quagga' is no number"),
    ],
)
def test_a_route_that_cannot_be_held_is_refused(line: str, said: str) -> None:
    told = refused(f"# mine\n{line}\n", routes(NODE))
    assert told.startswith("x:2:1: ")
    assert said in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from all lookup 7", "'from all lookup 7' is no rule"),
        ("7: from all", "the rule says nothing of what is to be done"),
        ("7: from all lookup vpn", "which table 'vpn' is"),
        ("7: from all uidrange 0-0 lookup 7", "'uidrange' of a rule cannot be held"),
        ("7: from all lookup [l3mdev-table]", "the lab has no VRFs"),
        ("7: from all fwmark 0/0 lookup 7", "fwmark 0/0 looks at no bit of a mark"),
        ("7: from all dscp 4 lookup 7", "'dscp' of a rule cannot be held"),
        ("7: from all sport 70000 lookup 7", "'sport 70000' is no number"),
    ],
)
def test_a_rule_that_cannot_be_held_is_refused(line: str, said: str) -> None:
    assert said in refused(f"{line}\n", policy_rules(NODE))


def test_a_rule_of_the_kernels_own_elsewhere_is_left_out() -> None:
    dump = read_dump("100: from all lookup local\n32766: from all lookup main\n", "x", policy_rules(NODE))
    assert values(dump) == [None]
    assert [*dump.warnings()] == [
        "x: 1 rule left out (the kernel's own at another priority), in line 1: 100: from all lookup local"
    ]


@pytest.mark.parametrize(
    ("kind", "line", "said"),
    [
        (neighbours(NODE), "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:01", "has no state: the line is cut off"),
        (neighbours(NODE), "10.0.1.1 lladdr 02:00:00:00:00:01 PERMANENT", "has no interface"),
        (neighbours(NODE), "10.0.1.1 dev eth0 lladdr 02:00 PERMANENT", "'02:00' is no MAC address"),
        (neighbours(NODE), "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:01 PERMANENTE", "is not known of a neighbour"),
        (forwarding(NODE), "66:00:00:00:00:01 dst 10.0.2.1 self permanent", "has no interface"),
        (
            forwarding(NODE),
            "66:00:00:00:00:01 dev eth0 dst 10.0.2.1 self permanent",
            "eth0 of node-0 is no VXLAN device",
        ),
        (
            forwarding(NODE),
            "66:00:00:00:00:01 dev vxlan.calico dst 10.0.2.1 port 9 self permanent",
            "'port' of an entry",
        ),
        (settings(NODE), "net.ipv4.ip_forward", "'net.ipv4.ip_forward' is no setting"),
        (settings(NODE), "net.ipv4.ip_forward =", "net.ipv4.ip_forward has no value: the line is cut off"),
        (settings(NODE), "net.ipv4.ip_forward = ja", "'ja' is no value of net.ipv4.ip_forward"),
    ],
)
def test_an_entry_or_setting_that_cannot_be_understood_is_refused(kind: Kind[object], line: str, said: str) -> None:
    assert said in refused(f"{line}\n", kind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x:1:1: the file is empty; print it anew: LC_ALL=C ip route show table all"),
        ("10.1.0.0/16 dev eth0\r\n10.2.0.0/16 dev eth0\r\n", "x:1:1: the line ends as on Windows"),
        ("\ufeff10.1.0.0/16 dev eth0\n", "x:1:1: the file begins with a byte order mark"),
        ("10.1.0.0/16 dev eth0\n10.2.0.0/16 de", "x:2:1: the last line has no end: the file is cut off here"),
        ("10.1.0.0/16 dev eth0\nÜberlauf\n", "x:2:1: the line has letters that the program does not print in English"),
        ('[{"dst":"10.1.0.0/16","dev":"eth0"},{"dst":"10.2', "x:1:1: the list of JSON has no end: the file is cut off"),
        ('[\n{"dst":"10.1.0.0/16","dev":"eth0"},\n{"dst":}]', "x:3:1: this entry of JSON cannot be read"),
        ('[\n{"dev":"eth0"}]', "x:2:1: this entry of JSON lacks what it must have"),
        ("[7]", "x:1:1: 7 is no entry of what the program prints"),
        ("[] x", "x:1:1: something stands behind the end of the list"),
    ],
)
def test_a_file_that_is_not_whole_is_told_with_its_line(text: str, said: str) -> None:
    assert refused(text, routes(NODE)).startswith(said)


@given(
    st.text(max_size=80),
    st.sampled_from(["", "10.1.0.0/16 dev eth0 ", '[{"dst":"10.1.0.0/16",', "7: from all ", "66:00:00:00:00:01 dev "]),
    st.sampled_from([routes(NODE), policy_rules(NODE), neighbours(NODE), forwarding(NODE), settings(NODE)]),
)
def test_any_text_is_values_or_mistakes_with_their_line(text: str, begin: str, kind: Kind[object]) -> None:
    dump = read_dump(f"{begin}{text}\n", "x", kind)
    for mistake in dump.mistakes:
        assert 1 <= mistake.line <= f"{begin}{text}\n".count("\n") + 1
        assert mistake.problem


def test_a_setting_says_its_value_once() -> None:
    assert values(read_dump("net/ipv4/ip_forward=1\n", "x", settings(NODE))) == [
        SavedSetting("net.ipv4.ip_forward", "1")
    ]
