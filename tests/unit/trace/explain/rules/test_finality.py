"""Which rules would drop a packet again that they dropped once: what is not known to is waited for."""

from __future__ import annotations

import pytest

from lab.trace.explain.rules.finality import is_dropped, is_final, is_fixed
from lab.trace.explain.rules.ruleset import Ruleset
from lab.trace.explain.rules.visit import Visit, visits
from lab.trace.witness.netfilter.trace_message import DROP, JUMP, POLICY, RULE, TraceEvent

NODE = "node-2"
HEADERS = bytes.fromhex("45000028000040004011a4d20a00010a0a00020ac00012b500140000") + bytes(12)
DROPS = "-A INPUT -p udp -m udp --dport 4789 -j DROP"


@pytest.mark.parametrize(
    "text",
    [
        DROPS,
        '-A INPUT -s 10.0.1.0/24 -m comment --comment "limit 3 -m statistic" -j DROP',
        "-A FORWARD -m conntrack --ctstate NEW,RELATED -j DROP",
        "-A cali-fw -m mark --mark 0x10000/0x10000 -m set ! --match-set blocked src -j DROP",
        "-A FORWARD ! -i eth0 -o cali1 -m addrtype --dst-type LOCAL -j KUBE-MARK-MASQ",
        "udp dport 4789 counter packets 3 bytes 120 drop",
        'iifname "limit0" ip saddr 10.0.1.0/24 ct state new comment "numgen" drop',
        "ip daddr . meta l4proto . th dport vmap @service-ips",
        "meta mark set meta mark | 0x00004000",
        "jump limit-chain",
        "tcp dport { 80, 8080 } reject with icmp port-unreachable",
    ],
)
def test_what_looks_at_what_stays_is_fixed(text: str) -> None:
    assert is_fixed(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-A INPUT -m statistic --mode random --probability 0.5 -j DROP",
        "-A INPUT -m limit --limit 1/sec -j ACCEPT",
        "-A INPUT -m recent --set --name once --mask 255.255.255.255 --rsource -j DROP",
        "-A INPUT -m socket -j DROP",
        "-A INPUT -m time --timestart 10:00:00 -j DROP",
        "-A INPUT -p tcp -m length --length 1000:1500 -j DROP",
        "-A INPUT -p udp -m udp --sport 50000:60000 -j DROP",
        "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
        "-A FORWARD -m conntrack ! --ctstate NEW,INVALID -j DROP",
        "-A INPUT -j SET --add-set seen src",
        "limit rate 1/second accept",
        "numgen random mod 2 0 drop",
        "ct count over 3 drop",
        "meta length 1000-1500 drop",
        "update @seen { ip saddr timeout 1m }",
        "udp sport 50000-60000 drop",
        "ct state invalid drop",
        "@th,0,16 0x1 drop",
    ],
)
def test_what_counts_draws_or_looks_at_what_changes_is_not(text: str) -> None:
    assert not is_fixed(text)


def dropped(*, last: TraceEvent | None = None) -> Visit:
    """A packet that came into INPUT, was led to a chain of its own and back, and was dropped."""
    came = TraceEvent(NODE, 1, RULE, "ip", "filter", "INPUT", 1, JUMP, jump_target="own", iif=2, headers=HEADERS)
    ended = last or TraceEvent(NODE, 1, RULE, "ip", "filter", "INPUT", 3, DROP)
    (visit,) = visits([came, ended], {})
    return visit


def ruleset(*, unmet: str = "-A INPUT -s 10.9.9.9 -j ACCEPT", own: str = "", ending: str = DROPS) -> Ruleset:
    texts = {1: "-A INPUT -j own", 2: unmet, 3: ending}
    found = {(NODE, "ip", "filter", "INPUT", handle): text for handle, text in texts.items()}
    if own:
        found[NODE, "ip", "filter", "own", 4] = own
    return Ruleset(found)


def test_a_rule_that_looks_at_ports_drops_it_again() -> None:
    assert is_dropped(dropped(), ruleset())
    assert is_final(dropped(), ruleset())


def test_a_rule_before_it_that_may_accept_the_next_one_is_waited_for() -> None:
    by_chance = "-A INPUT -m statistic --mode nth --every 2 --packet 1 -j ACCEPT"
    assert not is_final(dropped(), ruleset(unmet=by_chance))
    assert not is_final(dropped(), ruleset(own=by_chance.replace("INPUT", "own"))), "of a chain that it was led to"


@pytest.mark.parametrize(
    "text",
    ["-A INPUT -m conntrack --ctstate INVALID -j DROP", "-A INPUT -m limit --limit 3/min -j LOG --log-prefix x"],
)
def test_a_rule_before_it_that_lets_nothing_through_does_not_matter(text: str) -> None:
    assert is_final(dropped(), ruleset(unmet=text))


def test_what_is_not_known_of_the_rule_that_dropped_it_is_waited_for() -> None:
    assert not is_final(dropped(), ruleset(ending="-A INPUT -m limit --limit 1/sec -j DROP"))
    assert not is_final(dropped(), Ruleset())


def test_a_policy_drops_again_what_no_rule_may_accept() -> None:
    policy = TraceEvent(NODE, 1, POLICY, "ip", "filter", "INPUT", 0, DROP)
    assert is_final(dropped(last=policy), ruleset())
    assert not is_final(dropped(last=policy), ruleset(unmet="-A INPUT -m limit --limit 1/sec -j ACCEPT"))
