"""`ip rule`s as they are printed, what they are about, and the routes of their tables."""

from __future__ import annotations

import pytest

from lab.network.objects import Route
from lab.network.objects.policy_rule import PolicyRule
from lab.trace.explain.queries.policy_rule import matches
from lab.trace.explain.queries.route import Lookup, as_printed
from lab.trace.explain.queries.route_table import matching

FROM_POD = Lookup("10.244.0.129", "10.244.0.2", incoming="cali0", protocol="tcp", sport=40000, dport=8080, mark=0x15)

MATCHING = (
    (PolicyRule(100, table="100"), "100: from all lookup 100"),
    (PolicyRule(7, source="10.244.0.2/32", refuses="prohibit"), "7: from 10.244.0.2 prohibit"),
    (PolicyRule(7, destination="10.244.0.128/26", table="9"), "7: from all to 10.244.0.128/26 lookup 9"),
    (PolicyRule(7, mark=5, mask=0xF, table="9"), "7: from all fwmark 0x5/0xf lookup 9"),
    (PolicyRule(7, incoming="cali0", table="9"), "7: from all iif cali0 lookup 9"),
    (
        PolicyRule(7, protocol="tcp", dports=(8000, 9000), refuses="blackhole"),
        "7: from all ipproto tcp dport 8000-9000 blackhole",
    ),
    (PolicyRule(7, source="10.0.0.0/16", table="9", inverted=True), "7: not from 10.0.0.0/16 lookup 9"),
)
OTHERS = (
    PolicyRule(7, source="10.244.1.0/24", table="9"),
    PolicyRule(7, mark=4, mask=0xF, table="9"),
    PolicyRule(7, mark=0x15, mask=0xFFFFFFFF, incoming="eth0", table="9"),
    PolicyRule(7, outgoing="eth0", table="9"),
    PolicyRule(7, protocol="udp", table="9"),
    PolicyRule(7, sports=(1, 1023), table="9"),
    PolicyRule(7, source="10.244.0.0/16", table="9", inverted=True),
)


@pytest.mark.parametrize(("rule", "text"), MATCHING)
def test_a_rule_that_is_about_the_packet(rule: PolicyRule, text: str) -> None:
    assert rule.text == text
    assert matches(rule, FROM_POD)


@pytest.mark.parametrize("rule", OTHERS, ids=lambda rule: rule.text)
def test_a_rule_that_is_about_others(rule: PolicyRule) -> None:
    assert not matches(rule, FROM_POD)


def test_what_the_place_sends_itself_comes_in_by_the_loopback() -> None:
    assert matches(PolicyRule(7, incoming="lo", table="9"), Lookup("10.0.2.10"))


def test_the_longest_prefix_of_the_table_is_taken() -> None:
    routes = tuple(
        Route("node-0", destination, via=via, table=table)
        for table, destination, via in (
            ("9", "default", "10.0.1.1"),
            ("9", "10.244.0.128/26", "10.0.1.2"),
            ("10", "10.244.0.129/32", "10.0.1.3"),
        )
    )
    found = matching(routes, "9", "10.244.0.129")
    assert found is not None
    assert as_printed(found) == "10.244.0.128/26 via 10.0.1.2 table 9"
    assert matching(routes, "11", "10.244.0.129") is None
