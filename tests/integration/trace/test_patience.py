"""How long an answer is waited for: no longer than something may still come, whatever time there is.

pod-0 ─ node-0 ── router ──┬ node-1 ─ pod-2
                           └ node-2 ─ pod-3
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from lab.trace.journey import Journey
from lab.trace.trace import trace
from tests.integration.conftest import LabFactory
from tests.integration.kernel.test_impairments import flooded
from tests.integration.labs import Lab, until

POD_0, POD_3 = "namespace001/pod-0", "namespace001/pod-3"
TIME = 60.0  # to be waited for an answer; a test that needs as much of it as this has failed
SOON = 30.0
DROP = "-p tcp --dport 8080 -j DROP"
TUNNEL = "-p udp --dport 4789 -j DROP"


@dataclass(frozen=True)
class Asked:
    journey: Journey
    seconds: float

    @property
    def cause(self) -> tuple[str, str]:
        assert self.journey.lost is not None, self.journey.verdict
        return self.journey.lost.object_place, self.journey.lost.cause


def ask(lab: Lab, to: str = POD_3, *, protocol: str = "tcp", seconds: float = TIME, via: str | None = None) -> Asked:
    began = time.monotonic()
    return Asked(trace(lab.name, POD_0, to, protocol=protocol, timeout=seconds, via=via), time.monotonic() - began)


@contextmanager
def ruled(lab: Lab, place: str, *rules: str, tool: str = "iptables") -> Iterator[None]:
    """Rules at the beginning of chains of that place, in the order in which a packet meets them."""
    for rule in reversed(rules):
        lab.in_(place, f"{tool} -I {rule}")
    yield
    for rule in rules:
        lab.in_(place, f"{tool} -D {rule}")


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("node-2", f"INPUT {TUNNEL}"),
        ("node-2", f"FORWARD {DROP}"),
        ("node-0", f"OUTPUT {TUNNEL}"),
        ("node-0", "FORWARD -p tcp -m conntrack --ctstate ESTABLISHED -j DROP"),
        (POD_0, f"OUTPUT {DROP}"),
        (POD_3, f"INPUT {DROP}"),
    ],
)
def test_what_a_rule_drops_for_good_is_not_waited_for(two_subnet: Lab, place: str, rule: str) -> None:
    with ruled(two_subnet, place, rule):
        asked = ask(two_subnet)
    assert asked.cause == (place, "firewall-drop")
    assert asked.seconds < SOON


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
@pytest.mark.parametrize("place", ["node-2", POD_3])
def test_a_datagram_is_dropped_once(two_subnet: Lab, protocol: str, place: str) -> None:
    """It is not sent again, so it does not matter that the rule would let another one pass."""
    once = f"-p {protocol} -m recent --name {protocol} --set -j DROP"
    with ruled(two_subnet, place, f"{'INPUT' if place == POD_3 else 'FORWARD'} {once}"):
        asked = ask(two_subnet, protocol=protocol)
    assert asked.cause == (place, "firewall-drop")
    assert asked.seconds < SOON


def test_of_a_wanted_endpoint_the_first_packet_counts(two_subnet: Lab) -> None:
    with ruled(two_subnet, "node-2", "FORWARD -p tcp --dport 8080 -m recent --name via --set -j DROP"):
        asked = ask(two_subnet, "myapp.namespace001", via="pod-3")
    assert asked.cause == ("node-2", "firewall-drop")
    assert asked.seconds < SOON


@pytest.mark.parametrize("tool", ["iptables", "iptables-legacy"])
def test_a_rule_before_the_one_that_dropped_it_may_accept_the_next(lab: LabFactory, tool: str) -> None:
    counting = f"{DROP.removesuffix('DROP')} ACCEPT -m statistic --mode nth --every 2 --packet 1".replace("-j  ", "-j ")
    one = lab("two-subnet")
    with ruled(one, "node-2", f"FORWARD {counting}", f"FORWARD {DROP}", tool=tool):
        asked = ask(one)
    assert asked.journey.verdict == "delivered"
    assert "to a SYN that was sent again after 1.0 s" in asked.journey.answer


def test_in_silence_one_packet_more_is_waited_for(two_subnet: Lab) -> None:
    two_subnet.in_("router", "ip route add blackhole 10.0.2.10/32")
    asked = ask(two_subnet)
    two_subnet.in_("router", "ip route del blackhole 10.0.2.10/32")
    assert asked.cause == ("router", "blackhole-route")
    assert 1.0 < asked.seconds < SOON


def test_what_a_queue_holds_is_waited_for(lab: LabFactory) -> None:
    one = lab("two-subnet")
    one.in_("node-0", "tc qdisc add dev eth0 root tbf rate 1kbit burst 1600 latency 1000s")
    with flooded(one):
        until(lambda: "backlog 0b" not in one.in_("node-0", "tc -s qdisc show dev eth0"), "the queue is full")
        asked = ask(one, seconds=2.5)
    assert asked.cause == ("node-0", "traffic-control")
    assert asked.seconds > 2.5
