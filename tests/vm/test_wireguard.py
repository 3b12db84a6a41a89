"""Calico's WireGuard: what a node shows of it, journeys that are encrypted, and what keeps nodes from each other.

pod-0 (node-0) ── pod-2 (node-1, the same subnet); ── router ── pod-3 (node-2)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.labs import until
from tests.vm.labs import InMachine

ON = ("--set", "cni.wireguardEnabled=true")
DEVICE = "wireguard.cali"
FORGOTTEN = f"wg showconf {DEVICE} > /tmp/wg.conf; wg set {DEVICE} peer $1 remove; wg addconf {DEVICE} /tmp/wg.conf"
"""A peer is forgotten, and known again: without its session."""
BLOCK = ("-p", "udp", "--dport", "51820", "-j", "DROP")
DROP = {"node-2": ("INPUT", *BLOCK), "router": ("FORWARD", *BLOCK)}


@pytest.fixture(scope="module", autouse=True)
def _encrypted(machine: InMachine) -> None:
    machine.up(*ON).ok()
    assert "no changes" in machine.up(*ON).ok(), "what is there is what was asked for"


@pytest.fixture(autouse=True)
def _mended(machine: InMachine) -> Iterator[None]:
    """Whatever a test has broken and left so, the next one finds whole."""
    yield
    machine.up(*ON).ok()


def asked(machine: InMachine, pod: str = "pod-3") -> dict[str, Any]:
    return machine.trace("pod-0", "myapp", "--via", pod)


def outers(journey: dict[str, Any]) -> set[tuple[str, str, str]]:
    found = (hop["packet"]["outer"] for hop in journey["hops"] if hop["phase"] == "data")
    return {(each["kind"], each["src"], each["dst"]) for each in found if each}


def public_key(machine: InMachine, node: str) -> str:
    return machine.exec_(node, "wg", "show", DEVICE, "public-key").ok().strip()


def mend(machine: InMachine, lost: dict[str, Any]) -> None:
    """Run the commands that the trace gives, each in its place."""
    assert lost["fix"], f"it says how: {lost}"
    for one in lost["fix"]:
        machine.exec_(one["place"], "sh", "-c", one["command"]).ok()


def test_a_node_shows_it_as_a_real_one_does(machine: InMachine) -> None:
    rules = machine.exec_("node-0", "ip", "rule").ok()
    assert "99:\tnot from all fwmark 0x100000/0x100000 lookup 1" in rules
    table = [line.strip() for line in machine.exec_("node-0", "ip", "route", "show", "table", "1").ok().splitlines()]
    for line in ("10.244.0.64/26 dev wireguard.cali scope link", "throw 10.244.0.0/26", "throw 10.244.0.3"):
        assert line in table, table
    assert " mtu 1440 " in machine.exec_("node-0", "ip", "link", "show", "dev", DEVICE).ok()

    shown = machine.exec_("node-0", "wg", "show", DEVICE).ok()
    for line in ("listening port: 51820", "fwmark: 0x100000", "endpoint: 10.0.2.10:51820"):
        assert line in shown, shown
    for node in ("node-1", "node-2"):
        assert f"peer: {public_key(machine, node)}" in shown, "it knows the others by the keys that they have"


@pytest.mark.parametrize(("pod", "node"), [("pod-2", "10.0.1.11"), ("pod-3", "10.0.2.10")])
def test_a_journey_is_encrypted_to_every_other_node_and_explained(machine: InMachine, pod: str, node: str) -> None:
    journey = asked(machine, pod)

    assert journey["verdict"] == "delivered"
    assert outers(journey) == {("wireguard", "10.0.1.10", node), ("wireguard", node, "10.0.1.10")}
    request = [hop for hop in journey["hops"] if (hop["phase"], hop["direction"]) == ("data", "request")]
    into = next(hop for hop in request if (hop["interface"], hop["way"]) == (DEVICE, "out"))
    assert (into["stage"], into["evidence"]) == ("encapsulate", "captured")
    assert any(one["kind"] == "route" and one["table"] == "1" for one in into["decisions"]), into["decisions"]
    wrapped = [hop for hop in request if hop["packet"]["outer"]]
    assert {hop["evidence"] for hop in wrapped} == {"inferred"}, "what is in it nobody can read"
    arrived = next(hop for hop in wrapped if hop["way"] == "in" and hop["place"].startswith("node-"))
    assert any("--dports 51820" in one["text"] and one["verdict"] == "ACCEPT" for one in arrived["decisions"])
    assert any((hop["interface"], hop["way"], hop["stage"]) == (DEVICE, "in", "decapsulate") for hop in request)


def test_large_answers_come_whole(machine: InMachine) -> None:
    assert machine.trace("pod-0", "myapp", "--via", "pod-3", "--size", "100000")["verdict"] == "delivered"


@pytest.mark.parametrize("place", ["node-2", "router"])
def test_a_firewall_that_knows_nothing_of_it_is_named(machine: InMachine, place: str) -> None:
    assert asked(machine)["verdict"] == "delivered", "there is a session"
    machine.exec_(place, "iptables", "-I", *DROP[place]).ok()
    lost = asked(machine)["lost"]

    assert (lost["place"], lost["stage"], lost["cause"]) == (place, "firewall", "firewall-drop"), lost
    assert "--dport 51820 -j DROP" in lost["object"], lost
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_before_there_is_a_session_its_handshake_stands_for_what_waits_for_it(machine: InMachine) -> None:
    """The second trace comes when the handshake is not begun anew yet, and waits for that."""
    machine.exec_("node-2", "iptables", "-I", *DROP["node-2"]).ok()
    machine.exec_("node-0", "sh", "-c", FORGOTTEN, "sh", public_key(machine, "node-2")).ok()
    for _ in range(2):
        lost = asked(machine)["lost"]
        assert (lost["place"], lost["stage"], lost["cause"]) == ("node-2", "firewall", "firewall-drop"), lost
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_another_private_key_is_named_and_given_back(machine: InMachine) -> None:
    machine.exec_("node-2", "sh", "-c", f"wg genkey | wg set {DEVICE} private-key /dev/stdin").ok()
    lost = asked(machine)["lost"]

    assert (lost["cause"], lost["object_place"]) == ("wireguard-key", "node-2"), lost
    assert lost["object"] == f"{DEVICE} private-key"
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_a_peer_known_by_another_key_is_named(machine: InMachine) -> None:
    right = public_key(machine, "node-2")
    wrong = machine.exec_("node-0", "sh", "-c", "wg genkey | wg pubkey").ok().strip()
    machine.exec_("node-0", "wg", "set", DEVICE, "peer", right, "remove").ok()
    prefixes = "10.244.0.128/26"
    peer = ("peer", wrong, "endpoint", "10.0.2.10:51820", "allowed-ips", prefixes)
    machine.exec_("node-0", "wg", "set", DEVICE, *peer).ok()
    lost = asked(machine)["lost"]

    assert (lost["cause"], lost["object_place"]) == ("wireguard-key", "node-0"), lost
    assert lost["object"] == f"{DEVICE} peer {wrong}"
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_a_peer_that_may_not_have_the_address_is_named(machine: InMachine) -> None:
    peer = ("peer", public_key(machine, "node-2"), "allowed-ips", "192.0.2.0/24")
    machine.exec_("node-0", "wg", "set", DEVICE, *peer).ok()
    lost = asked(machine)["lost"]

    assert (lost["cause"], lost["object_place"]) == ("wireguard-peer", "node-0"), lost
    assert "allowed-ips 192.0.2.0/24" in lost["object"]
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_a_route_that_leads_out_of_its_table_is_named_and_its_rule_stays(machine: InMachine) -> None:
    machine.exec_("node-0", "ip", "route", "add", "blackhole", "10.244.0.130", "table", "1").ok()
    lost = asked(machine)["lost"]

    assert (lost["cause"], lost["object_place"]) == ("blackhole-route", "node-0"), lost
    assert "table 1" in lost["object"], lost
    mend(machine, lost)
    assert "99:" in machine.exec_("node-0", "ip", "rule").ok(), "the design's own rule is left alone"
    assert {kind for kind, _, _ in outers(asked(machine))} == {"wireguard"}


def test_what_goes_unencrypted_is_said(machine: InMachine) -> None:
    machine.exec_("node-0", "ip", "rule", "del", "pref", "99").ok()
    journey = asked(machine)

    assert journey["verdict"] == "delivered"
    assert any("node-0 sent it on unencrypted" in note for note in journey["notes"]), journey["notes"]


def test_a_session_that_only_one_end_has_is_named(machine: InMachine) -> None:
    """node-2 is told anew of whom it knows: it keeps no session."""
    assert asked(machine)["verdict"] == "delivered"
    machine.exec_("node-2", "sh", "-c", FORGOTTEN, "sh", public_key(machine, "node-0")).ok()
    lost = asked(machine)["lost"]

    assert (lost["place"], lost["cause"], lost["object_place"]) == ("node-2", "wireguard-session", "node-0"), lost
    mend(machine, lost)
    assert asked(machine)["verdict"] == "delivered"


def test_a_preshared_key_of_one_end_is_named(machine: InMachine) -> None:
    preshared = f"wg genpsk | wg set {DEVICE} peer $1 preshared-key /dev/stdin"
    machine.exec_("node-0", "sh", "-c", preshared, "sh", public_key(machine, "node-2")).ok()
    machine.exec_("node-0", "sh", "-c", FORGOTTEN, "sh", public_key(machine, "node-2")).ok()
    lost = asked(machine)["lost"]

    assert (lost["cause"], lost["object_place"]) == ("wireguard-key", "node-0"), lost
    assert "preshared-key" in lost["object"]
    mend(machine, lost)
    until(lambda: asked(machine)["verdict"] == "delivered", "they speak again, at the next handshake")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("wg set $0 fwmark 0x5", f"change node-0: wireguard {DEVICE}: "),
        ("wg set $0 listen-port 51999", f"change node-0: wireguard {DEVICE}: "),
        ("wg set $0 peer $1 endpoint 192.0.2.1:51820", f"change node-0: wireguard-peer {DEVICE} "),
        ("wg set $0 peer $1 remove", f"add    node-0: wireguard-peer {DEVICE} "),
    ],
)
def test_what_is_set_by_hand_where_all_was_right_the_next_up_names_and_restores(
    machine: InMachine, typed: str, named: str
) -> None:
    """The kernel tells nobody of it, and handshakes do not count."""
    machine.up(*ON).ok()
    assert asked(machine)["verdict"] == "delivered"
    assert "no changes" in machine.up(*ON).ok(), "a session is no change"
    before = machine.exec_("node-0", "wg", "showconf", DEVICE).ok()
    machine.exec_("node-0", "sh", "-c", typed, DEVICE, public_key(machine, "node-2")).ok()
    said = machine.up(*ON).ok()

    assert named in said
    assert sorted(machine.exec_("node-0", "wg", "showconf", DEVICE).ok().splitlines()) == sorted(before.splitlines())
    assert "no changes" in machine.up(*ON).ok()


def test_a_device_that_is_gone_is_made_whole(machine: InMachine) -> None:
    machine.exec_("node-2", "ip", "link", "del", DEVICE).ok()
    lost = asked(machine)["lost"]

    assert lost["object_place"] == "node-2", lost
    mend(machine, lost)
    until(lambda: asked(machine)["verdict"] == "delivered", "they speak again, at the next handshake")
    assert "no changes" in machine.up(*ON).ok(), "nothing of it was left out"


def test_switched_off_nothing_of_it_is_left_and_the_tunnel_serves(machine: InMachine) -> None:
    machine.up().ok()
    assert "lookup 1" not in machine.exec_("node-0", "ip", "rule").ok()
    assert machine.exec_("node-0", "ip", "route", "show", "table", "all").ok().count(DEVICE) == 0
    assert {kind for kind, _, _ in outers(asked(machine))} == {"vxlan"}
    machine.up(*ON).ok()
    assert {kind for kind, _, _ in outers(asked(machine))} == {"wireguard"}
