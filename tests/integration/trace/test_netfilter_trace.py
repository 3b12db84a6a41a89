"""Which rule decided: real packets, real rules of every kind, and what netfilter itself reports about them.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from lab.agent.client.calls import connect
from lab.map.labmap import LabMap
from lab.trace.apart import apart
from lab.trace.ask.attempt import Ask
from lab.trace.ask.requester import Probe
from lab.trace.explain.rules.attach import DECIDING, Attached, Ended, attach, with_intents
from lab.trace.explain.rules.ruleset import read_rules
from lab.trace.explain.rules.visit import visits
from lab.trace.explain.verdict import judge
from lab.trace.journey import Decision, Hop, Journey, Request
from lab.trace.run import enter
from lab.trace.witness.capture import Captures
from lab.trace.witness.filter.match import Match, Tunnels
from lab.trace.witness.netfilter.nftrace import NetfilterWitness
from lab.trace.witness.netfilter.trace_table import TABLE
from lab.trace.witness.observation import observed
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, until

MYAPP, WEB = "172.16.10.10", "203.0.113.80"
SECONDS = 0.4  # for an answer that does not come
LOST = "lost"


@dataclass(frozen=True)
class Seen:
    """A request's journey, and the rules that it met."""

    journey: Journey
    decisions: dict[Hop, tuple[Decision, ...]]
    ended: tuple[Ended, ...]
    missed: frozenset[str]

    def at(self, place: str, interface: str, way: str, direction: str = "request") -> tuple[Decision, ...]:
        """The decisions at a sighting; an interface is named by its beginning."""
        found = [
            hop
            for hop in self.journey.hops
            if (hop.place, hop.way, hop.direction) == (place, way, direction) and hop.interface.startswith(interface)
        ]
        assert len(found) == 1, f"{len(found)} sightings on {interface} of {place}: {self.journey.hops}"
        return self.decisions.get(found[0], ())

    def last(self) -> Decision:
        """What ended it: the last decision of the last sighting that has any."""
        return next(self.decisions[hop][-1] for hop in reversed(self.journey.hops) if hop in self.decisions)


def texts(decisions: tuple[Decision, ...]) -> list[str]:
    return [one.text for one in decisions]


def deciding(decisions: tuple[Decision, ...]) -> Iterator[Decision]:
    return (one for one in decisions if one.verdict in DECIDING and not one.text.startswith("-P"))


def ask(lab: Lab, destination: str, port: int = 80, *, protocol: str = "tcp", wanted: str = "") -> Seen:
    """Ask from pod-0, again until the endpoint with the `wanted` address is chosen, and tell what netfilter said."""
    with connect(lab.name) as client:
        labmap = LabMap.from_json(client.request("read", what="map"))
        sandbox = client.sandbox
        source = labmap.find("namespace001/pod-0")
        places = [place.name for place in labmap.places if place.kind != "underlay"]
        matches = [Match(protocol, client=source.address), Match(protocol, server=WEB, server_port=80)]

        def once(tell: Callable[[Seen], None]) -> None:
            enter(sandbox)
            with Captures(sandbox) as captures:
                captures.open(places)
                with NetfilterWitness(sandbox, places, matches, Tunnels.of(labmap)) as witness:
                    probe = Probe(sandbox, source)
                    payload = os.urandom(8).hex().encode()
                    exchange = probe.finish(probe.begin(protocol, Ask(destination, port, payload)), SECONDS)
                    events = witness.events()
                    request = Request(source.name, destination, port, protocol)
                    journey = judge(labmap, request, [exchange], observed(captures.read(), labmap))
                    rules = read_rules(sandbox, events)()
                    found = attach(journey.hops, journey.seen, visits(events, rules.hooks), rules, labmap.bridge_ports)
                    tell(Seen(journey, found.decisions, found.ended, witness.missed))

        for _ in range(64):
            seen = apart(once)
            if not wanted or any(hop.packet.dst == wanted for hop in seen.journey.hops):
                break
        told = Attached(seen.decisions, seen.ended)
        known = with_intents(told, lambda rules: client.request("intents", rules=rules))
    assert seen.missed == frozenset(), "the sockets held all that was told"
    return Seen(seen.journey, known.decisions, known.ended, seen.missed)


def address(lab: Lab, pod: str) -> str:
    with connect(lab.name) as client:
        return LabMap.from_json(client.request("read", what="map")).find(pod).address


def tables(lab: Lab, place: str) -> str:
    return lab.in_(place, "nft list tables")


def test_a_service_request_tells_the_endpoints_rule_and_what_let_the_tunnel_in(two_subnet: Lab) -> None:
    pod_3 = address(two_subnet, "pod-3")
    seen = ask(two_subnet, MYAPP, wanted=pod_3)
    assert seen.journey.verdict == "delivered"
    came = seen.at("node-0", "cali", "in")
    chains = [one.chain for one in came if one.table == "nat"]
    assert [chain[:8] for chain in chains[-3:]] == ["KUBE-SER", "KUBE-SVC", "KUBE-SEP"]
    chosen = next(one for one in came if one.kind == "nat")
    assert (chosen.verdict, chosen.evidence) == ("DNAT", "kernel")
    assert chosen.text.endswith(f"-j DNAT --to-destination {pod_3}:8080")
    assert chosen.intent == "endpoint pod-3 of Service namespace001/myapp:80"
    (tunnel,) = deciding(seen.at("node-2", "eth0", "in"))
    assert (tunnel.chain, tunnel.verdict) == ("cali-INPUT", "ACCEPT")
    assert "Allow IPv4 VXLAN packets from allowed hosts" in tunnel.text
    assert tunnel.intent, "the design knows what it is for"
    (sent,) = deciding(seen.at("node-0", "eth0", "out"))
    assert (sent.chain, sent.verdict) == ("cali-OUTPUT", "ACCEPT")


def test_the_text_is_what_iptables_save_prints(two_subnet: Lab) -> None:
    seen = ask(two_subnet, MYAPP)
    printed = two_subnet.in_("node-0", "iptables-save").splitlines()
    told = [one.text for hop, found in seen.decisions.items() if hop.place == "node-0" for one in found]
    assert len(told) > 30
    assert [text for text in told if text.startswith("-A ") and text not in printed] == []


def test_the_reply_has_its_own_rules(two_subnet: Lab) -> None:
    seen = ask(two_subnet, address(two_subnet, "pod-3"), 8080)
    came = seen.at("node-2", "cali", "in", "reply")
    assert any("RELATED,ESTABLISHED" in one.text and one.verdict == "ACCEPT" for one in came)
    assert not any(one.table == "nat" for one in came), "nat's chains see only a connection's first packet"
    (tunnel,) = deciding(seen.at("node-0", "eth0", "in", "reply"))
    assert tunnel.chain == "cali-INPUT"


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_datagrams_and_echoes_are_followed_as_well(two_subnet: Lab, protocol: str) -> None:
    seen = ask(two_subnet, address(two_subnet, "pod-3"), 8080, protocol=protocol)
    assert seen.journey.verdict == "delivered"
    (tunnel,) = deciding(seen.at("node-2", "eth0", "in"))
    assert tunnel.chain == "cali-INPUT"
    assert any(one.chain == "FORWARD" and one.verdict == "ACCEPT" for one in seen.at("node-2", "vxlan", "in"))


def test_on_the_way_out_every_masquerade_is_told_also_behind_the_first(two_subnet: Lab) -> None:
    seen = ask(two_subnet, WEB)
    (pod_leaves,) = [one for one in seen.at("node-0", "eth0", "out") if one.kind == "nat"]
    assert (pod_leaves.chain, pod_leaves.verdict) == ("cali-nat-outgoing", "MASQUERADE")
    (lab_leaves,) = [one for one in seen.at("gateway", "eth1", "out") if one.kind == "nat"]
    assert (lab_leaves.chain, lab_leaves.verdict) == ("POSTROUTING", "MASQUERADE")
    assert lab_leaves.intent.startswith("source NAT")


def test_a_service_without_endpoints_is_rejected_by_its_rule(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    service = (
        "metadata: {name: empty, namespace: namespace001}\nspec:\n  clusterIP: 172.16.10.11\n  selector: {app: no}"
    )
    text = f"{two_subnet_text}\n---\napiVersion: v1\nkind: Service\n{service}\n  ports: [{{port: 80}}]\n"
    seen = ask(lab(file(text)), "172.16.10.11")
    assert seen.journey.verdict == "refused"
    rule = seen.at("node-0", "cali", "in")[-1]
    assert (rule.table, rule.chain, rule.verdict) == ("filter", "KUBE-SERVICES", "REJECT")
    assert "has no endpoints" in rule.text


@dataclass(frozen=True)
class Fault:
    """A rule that loses the request, where and how it is made, and how it must be told."""

    place: str
    commands: tuple[str, ...]
    table: str
    text: str
    verdict: str = "DROP"


FAULTS = {
    "the tunnel's packet, where it arrives": Fault(
        "node-2",
        ("iptables -I INPUT 1 -p udp --dport 4789 -j DROP",),
        "filter",
        "-A INPUT -p udp -m udp --dport 4789 -j DROP",
    ),
    "the request itself, behind the tunnel": Fault(
        "node-2",
        ("iptables -I FORWARD 1 -p tcp --dport 8080 -j DROP",),
        "filter",
        "-A FORWARD -p tcp -m tcp --dport 8080 -j DROP",
    ),
    "by a policy": Fault("router", ("iptables -P FORWARD DROP",), "filter", "-P FORWARD DROP"),
    "the tunnel's packet, by its own sender": Fault(
        "node-0",
        ("iptables -I OUTPUT 1 -p udp --dport 4789 -j DROP",),
        "filter",
        "-A OUTPUT -p udp -m udp --dport 4789 -j DROP",
    ),
    "by iptables-legacy, in a chain of its own": Fault(
        "router",
        (
            "iptables-legacy -N mine",
            "iptables-legacy -A mine -p udp --dport 4789 -j DROP",
            "iptables-legacy -A FORWARD -j mine",
        ),
        "legacy filter",
        "-A mine -p udp -m udp --dport 4789 -j DROP",
    ),
    "by a rule of iptables-legacy without conditions": Fault(
        "router", ("iptables-legacy -A FORWARD -j DROP",), "legacy filter", "-A FORWARD -j DROP"
    ),
    "by one in a chain of its own": Fault(
        "router",
        ("iptables-legacy -N mine", "iptables-legacy -A mine -j DROP", "iptables-legacy -A FORWARD -p udp -j mine"),
        "legacy filter",
        "-A mine -j DROP",
    ),
    "by iptables-legacy's policy": Fault(
        "router", ("iptables-legacy -P FORWARD DROP",), "legacy filter", "-P FORWARD DROP"
    ),
    "by nft's own rules": Fault(
        "node-2",
        (
            "nft add table inet mine",
            "nft add chain inet mine web { type filter hook forward priority 10 ; }",
            "nft add rule inet mine web tcp dport 8080 counter drop",
        ),
        "inet mine",
        "tcp dport 8080 counter drop",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_drops_a_request_is_told_by_the_rule_itself(lab: LabFactory, name: str) -> None:
    broken, fault = lab("two-subnet"), FAULTS[name]
    for command in fault.commands:
        broken.in_(fault.place, command)
    seen = ask(broken, address(broken, "pod-3"), 8080)
    assert seen.journey.verdict == LOST
    assert seen.journey.hops[-1].place == fault.place
    assert (seen.last().table, seen.last().text, seen.last().verdict) == (fault.table, fault.text, fault.verdict)
    assert seen.ended == (), "it was seen where it ended"


def test_what_never_left_its_pod_is_told_though_nothing_was_captured(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_("namespace001/pod-0", "iptables -A OUTPUT -p tcp -j DROP")
    (ended,) = ask(broken, MYAPP).ended
    assert (ended.place, ended.packet.dst) == ("namespace001/pod-0", MYAPP)
    assert texts(ended.decisions) == ["-A OUTPUT -p tcp -j DROP"]


def test_a_rule_of_ones_own_that_refuses_is_told_as_a_refusal(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_("node-0", "iptables -I FORWARD 1 -p tcp --dport 8080 -j REJECT")
    seen = ask(broken, address(broken, "pod-3"), 8080)
    assert seen.journey.verdict == "refused"
    rule = seen.at("node-0", "cali", "in")[-1]
    assert (rule.verdict, rule.text) == (
        "REJECT",
        "-A FORWARD -p tcp -m tcp --dport 8080 -j REJECT --reject-with icmp-port-unreachable",
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_the_tracer_ends(two_subnet: Lab, end: signal.Signals) -> None:
    with connect(two_subnet.name) as client:
        sandbox = client.sandbox
    tracer = os.fork()
    if not tracer:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        enter(sandbox)
        with NetfilterWitness(sandbox, ["node-0", "router"], [Match("tcp", client="10.244.0.2")]):
            signal.pause()
        os._exit(0)
    try:
        until(lambda: TABLE in tables(two_subnet, "router"), "the table is there")
    finally:
        os.kill(tracer, end)
        os.waitpid(tracer, 0)
    for place in ("node-0", "router"):
        until(lambda place=place: TABLE not in tables(two_subnet, place), f"the table of {place} is gone")  # type: ignore[misc]


def test_the_log_of_iptables_legacy_is_given_back(lab: LabFactory) -> None:
    traced = lab("two-subnet")
    traced.in_("node-0", "iptables-legacy -A FORWARD -p tcp -j ACCEPT")
    logger = "cat /proc/sys/net/netfilter/nf_log/2"
    before = traced.in_("node-0", logger)
    ask(traced, MYAPP)
    until(lambda: traced.in_("node-0", logger) == before, f"the lines go to {before.strip()} again")


def test_a_place_that_is_not_there_leaves_no_table_behind(two_subnet: Lab) -> None:
    def fails(tell: Callable[[str], None]) -> None:
        enter(sandbox)
        try:
            with NetfilterWitness(sandbox, ["node-1", "node-9"], [Match("tcp", client="10.244.0.2")]):
                tell("opened")
        except Exception as error:
            tell(str(error))

    with connect(two_subnet.name) as client:
        sandbox = client.sandbox
    assert "node-9" in apart(fails)
    until(lambda: TABLE not in tables(two_subnet, "node-1"), "the table is gone")
