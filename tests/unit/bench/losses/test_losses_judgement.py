"""What counts as named, as unknown, and as taken away; and how it is told."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest

from bench.losses.breakage import Named
from bench.losses.configuration import CONFIGURATIONS
from bench.losses.drawing import draw
from bench.losses.holdings import taken
from bench.losses.judgement import Said, said
from bench.losses.oracle import Lived
from bench.losses.table import as_json, as_table, failures
from bench.losses.trial import Outcome


@pytest.mark.parametrize(
    ("words", "text", "right"),
    [
        (("10.244.0.1",), "10.244.0.1 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT", True),
        (("10.244.0.1",), "10.244.0.128/26 via 10.244.0.128", False),
        (("10.244.0.1",), "blackhole 10.244.0.1/32", True),
        (("eth0",), "eth0 state DOWN", True),
        (("eth0",), "veth01 state DOWN", False),
        (("dev eth1",), "10.0.1.11 dev eth10 INCOMPLETE", False),
        (("-A FORWARD", "-j DROP"), "-A FORWARD -p udp -m udp --dport 4789 -j DROP", True),
        (("-A FORWARD", "-j DROP"), "-A FORWARD -j DROP_LATER", False),
        (("net.ipv4.conf.vxlan.calico.forwarding",), "net.ipv4.conf.vxlan/calico.forwarding = 0", True),
        (("net.ipv4.conf.vxlan.calico.forwarding",), "net/ipv4/conf/vxlan.calico/forwarding = 0", True),
        (("net.ipv4.conf.eth0.forwarding",), "net/ipv4/conf/eth01/forwarding = 0", False),
    ],
)
def test_a_word_counts_where_it_stands_by_itself(words: tuple[str, ...], text: str, right: bool) -> None:
    assert Named("node-0", words).is_named_by("node-0", text) is right


def test_the_right_object_in_another_place_is_not_named() -> None:
    assert not Named("node-0", ("eth0",)).is_named_by("node-1", "eth0 state DOWN")


def test_of_a_loss_the_place_of_the_object_counts() -> None:
    lost = {
        "place": "router",
        "object_place": "node-0",
        "object": "default via 10.0.1.1",
        "cause": "no-route",
        "why": "…",
        "fix": [{"place": "node-0", "command": "ip route add default via 10.0.1.1", "held_by": None}],
    }
    told = said({"verdict": "lost", "lost": lost})
    assert (told.place, told.fix) == ("node-0", (("node-0", "ip route add default via 10.0.1.1"),))
    assert said({"verdict": "delivered", "lost": None}) == Said("delivered")


def test_an_unknown_loss_with_a_counter_is_not_without_one() -> None:
    assert Said("lost", "node-0", "", "unknown", "Nobody knows.").is_unknown
    assert not Said("lost", "node-0", "", "unknown", "IPReversePathFilter +3 at node-2.").is_unknown


def test_a_fix_takes_away_what_was_there_before_it_and_right() -> None:
    right = {"node-0": Counter({"rule a": 1, "rule b": 1, "rule c": 2})}
    broken = {"node-0": Counter({"rule b": 1, "rule c": 2, "too many": 1})}
    mended = {"node-0": Counter({"rule a": 1, "rule b": 1, "rule c": 1})}
    assert taken(right, broken, mended) == ("node-0: rule c",)
    assert taken(right, broken, broken) == ()


def test_the_table_counts_and_tells_every_failure_whole() -> None:
    first, second, third = islice(draw(CONFIGURATIONS[0], 10), 3)
    told = Said("lost", first.broken.place, "the object", "unknown", "Nobody knows.")
    outcomes = (
        Outcome(first, Lived.LOST, told, named=False),
        Outcome(second, Lived.LOST, told, named=True, mended=True),
        Outcome(third, Lived.ANSWERED, Said("delivered")),
    )
    assert failures(outcomes) == [outcomes[0], outcomes[1]], "the second is unknown without a counter"
    text = as_table(10, "6.1", outcomes)
    assert "3 breaks, 2 of which lost the request; 50.0 % of these named" in text
    assert all(command in text for _, command in first.broken.do)
    assert "not named, unknown" in text
    report = json.loads(json.dumps(as_json(10, "6.1", outcomes)))
    assert [one["wrong"] for one in report["breaks"]] == [["not named", "unknown"], ["unknown"], []]
