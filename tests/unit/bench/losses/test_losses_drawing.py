"""Breaks are drawn by a seed, of every kind there is, and each says what must be named."""

from __future__ import annotations

import shlex
from itertools import islice

import pytest

from bench.losses.configuration import CONFIGURATIONS, Configuration
from bench.losses.drawing import Drawn, draw
from bench.losses.kinds import FAMILIES, KINDS
from bench.losses.request import requests
from bench.losses.scene import Scene

SEED, MANY = 10, 250
# What the trace is to be judged by: nothing of it may fall out of the catalogue.
ASKED_FOR = (
    "rule",
    "route",
    "address",
    "neighbour",
    "FDB entry",
    "set member",
    "sysctl",
    "device",
    "flag",
    "hook",
    "queue",
    "policy",
)


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Drawn]]:
    return {one.name: list(islice(draw(one, SEED), MANY)) for one in CONFIGURATIONS}


def test_the_same_seed_draws_the_same(drawn: dict[str, list[Drawn]]) -> None:
    again = list(islice(draw(CONFIGURATIONS[0], SEED), 40))
    assert again == drawn[CONFIGURATIONS[0].name][:40]
    assert list(islice(draw(CONFIGURATIONS[0], SEED + 1), 40)) != again


def test_every_kind_is_drawn(drawn: dict[str, list[Drawn]]) -> None:
    assert set(FAMILIES) == set(ASKED_FOR)
    found = {(one.family, one.kind) for every in drawn.values() for one in every}
    assert found == {(kind.family, kind.name) for kind in KINDS}


def test_every_kind_of_place_is_broken(drawn: dict[str, list[Drawn]]) -> None:
    kinds = {place.name: place.kind for place in CONFIGURATIONS[0].plan.labmap.places}
    broken = {kinds[one.broken.place] for every in drawn.values() for one in every}
    assert broken == {"node", "pod", "router", "gateway", "internet"}


def test_a_break_is_whole(drawn: dict[str, list[Drawn]]) -> None:
    for configuration in CONFIGURATIONS:
        places = {place.name for place in configuration.plan.labmap.places}
        for one in drawn[configuration.name]:
            assert one.broken.do
            assert {place for place, _ in (*one.broken.do, *one.broken.undo)} <= places
            assert all(shlex.split(command) for _, command in (*one.broken.do, *one.broken.undo))
            assert one.broken.names
            assert all(named.words and named.place in places for named in one.broken.names)


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda one: one.name)
def test_every_request_has_a_way_there_and_back(configuration: Configuration) -> None:
    plan = configuration.plan
    for request in requests(plan.labmap):
        passes = Scene(plan, request, plan.labmap.dns.pods[0]).passes
        assert passes[0].place == request.source
        assert passes[-1].place == request.source, request
        assert {one.direction for one in passes} == {"request", "reply"}


def test_a_services_address_becomes_an_endpoints_on_the_node_that_chooses() -> None:
    plan = CONFIGURATIONS[0].plan
    asked = (one for one in requests(plan.labmap) if one.via == "pod-3" and one.source.endswith("pod-0"))
    request = next(one for one in asked if one.host == "172.16.10.10")
    there = [one for one in Scene(plan, request).passes if one.direction == "request"]
    assert [(one.place, one.destination) for one in there][:3] == [
        ("namespace001/pod-0", "172.16.10.10"),
        ("node-0", "172.16.10.10"),
        ("node-0", "10.244.0.129"),
    ]
    back = [one for one in Scene(plan, request).passes if one.direction == "reply"]
    assert (back[0].source, back[-1].source) == ("10.244.0.129", "172.16.10.10")
