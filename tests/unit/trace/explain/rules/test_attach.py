"""Which rules go to which sighting.

node-0: cali… → DNAT, FORWARD → vxlan.calico, then wrapped → eth0
router: eth0 → FORWARD → eth1
node-2: eth0 → INPUT drops it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.map.labmap import LabMap
from lab.trace.explain.rules.attach import DECIDING, Attached, Ended, Ports, Question, attach, with_intents
from lab.trace.explain.rules.ruleset import Ruleset
from lab.trace.explain.rules.visit import visits
from lab.trace.journey import DATA, KERNEL, REQUEST, Decision, Hop
from lab.trace.witness.netfilter.trace_message import GOTO, LEGACY, RULE, TraceEvent
from lab.trace.witness.observation import Capture, Observation, observed
from lab.trace.witness.packet import Packet
from tests.unit.trace.witness.netfilter.test_events import recorded

CHOICE = "-A KUBE-SEP-ZAS3J3PV5JS2XFVS -p tcp -m tcp -j DNAT --to-destination 10.244.0.129:8080"
DROP = "-A INPUT -p udp -m udp --dport 4789 -j DROP"
INTERFACES = {
    ("node-0", 5): "cali1",
    ("node-0", 3): "vxlan.calico",
    ("node-0", 2): "eth0",
    ("router", 2): "eth0",
    ("router", 3): "eth1",
    ("node-2", 2): "eth0",
}
TEXTS = {
    ("node-0", "ip", "nat", "KUBE-SEP-ZAS3J3PV5JS2XFVS", 27): CHOICE,
    ("node-2", "ip", "filter", "INPUT", 117): DROP,
    ("router", LEGACY, "filter", "FORWARD", 1): "-A FORWARD -p udp -m udp --dport 4789 -j ACCEPT",
}
NO_BRIDGE: Ports = {}
RULESET = Ruleset(texts=dict(TEXTS), interfaces=INTERFACES)


class Sightings:
    """Hops and their captures, made of the headers that the events tell."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []
        self.seen: list[Observation] = []

    def add(self, place: str, interface: str, way: str, headers: bytes) -> Hop:
        t_ns = len(self.hops) + 1
        capture = Capture(place, interface, way, t_ns, bytes(12) + b"\x08\x00" + headers)
        self.seen += observed([capture], LabMap("lab"))
        self.hops.append(Hop(0, DATA, REQUEST, 2, "", place, interface, way, t_ns, self.seen[-1].packet))
        return self.hops[-1]

    def joined(self, events: Sequence[TraceEvent], ruleset: Ruleset = RULESET, ports: Ports = NO_BRIDGE) -> Attached:
        return attach(self.hops, self.seen, visits(events, {}), ruleset, ports)


def headers(place: str, chain: str, table: str = "") -> bytes:
    found = (one for one in recorded(place) if one.chain == chain and one.headers and one.table in (table or one.table))
    return next(found).headers


def deciding(decisions: tuple[Decision, ...]) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.table, one.chain, one.verdict) for one in decisions if one.verdict in DECIDING]


def test_what_was_met_on_the_way_in_belongs_to_the_sighting_that_came_in() -> None:
    sightings = Sightings()
    came = sightings.add("node-0", "cali1", "in", headers("node-0", "PREROUTING"))
    went = sightings.add("node-0", "vxlan.calico", "out", headers("node-0", "FORWARD"))
    wrapped = sightings.add("node-0", "eth0", "out", headers("node-0", "OUTPUT"))
    found = sightings.joined(recorded("node-0")).decisions
    assert deciding(found[came]) == [
        ("nat", "nat", "KUBE-SEP-ZAS3J3PV5JS2XFVS", "DNAT"),
        ("rule", "filter", "FORWARD", "ACCEPT"),
    ]
    assert deciding(found[went]) == [("rule", "nat", "POSTROUTING", "ACCEPT")], "the policy"
    assert deciding(found[wrapped]) == [("rule", "filter", "cali-OUTPUT", "ACCEPT")]


def test_what_a_bridge_passes_on_is_seen_at_its_ports_and_told_of_the_bridge() -> None:
    sightings = Sightings()
    came = sightings.add("node-0", "veth1", "in", headers("node-0", "PREROUTING"))
    went = sightings.add("node-0", "veth2", "out", headers("node-0", "FORWARD"))
    bridge = replace(RULESET, interfaces={("node-0", 5): "cni0", ("node-0", 3): "cni0"})
    ports = {("node-0", "veth1"): "cni0", ("node-0", "veth2"): "cni0"}
    found = sightings.joined(recorded("node-0"), bridge, ports).decisions
    assert ("rule", "filter", "FORWARD", "ACCEPT") in deciding(found[came])
    assert deciding(found[went]) == [("rule", "nat", "POSTROUTING", "ACCEPT")]


def test_every_rule_that_matched_is_kept_in_order_with_its_text_and_evidence() -> None:
    sightings = Sightings()
    came = sightings.add("node-0", "cali1", "in", headers("node-0", "PREROUTING"))
    found = [one for one in sightings.joined(recorded("node-0")).decisions[came] if one.table == "nat"]
    assert [one.chain for one in found[:2]] == ["PREROUTING", "cali-PREROUTING"]
    assert found[0].verdict == "jump cali-PREROUTING"
    chosen = next(one for one in found if one.kind == "nat")
    assert (chosen.text, chosen.evidence) == (CHOICE, KERNEL)
    assert "rule 50 of PREROUTING" in found[0].text, "a rule whose text is not known (any more) is told by its handle"


def test_the_drop_is_told_where_the_packet_came_in() -> None:
    sightings = Sightings()
    came = sightings.add("node-2", "eth0", "in", headers("node-2", "INPUT"))
    found = sightings.joined(recorded("node-2"))
    assert [(one.verdict, one.text) for one in found.decisions[came]] == [("DROP", DROP)]
    assert found.ended == ()


def test_both_flavours_of_iptables_in_one_place_are_told_apart() -> None:
    sightings = Sightings()
    came = sightings.add("router", "eth0", "in", headers("router", "prerouting"))
    went = sightings.add("router", "eth1", "out", headers("router", "FORWARD"))
    found = sightings.joined(recorded("router")).decisions
    assert [(one.table, one.text) for one in found[came]] == [
        ("filter", "-P FORWARD ACCEPT"),
        ("legacy filter", "-A FORWARD -p udp -m udp --dport 4789 -j ACCEPT"),
    ]
    assert went not in found, "the router has no rules for what leaves"


def test_another_packet_of_the_same_flow_gets_nothing() -> None:
    sightings = Sightings()
    other = bytearray(headers("node-2", "INPUT"))
    other[4:6] = b"\0\1"  # another identification: sent at another time
    sightings.add("node-2", "eth0", "in", bytes(other))
    found = sightings.joined(recorded("node-2"))
    assert found.decisions == {}


def test_what_ended_unseen_is_told_once_however_often_it_was_sent() -> None:
    events = recorded("node-2")
    again = [replace(one, id=one.id + 1) for one in events]
    (ended,) = Sightings().joined([*events, *again]).ended
    assert (ended.place, ended.packet.dst, ended.decisions[-1].text) == ("node-2", "10.0.2.10", DROP)


def test_what_the_sender_of_a_tunnel_drops_belongs_to_the_way_into_the_tunnel() -> None:
    sightings = Sightings()
    into = sightings.add("node-0", "vxlan.calico", "out", headers("node-0", "FORWARD"))
    *events, last = recorded("node-0")
    found = sightings.joined([*events, replace(last, verdict="drop")])
    assert deciding(found.decisions[into])[-1] == ("rule", "filter", "cali-OUTPUT", "DROP")
    assert found.ended == ()


def test_a_rule_of_nft_is_told_as_nft_prints_it() -> None:
    drop = recorded("node-2")[-1]
    native = replace(drop, family="inet", table="mine", chain="in", handle=4)
    key = ("node-2", "inet", "mine", "in", 4)
    ruleset = Ruleset(texts={key: "udp dport 4789 counter reject"}, interfaces=INTERFACES)
    sightings = Sightings()
    came = sightings.add("node-2", "eth0", "in", headers("node-2", "INPUT"))
    (found,) = sightings.joined([*recorded("node-2")[:-1], native], ruleset).decisions[came]
    assert (found.table, found.verdict, found.text) == ("inet mine", "REJECT", "udp dport 4789 counter reject")


def test_one_rule_leads_each_packet_where_its_element_of_the_map_says() -> None:
    rule = "ip daddr . meta l4proto . th dport vmap @service-ips"
    ruleset = Ruleset(texts={("node-0", "ip", "kube-proxy", "services", 7): rule}, interfaces=INTERFACES)
    met = TraceEvent("node-0", 1, RULE, "ip", "kube-proxy", "services", 7, GOTO, "service-a", hook="PREROUTING")
    sightings = Sightings()
    found = []
    for number, (chain, interface, index) in enumerate((("PREROUTING", "cali1", 5), ("OUTPUT", "eth0", 2)), 1):
        packet = headers("node-0", chain)
        came = sightings.add("node-0", interface, "in", packet)
        event = replace(met, id=number, iif=index, headers=packet, jump_target=f"service-{number}")
        found.append((came, event))
    attached = sightings.joined([event for _, event in found], ruleset)
    decisions = attached.decisions
    told = [decisions[came] for came, _ in found]
    assert [[one.verdict for one in several] for several in told] == [["goto service-1"], ["goto service-2"]]
    keys = [f"{came.packet.dst} . {came.packet.protocol} . {came.packet.dport}" for came, _ in found]
    assert [one.text for (one,) in told] == [f"{rule} {{ {key} }}" for key in keys]

    def intents(questions: list[Question]) -> list[str]:
        assert questions == [("node-0", "ip kube-proxy", "@service-ips", key) for key in keys]
        return ["one Service", "another"]

    assert [one.intent for (one,) in with_intents(attached, intents).decisions.values()] == ["one Service", "another"]


def test_intents_are_asked_for_once_each_and_a_policy_has_its_chains() -> None:
    rule = Decision("nat", CHOICE, KERNEL, "nat", "KUBE-SEP-ZAS3J3PV5JS2XFVS", "DNAT")
    policy = Decision("rule", "-P FORWARD ACCEPT", KERNEL, "filter", "FORWARD", "ACCEPT")
    hop = Sightings().add("node-0", "cali1", "in", headers("node-0", "PREROUTING"))
    ended = Ended("router", Packet(), (policy,))
    asked: list[Question] = []

    def intents(questions: list[Question]) -> list[str]:
        asked.extend(questions)
        return [f"{table} of {place}" for place, table, _, _ in questions]

    known = with_intents(Attached({hop: (rule, policy, rule)}, (ended,)), intents)
    found = known.decisions[hop]
    assert known.ended[0].decisions[0].intent == "filter of router"
    assert [one.intent for one in found] == ["nat of node-0", "filter of node-0", "nat of node-0"]
    assert asked == [
        ("node-0", "nat", rule.chain, CHOICE.removeprefix(f"-A {rule.chain} ")),
        ("node-0", "filter", "FORWARD", ""),
        ("router", "filter", "FORWARD", ""),
    ]
