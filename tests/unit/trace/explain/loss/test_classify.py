"""Recorded losses and what the places held: for each the place, cause and object that are named, and the commands.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.network.objects import Address, FdbEntry, Interface, Listener, Neighbour, Object, Route, Sysctl
from lab.trace.explain.loss.cause import Cause
from lab.trace.explain.loss.counted import EXCLUDED
from lab.trace.explain.loss.facts import Facts
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.queries.neighbour import Neighbour as Seen
from lab.trace.journey import KERNEL, REPLY, Decision, Loss
from tests.unit.trace.explain.loss.broken import Change, designed, explained, facts, without
from tests.unit.trace.recordings import NAMES, journey

POD_0, POD_3 = "namespace001/pod-0", "namespace001/pod-3"
TO_POD_3 = "10.244.0.128/26"
NODE_2_MAC = next(
    item.mac for item in designed() if isinstance(item, Interface) and item.key == ("link", "node-2", "vxlan.calico")
)


def changed(**which: object) -> tuple[dict[str, object], dict[str, object]]:
    """Objects with these values, and those that they get: names that end in `_becomes`."""
    becomes = {name.removesuffix("_becomes"): value for name, value in which.items() if name.endswith("_becomes")}
    return {name: value for name, value in which.items() if not name.endswith("_becomes")}, becomes


def changing(kind: type, **which: object) -> Change:
    wanted, becomes = changed(**which)

    def change(item: Object) -> Object:
        matches = isinstance(item, kind) and all(getattr(item, name) == value for name, value in wanted.items())
        return replace(item, **becomes) if matches else item  # type: ignore[arg-type]

    return change


def vxlan(place: str, **values: object) -> Change:
    """The tunnel device of a node has other properties."""

    def change(item: Object) -> Object:
        if isinstance(item, Interface) and item.place == place and item.vxlan:
            return replace(item, vxlan=replace(item.vxlan, **values))  # type: ignore[arg-type]
        return item

    return change


def commands(lost: Loss) -> tuple[str, ...]:
    """Those of its fix, all of them in the place of its object."""
    assert {one.place for one in lost.fix} <= {lost.object_place}
    return tuple(one.command for one in lost.fix)


def rule(text: str, verdict: str, *, table: str = "filter") -> Decision:
    return Decision("rule", text, KERNEL, table, text.split()[1], verdict)


ROUTES = [
    ("lost-before-choice", without(place="node-0", destination=TO_POD_3), "no-route", f"{TO_POD_3} via 10.244.0.128"),
    (
        "lost-before-choice",
        changing(
            Route, place="node-0", destination=TO_POD_3, type_becomes="blackhole", via_becomes="", device_becomes=""
        ),
        "blackhole-route",
        f"blackhole {TO_POD_3}",
    ),
    (
        "lost-before-choice",
        changing(Route, place="node-0", destination=TO_POD_3, via_becomes="10.0.1.1", device_becomes="eth0"),
        "wrong-route",
        f"{TO_POD_3} via 10.0.1.1 dev eth0",
    ),
]


@pytest.mark.parametrize(("name", "change", "cause", "said"), ROUTES)
def test_routes(name: str, change: Change, cause: str, said: str) -> None:
    lost = explained(name, facts(change))
    assert (lost.object_place, lost.cause, lost.stage) == ("node-0", cause, "route")
    assert lost.object.startswith(said)
    assert commands(lost) == ("ip route replace 10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink",)


def test_a_route_that_nobody_designed_is_taken_out_and_nothing_else_is_done() -> None:
    lost = explained("lost-before-choice", facts(more=[Route("node-0", "10.244.0.129/32", type="blackhole")]))
    assert (lost.cause, lost.object) == ("blackhole-route", "blackhole 10.244.0.129")
    assert commands(lost) == ("ip route del blackhole 10.244.0.129/32",)


def test_a_counter_makes_a_missing_route_the_kernels_word() -> None:
    change = without(place="node-0", destination=TO_POD_3)
    assert explained("lost-before-choice", facts(change)).evidence == "queried"
    counted = facts(change, grew={"node-0": {"IpExt.InNoRoutes": 1}})
    assert explained("lost-before-choice", counted).evidence == "kernel"


ENTRIES: list[tuple[str, Change, str, str, str]] = [
    (
        "no-fdb-entry",
        without(place="node-0", device="vxlan.calico", remote="10.0.2.10"),
        "node-0",
        f"{NODE_2_MAC} dev vxlan.calico dst 10.0.2.10",
        f"bridge fdb replace {NODE_2_MAC} dev vxlan.calico dst 10.0.2.10 self permanent",
    ),
    (
        "wrong-vtep",
        changing(FdbEntry, place="node-0", remote="10.0.2.10", remote_becomes="10.0.1.11"),
        "node-0",
        f"{NODE_2_MAC} dev vxlan.calico dst 10.0.1.11",
        f"bridge fdb replace {NODE_2_MAC} dev vxlan.calico dst 10.0.2.10 self permanent",
    ),
    (
        "wrong-inner-mac",
        changing(Neighbour, place="node-0", address="10.244.0.128", mac_becomes="66:00:00:00:00:01"),
        "node-0",
        "10.244.0.128 dev vxlan.calico lladdr 66:00:00:00:00:01",
        f"ip neigh replace 10.244.0.128 lladdr {NODE_2_MAC} dev vxlan.calico nud permanent",
    ),
    (
        "no-neighbour",
        without(place="node-0", address="10.244.0.128"),
        "node-0",
        "10.244.0.128 dev vxlan.calico",
        f"ip neigh replace 10.244.0.128 lladdr {NODE_2_MAC} dev vxlan.calico nud permanent",
    ),
    (
        "wrong-inner-mac",
        changing(Interface, place="node-2", name="vxlan.calico", mac_becomes="66:00:00:00:00:02"),
        "node-2",
        "vxlan.calico link/ether 66:00:00:00:00:02",
        f"ip link set vxlan.calico address {NODE_2_MAC}",
    ),
    (
        "interface-down",
        changing(Interface, place="node-2", name="vxlan.calico", up_becomes=False),
        "node-2",
        "vxlan.calico",
        "ip link set vxlan.calico up",
    ),
    (
        "address-missing",
        lambda item: None if isinstance(item, Address) and item.address == "10.0.2.10/24" else item,
        "node-2",
        "10.0.2.10/24 dev eth0",
        "ip addr add 10.0.2.10/24 dev eth0",
    ),
    ("vni-mismatch", vxlan("node-2", vni=77), "node-2", "vxlan.calico vxlan id 77", "ip link del vxlan.calico"),
    (
        "port-mismatch",
        vxlan("node-2", port=8472),
        "node-2",
        "vxlan.calico vxlan dstport 8472",
        "ip link del vxlan.calico",
    ),
]


@pytest.mark.parametrize(("cause", "change", "place", "said", "mends"), ENTRIES, ids=[entry[0] for entry in ENTRIES])
def test_the_tunnels_parts(cause: str, change: Change, place: str, said: str, mends: str) -> None:
    lost = explained("lost-at-firewall", facts(change))
    assert (lost.object_place, lost.cause) == (place, cause)
    assert lost.object.startswith(said)
    assert mends in commands(lost), commands(lost)


def test_a_tunnel_device_that_is_made_anew_gets_back_all_that_hung_on_it() -> None:
    lost = explained("lost-at-firewall", facts(vxlan("node-2", vni=77)))
    assert commands(lost)[1].startswith(f"ip link add vxlan.calico address {NODE_2_MAC} mtu 1450 type vxlan id 4096")
    told = "\n".join(commands(lost))
    for wanted in ("ip addr add 10.244.0.128/32", "ip route replace 10.244.0.0/26", "ip neigh replace", "bridge fdb"):
        assert wanted in told, told


def test_forwarding_that_is_off_is_known_by_its_setting_and_its_counter() -> None:
    known = facts(
        changing(Sysctl, place="node-2", name="net.ipv4.ip_forward", value_becomes="0"),
        grew={"node-2": {"Ip.InAddrErrors": 1}},
    )
    lost = explained("lost-at-firewall", known)
    assert (lost.object_place, lost.cause, lost.evidence) == ("node-2", "ip-forward-off", "kernel")
    assert lost.object == "net.ipv4.ip_forward = 0"
    assert commands(lost) == ("sysctl -w net/ipv4/ip_forward=1",)


def test_the_reverse_path_filter_is_believed_only_when_it_counted() -> None:
    strict = [Sysctl("node-2", "net.ipv4.conf.vxlan.calico.rp_filter", "1")]
    assert explained("lost-at-firewall", facts(more=strict)).cause == "unknown"
    counted = facts(more=strict, grew={"node-2": {"TcpExt.IPReversePathFilter": 1}})
    lost = explained("lost-at-firewall", counted)
    assert (lost.cause, lost.object) == ("rp-filter", "net/ipv4/conf/vxlan.calico/rp_filter = 1")
    assert commands(lost) == ("sysctl -w net/ipv4/conf/vxlan.calico/rp_filter=0",)


@pytest.mark.parametrize(
    ("text", "verdict", "table", "cause", "fix"),
    [
        (
            "-A INPUT -p udp -m udp --dport 4789 -j DROP",
            "DROP",
            "filter",
            "firewall-drop",
            "iptables -D INPUT -p udp -m udp --dport 4789 -j DROP",
        ),
        ("-A INPUT -p udp -j REJECT", "REJECT", "filter", "firewall-reject", "iptables -D INPUT -p udp -j REJECT"),
        ("-P INPUT DROP", "DROP", "filter", "policy-drop", "iptables -P INPUT ACCEPT"),
        ("-A PREROUTING -j DROP", "DROP", "raw", "firewall-drop", "iptables -t raw -D PREROUTING -j DROP"),
        ("-A INPUT -j DROP", "DROP", "legacy filter", "firewall-drop", "iptables-legacy -D INPUT -j DROP"),
    ],
)
def test_rules_that_netfilter_told_of(text: str, verdict: str, table: str, cause: str, fix: str) -> None:
    lost = explained("lost-at-firewall", facts(), ("node-2", "in", rule(text, verdict, table=table)))
    assert (lost.place, lost.stage, lost.cause, lost.object) == ("node-2", "firewall", cause, text)
    assert (commands(lost), lost.evidence) == ((fix,), "kernel")


def test_a_rule_of_nftables_own_is_named_but_cannot_be_taken_out_by_iptables() -> None:
    told = Decision("rule", "udp dport 4789 drop", KERNEL, "inet mine", "input", "DROP")
    lost = explained("lost-at-firewall", facts(), ("node-2", "in", told))
    assert (lost.cause, lost.object, commands(lost)) == ("firewall-drop", "udp dport 4789 drop", ())


def test_rules_that_accept_explain_nothing() -> None:
    lost = explained("lost-at-firewall", facts(), ("node-2", "in", rule("-A INPUT -j ACCEPT", "ACCEPT")))
    assert lost.cause == "unknown"


def test_a_packet_that_no_hop_shows_was_stopped_by_the_rules_of_its_own_place() -> None:
    stopped = Stopped(POD_0, (rule("-A OUTPUT -p tcp -j DROP", "DROP"),))
    lost = explained("never-left", facts(), stopped=(stopped,))
    assert (lost.object_place, lost.cause) == (POD_0, "firewall-drop")


def test_what_the_router_checks_of_addresses_is_a_source_check_only_for_bare_pods() -> None:
    wrapped = explained(
        "lost-at-firewall", facts(), ("router", "in", rule("-A FORWARD -s 10.0.1.0/24 -j DROP", "DROP"))
    )
    assert wrapped.cause == "firewall-drop"


def test_a_fault_on_the_way_back_is_told_as_the_replys() -> None:
    lost = explained("lost-reply", facts(), ("node-0", "in", rule("-A INPUT -j DROP", "DROP")))
    assert (lost.direction, lost.object_place, lost.cause) == (REPLY, "node-0", "firewall-drop")
    lost = explained("lost-answer", facts(without(place="node-2", destination="10.244.0.0/26")))
    assert (lost.direction, lost.object_place, lost.cause) == (REPLY, "node-2", "no-route")


def test_who_refused_and_what_it_listens_on_instead() -> None:
    lost = explained("refused-reset", facts())
    assert (lost.object_place, lost.cause) == (POD_3, "nobody-listens")
    listening = next(item.port for item in designed() if isinstance(item, Listener) and item.place == POD_3)
    assert f"tcp/{listening}" in lost.why


def test_an_interface_of_the_pod_that_is_down() -> None:
    lost = explained("lost-in-pod", facts(changing(Interface, place=POD_3, name="eth0", up_becomes=False)))
    assert (lost.object_place, lost.cause, commands(lost)[0]) == (POD_3, "interface-down", "ip link set eth0 up")
    assert any(line.startswith("ip route replace default") for line in commands(lost)), "routes went with the link"


def test_a_neighbour_that_nobody_answers_for() -> None:
    asked = {"node-0": (Seen("10.0.1.1", "eth0", "", "FAILED"),)}
    lost = explained("lost-at-firewall", facts(neighbours=asked))
    assert (lost.object_place, lost.cause, lost.object) == ("node-0", "no-neighbour", "10.0.1.1 dev eth0 FAILED")


def test_a_neighbour_that_somebody_wrote_by_hand() -> None:
    lost = explained("lost-at-firewall", facts(more=[Neighbour("router", "eth1", "10.0.2.10", "02:00:00:00:00:09")]))
    assert (lost.object_place, lost.cause) == ("router", "wrong-neighbour")
    assert commands(lost) == ("ip neigh del 10.0.2.10 dev eth1",)


def test_a_smaller_mtu_explains_a_loss_only_when_fragmenting_failed_or_it_does_not_fit() -> None:
    small = changing(Interface, place="router", name="eth1", mtu_becomes=1400)
    assert explained("lost-at-firewall", facts(small)).cause == "unknown", "60 bytes fit"
    lost = explained("lost-at-firewall", facts(small, grew={"router": {"Ip.FragFails": 1}}))
    assert (lost.object_place, lost.cause, lost.object) == ("router", "too-big", "eth1 mtu 1400")
    assert commands(lost) == ("ip link set eth1 mtu 1500",)


@pytest.mark.parametrize("name", [name for name in NAMES if journey(name).verdict in ("lost", "refused")])
def test_healthy_places_explain_nothing_but_what_the_end_itself_said(name: str) -> None:
    before = journey(name).lost
    after: Loss | None = explained(name, facts())
    assert before is not None
    assert after is not None
    if after.cause == Cause.UNKNOWN:
        assert after.why == f"{before.why} {EXCLUDED}."
        assert replace(after, why=before.why, evidence=before.evidence, object_place="") == before
    elif after.cause != Cause.NOBODY_LISTENS:
        assert after == before


def test_what_nothing_explains_ends_with_the_counter_that_rose() -> None:
    lost = explained("lost-at-firewall", facts(grew={"node-2": {"IpExt.InNoRoutes": 3, "Ip.InReceives": 9}}))
    assert (lost.cause, lost.object_place, lost.object) == ("counted", "node-2", "InNoRoutes +3")
    assert lost.why.endswith("node-2 counted InNoRoutes +3: no route leads to its destination.")


def test_a_device_of_the_place_where_it_vanished_is_more_suspect_than_another_place() -> None:
    links = {"node-2": {"eth0": {"rx_dropped": 1}}}
    lost = explained("lost-at-firewall", facts(grew={"router": {"Ip.InDiscards": 1}}, links=links))
    assert (lost.object_place, lost.object) == ("node-2", "eth0 rx_dropped +1")
    assert "Also Ip.InDiscards +1 in router" in lost.why


def test_places_of_which_nothing_is_known_explain_nothing() -> None:
    assert explained("lost-at-firewall", Facts()).cause == "unknown"
