"""What a chain of nft would do with a packet, told from its text."""

from __future__ import annotations

import pytest

from lab.trace.explain.loss.rules.nft_rule import Seen, dropped_by, matches
from lab.trace.explain.queries.hook import HookChain, HookRule
from lab.trace.witness.packet import Packet

TUNNEL = Seen(Packet("udp", "10.0.1.10", 40000, "10.0.2.10", 4789, length=110, ttl=63), incoming="eth0")

MATCHING = (
    "drop",
    "udp dport 4789 drop",
    "udp dport { 53, 4789 } drop",
    "udp dport 4000-5000 drop",
    "udp dport != 53 drop",
    "th dport 4789 drop",
    "meta l4proto udp drop",
    "ip saddr 10.0.1.0/24 ip daddr 10.0.2.10 drop",
    "ip saddr 10.0.1.1-10.0.1.20 drop",
    "ip length > 100 drop",
    'iifname "eth0" drop',
    "ether type ip counter packets 2 bytes 220 drop",
    "ip saddr @blocked drop",
    "@th,336,32 0xaf40002 drop",
    "udp dport 4789 reject with icmp port-unreachable",
)
OTHERS = (
    "tcp dport 4789 drop",
    "udp sport 4789 drop",
    "udp dport != 4789 drop",
    "ip saddr 10.0.3.0/24 drop",
    "ip daddr != 10.0.2.10 drop",
    "ip length > 1000 drop",
    'iifname "eth1" drop',
    "ether type arp drop",
    "@th,336,32 0xaf40002 counter packets 0 bytes 0 drop",
)


@pytest.mark.parametrize("text", MATCHING)
def test_a_rule_that_is_about_the_packet(text: str) -> None:
    assert dropped_by(chain(text), TUNNEL) is not None


@pytest.mark.parametrize("text", OTHERS)
def test_a_rule_that_is_about_others(text: str) -> None:
    assert dropped_by(chain(text), TUNNEL) is None
    assert not matches(text, TUNNEL)


def chain(*texts: str, drops: bool = False, **others: tuple[HookRule, ...]) -> HookChain:
    rules = tuple(HookRule(text, number, "main") for number, text in enumerate(texts, 1))
    return HookChain("netdev", "mine", "main", "ingress", 0, ("eth0",), drops, rules, {"main": rules, **others})


def test_what_is_accepted_before_is_not_dropped_after() -> None:
    assert dropped_by(chain("udp dport 4789 accept", "drop"), TUNNEL) is None
    assert dropped_by(chain("tcp dport 22 accept", "drop"), TUNNEL) == HookRule("drop", 2, "main")


def test_the_policy_has_the_last_word() -> None:
    assert dropped_by(chain("tcp dport 22 accept", drops=True), TUNNEL) == HookRule("policy drop", 0)
    assert dropped_by(chain("udp dport 4789 accept", drops=True), TUNNEL) is None


def test_jumps_are_followed_and_come_back() -> None:
    deep = (HookRule("tcp dport 22 accept", 7, "deep"), HookRule("ip ttl 63 drop", 8, "deep"))
    assert dropped_by(chain("meta l4proto udp jump deep", deep=deep), TUNNEL) == deep[1]
    passing = (HookRule("udp dport 4789 return", 7, "deep"), HookRule("drop", 8, "deep"))
    assert dropped_by(chain("jump deep", deep=passing), TUNNEL) is None
    assert dropped_by(chain("jump deep", "drop", deep=passing), TUNNEL) == HookRule("drop", 2, "main")
    assert dropped_by(chain("goto deep", "drop", deep=passing), TUNNEL) is None


def test_a_chain_that_calls_itself_ends() -> None:
    endless = (HookRule("jump deep", 7, "deep"),)
    assert dropped_by(chain("jump deep", deep=endless), TUNNEL) is None
