"""Calico's WireGuard: what every node has of it, and who is asked first for the way to a pod.

node-0 (pod-0) and node-1 (pod-2) are in one subnet, node-2 (pod-3) in another.
"""

from __future__ import annotations

from dataclasses import replace

from lab.map.path import Walker
from lab.network.calico.wireguard import private_key, public_key
from lab.network.objects import Interface, IpSet, Network, Route, RoutingRule, WireguardDevice, WireguardPeer
from lab.network.objects.policy_rule import PolicyRule
from lab.plan import Step, plan
from lab.plan.commands import commands
from lab.topology.schema import Cni
from tests.unit.map.test_path import address, mapped, told
from tests.unit.network.small_labs import made, two_subnet

DEVICE = "wireguard.cali"
ON = Cni(wireguard_enabled=True)
THROUGH = [
    "node-0 wireguard.cali out",
    "node-0 eth0 out in wireguard",
    "node-1 eth0 in in wireguard",
    "node-1 wireguard.cali in",
]


def peers(network: Network, node: str) -> dict[str, WireguardPeer]:
    return {item.endpoint: item for item in network if isinstance(item, WireguardPeer) and item.place == node}


def test_the_device_of_a_node_and_whom_it_speaks_to() -> None:
    lab = two_subnet(ON)
    own = lab.network.by_key["wireguard", "node-0", DEVICE]
    assert own == WireguardDevice("node-0", DEVICE, private_key("node-0"), 51820, 0x100000)
    assert lab.held("node-0", DEVICE) == ["10.244.0.1/32"]

    known = peers(lab.network, "node-0")
    assert list(known) == ["10.0.1.11:51820", "10.0.2.10:51820"], "every other node, in whatever subnet"
    near = known["10.0.1.11:51820"]
    assert near.public_key == public_key(private_key("node-1"))
    assert near.allowed == ("10.244.0.64/26", "10.244.0.64/32", "10.244.0.65/32")


def test_each_device_has_an_mtu_of_its_own_and_pods_the_least() -> None:
    lab = two_subnet(ON)
    devices = lab.interfaces("node-0")
    assert (devices[DEVICE].mtu, devices["vxlan.calico"].mtu) == (1440, 1450)
    assert lab.interfaces("namespace001/pod-0")["eth0"].mtu == 1440


def test_its_table_is_asked_before_the_main_one_which_stays_as_it_was() -> None:
    lab, plain = two_subnet(ON), two_subnet()
    routes = [item for item in lab.network if isinstance(item, Route) and item.place == "node-0"]
    first = {item.destination: f"{item.type} {item.device}" for item in routes if item.table == "1"}
    assert first["10.244.0.64/26"] == first["10.244.0.128/26"] == "unicast wireguard.cali"
    thrown = {destination for destination, what in first.items() if what == "throw "}
    assert thrown == {f"10.244.0.{n}/32" for n in range(5)} | {"10.244.0.0/26"}, "its own block, devices and pods"

    (rule,) = (item for item in lab.network if isinstance(item, RoutingRule) and item.place == "node-0")
    assert f"{rule.priority}: {rule.selector}" == "99: not from all fwmark 0x100000/0x100000 lookup 1"
    main = {item.destination: item for item in routes if not item.table}
    there = {item.destination: item for item in plain.network if isinstance(item, Route) and item.place == "node-0"}
    assert main.keys() - there.keys() == {"10.244.0.4/32"}, "as without it, but that pods begin an address later"
    assert all(main[one] == there[one] for one in there if one.endswith("/26"))


def test_felix_lets_it_in_and_out_and_masquerades_what_the_node_sends_into_it() -> None:
    lab = two_subnet(ON)
    into, out = lab.rules("node-0", "filter", "cali-INPUT"), lab.rules("node-0", "filter", "cali-OUTPUT")
    assert '"Allow incoming IPv4 Wireguard packets" -m multiport --dports 51820 -m addrtype --dst-type LOCAL' in into[2]
    assert '"Allow outgoing IPv4 Wireguard packets" -m multiport --dports 51820 -m addrtype --src-type LOCAL' in out[3]
    leaving = lab.rules("node-0", "nat", "cali-POSTROUTING")
    assert [rule.split()[1] for rule in leaving if rule.startswith("-o ")] == ["vxlan.calico", DEVICE]
    own = lab.network.by_key["ipset", "node-0", "cali40this-host"]
    assert isinstance(own, IpSet)
    assert "10.244.0.1" in own.members


def test_switched_on_pods_keep_their_addresses_and_switched_off_nothing_is_left() -> None:
    plain = two_subnet()
    spec = plain.topology.spec.model_copy(update={"cni": ON})
    on = made(plain.topology.model_copy(update={"spec": spec}), plain.cluster, plain.addresses)
    assert on.addresses.pods == plain.addresses.pods
    assert on.addresses.wireguard["node-0"] == "10.244.0.4", "the first that nobody had"
    again = made(on.topology, on.cluster, on.addresses)
    assert again.network == on.network

    off = plan(plain.network, on.network)
    removed = {type(step.object) for step in off.steps if isinstance(step, Step) and step.action == "remove"}
    assert removed == {Interface, Route, RoutingRule}, "keys and peers go with the device"
    assert not plan(on.network, on.network).steps


def test_the_commands_are_those_that_a_person_would_type() -> None:
    on = two_subnet(ON).network
    lines = "\n".join(commands(step) for step in plan(on, two_subnet().network).steps)
    assert "ip -n node-0 link add wireguard.cali mtu 1440 type wireguard\n" in lines
    assert f"ip netns exec node-0 sh -c 'echo {private_key('node-0')} | wg set wireguard.cali private-key" in lines
    assert "ip -n node-0 route add throw 10.244.0.0/26 table 1\n" in lines
    assert "ip -n node-0 rule add pref 99 not from all fwmark 0x100000/0x100000 lookup 1\n" in lines


def test_a_rule_that_nobody_designed_is_taken_away() -> None:
    """Also one with more to it than a mark."""
    plain = two_subnet().network
    foreign = RoutingRule("node-0", 7, "100", further=PolicyRule(7, source="10.244.0.2/32", table="100"))
    (step,) = plan(plain, replace(plain, objects=(*plain.objects, foreign))).steps
    assert commands(step) == "ip -n node-0 rule del pref 7 from 10.244.0.2 lookup 100"


def test_the_way_to_every_other_node_leads_through_it() -> None:
    labmap = mapped("two-subnet", "cni.wireguardEnabled=true")
    near = Walker(labmap).round_trip("namespace001/pod-0", "172.16.10.10", address(labmap, "pod-2"))
    assert told(near.request.crossings)[2:6] == THROUGH
    far = Walker(labmap).round_trip("namespace001/pod-0", "172.16.10.10", address(labmap, "pod-3"))
    assert told(far.request.crossings)[2:8] == [
        *THROUGH[:2],
        "router eth0 in in wireguard",
        "router eth1 out in wireguard",
        "node-2 eth0 in in wireguard",
        "node-2 wireguard.cali in",
    ]
    assert far.reply.end == near.reply.end == "namespace001/pod-0"
    own = Walker(labmap).round_trip("namespace001/pod-0", address(labmap, "pod-1"))
    assert DEVICE not in " ".join(told(own.request.crossings)), "what stays on the node is thrown back"
