"""The page: all of a journey is on it, nothing on it is fetched, and nothing in a journey becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from lab.map.drawing.picture import picture
from lab.trace.journey import Decision, Journey, Mending
from lab.trace.show.chart import chart
from lab.trace.show.page import page
from lab.trace.show.trail import trail
from tests.unit.trace import decided
from tests.unit.trace.recordings import GOLDEN, NAMES, SUFFIX, journey, labmap

EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def map_name(name: str) -> str:
    """The lab in which a journey was recorded."""
    return str(json.loads((GOLDEN / f"{name}{SUFFIX}").read_text(encoding="utf-8"))["map"])


class Tags(HTMLParser):
    """Every tag with its attributes; all that was opened must be closed in order."""

    VOID = ("meta", "link", "br", "img", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", NAMES)
def test_every_hop_is_on_the_page_and_every_tag_closed(name: str) -> None:
    one = journey(name)
    tags = Tags(page(one, labmap(map_name(name))))
    assert tags.open == []
    hops = [attrs["data-hop"] for tag, attrs in tags.found if tag == "details" and "data-hop" in attrs]
    assert hops == [str(hop.seq) for hop in one.hops]


@pytest.mark.parametrize("name", NAMES)
def test_the_map_is_an_svg_with_a_stop_for_every_hop_on_it(name: str) -> None:
    one = journey(name)
    drawn = ElementTree.fromstring(chart(one, labmap(map_name(name))))  # noqa: S314  our own
    stops = {found.get("data-hop") for found in drawn.iter() if "stop" in (found.get("class") or "")}
    phase = "data" if one.part("data", "request") else "dns"
    assert stops == {str(hop.seq) for hop in one.hops if hop.phase == phase}


def test_the_page_fetches_nothing() -> None:
    tags = Tags(page(decided.lost(), labmap("two-subnet")))
    loaded = [attrs.get("src") or attrs.get("href") or "" for _, attrs in tags.found]
    assert {one for one in loaded if one} == {"data:,"}
    policy = next(attrs["content"] for _, attrs in tags.found if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_nothing_in_a_journey_becomes_markup() -> None:
    one = decided.lost()
    assert one.lost is not None
    evil = Decision("rule", EVIL, "kernel", EVIL, EVIL, EVIL, EVIL)
    hostile = replace(
        one,
        request=replace(one.request, source=EVIL, to=EVIL),
        lost=replace(one.lost, why=EVIL, object=EVIL, fix=(Mending(EVIL, EVIL, EVIL),), cause=EVIL, evidence=EVIL),
        hops=tuple(replace(hop, interface=EVIL, decisions=(evil,)) for hop in one.hops),
    )
    tags = Tags(page(hostile, labmap("two-subnet")))
    assert [tag for tag, _ in tags.found if tag in ("script", "img")] == ["script"], "only the page's own"
    assert not [name for _, attrs in tags.found for name in attrs if name.startswith("on")]


def test_a_lost_request_has_its_cross_its_reason_and_the_command_to_copy() -> None:
    text = page(decided.lost(), labmap("two-subnet"))
    assert 'class="cross"' in text
    assert 'class="blame"' in text
    command = "hoplab exec node-2 --lab two-subnet -- iptables -D INPUT -p udp -m udp --dport 4789 -j DROP"
    assert f"<pre>{command}</pre><button" in text


def test_a_delivered_one_says_which_rule_chose() -> None:
    text = page(decided.delivered(), labmap("two-subnet"))
    assert "endpoint pod-3 of Service namespace001/myapp:80" in text
    assert text.index("all 4 decisions") > 0
    assert 'class="cross"' not in text


def ways(one: Journey, name: str, direction: str) -> list[tuple[bool, tuple[tuple[float, float], ...]]]:
    map_ = labmap(map_name(name))
    homes = {place.name: place.node for place in map_.of_kind("pod")}
    found = trail(picture(map_), homes, one.part("data", direction))
    return [(stretch.wrapped, stretch.points) for stretch in found.stretches]


@pytest.mark.parametrize("direction", ["request", "reply"])
def test_the_way_is_orange_only_between_the_nodes(direction: str) -> None:
    found = ways(journey("delivered-vxlan"), "delivered-vxlan", direction)
    assert [wrapped for wrapped, _ in found] == [False, True, False]
    for (_, before), (_, after) in pairwise(found):
        assert before[-1] == after[0], "a stretch begins where the one before it ended"


@pytest.mark.parametrize("name", ["delivered-vxlan", "delivered-outside", "delivered-same-subnet"])
def test_the_way_keeps_to_the_cables(name: str) -> None:
    for _, points in ways(journey(name), name, "request"):
        for (x, y), (to_x, to_y) in pairwise(points):
            assert min(abs(x - to_x), abs(y - to_y)) < 0.2, "no line is slanted: that would not be a cable"


def test_request_and_reply_lie_next_to_each_other() -> None:
    there, back = (ways(journey("delivered-vxlan"), "delivered-vxlan", way) for way in ("request", "reply"))
    corners = {point for _, points in there for point in points}
    assert not corners & {point for _, points in back for point in points}


def test_no_letters_of_the_map_are_smaller_than_16_pixels() -> None:
    drawn = chart(decided.delivered(), labmap("two-subnet"))
    smallest = min(int(size) for size in re.findall(r'font-size="(\d+)"', drawn))
    natural, least = (int(re.findall(pattern, drawn)[0]) for pattern in (r' width="(\d+)"', r"--least:(\d+)px"))
    assert smallest * least / natural >= 15.9
