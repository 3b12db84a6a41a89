"""A time to live that ended: written so, or spent in a circle; pod-0 of node-0 asks pod-3 of node-2, in two-subnet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.trace.ask.exchange import OPENING, SILENT, Part
from lab.trace.explain.loss.cause import Cause
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts
from lab.trace.explain.loss.routes import ttl
from lab.trace.explain.passage import crossing
from lab.trace.journey import REQUEST
from tests.unit.trace.explain.loss.broken import case


def until_router() -> list[Part]:
    """The request's sightings, as far as into the router, in its tunnel."""
    parts = [one for one in case("delivered-vxlan").passage.parts if (one.direction, one.role) == (REQUEST, OPENING)]
    end = next(number for number, one in enumerate(parts) if crossing(one).place == "router")
    return parts[: end + 1]


def living(part: Part, hops: int) -> Part:
    """The same, with so many hops to live, its tunnel's too."""
    packet = part.observation.packet
    outer = replace(packet.outer, ttl=hops) if packet.outer is not None else None
    return replace(part, observation=replace(part.observation, packet=replace(packet, ttl=hops, outer=outer)))


def lost(parts: Iterable[Part], role: str = "") -> Case:
    passage = case("delivered-vxlan").passage
    exchange = replace(passage.exchange, outcome=SILENT, role=role)
    return Case(replace(passage, exchange=exchange, parts=tuple(parts)), (), Facts())


def test_a_packet_that_was_written_with_too_little_is_told_so() -> None:
    found = ttl.as_written(lost([living(one, 1) for one in until_router()], role=OPENING))
    assert found is not None
    assert (found.place, found.cause, found.object) == ("namespace001/pod-0", Cause.TTL_ENDED, "ttl=1")
    assert found.why == "The packet was sent with 1 hop to live, and ended at router, which had to send it on."


def test_a_request_of_our_own_and_one_with_hops_left_are_not() -> None:
    assert ttl.as_written(lost([living(one, 1) for one in until_router()])) is None
    assert ttl.as_written(lost(until_router(), role=OPENING)) is None


def test_a_place_with_many_interfaces_is_no_circle() -> None:
    parts = [living(one, 1) for one in until_router()]
    assert [crossing(one).place for one in parts].count("node-0") == 3
    assert ttl.circles(lost(parts)) is None


def test_what_is_sent_again_is_no_circle() -> None:
    parts = [living(one, 1) for one in until_router()]
    assert ttl.circles(lost([*parts, *parts])) is None


def test_what_comes_by_again_with_less_to_live_goes_in_circles() -> None:
    parts = until_router()
    *_, in_router = parts
    found = ttl.circles(lost([*parts, living(in_router, 30), living(in_router, 1)]))
    assert found is not None
    assert (found.place, found.cause) == ("router", Cause.TTL_ENDED)
    assert found.why == (
        "The request goes in circles by router until its time to live ends: the routes there lead it back."
    )
