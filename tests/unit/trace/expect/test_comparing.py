"""A journey and what was expected of it: what did not come true, field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import FileError, UsageError
from lab.map.labmap import LabMap
from lab.trace.ask.reference import places_called
from lab.trace.expect.comparing import Meant
from lab.trace.expect.known_causes import require_known
from tests.unit.trace.expect.outcomes import expectation, outcome
from tests.unit.trace.recordings import NAMES, journey, labmap

WAY = "namespace001/pod-0, node-0, router, node-2, namespace001/pod-3"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("delivered-vxlan", ""),
        (
            "delivered-vxlan",
            "answeredBy: pod-3, through: [router, node-2], avoids: [node-1, gateway, kube-system/dns-0]",
        ),
        ("lost-at-firewall", "verdict: lost"),
        ("lost-at-firewall", "verdict: lost, cause: unknown, place: node-2, through: [router]"),
        ("refused-reset", "verdict: refused, cause: tcp-reset, place: namespace001/pod-3"),
        ("unresolved", "verdict: unresolved, cause: dns-nxdomain"),
    ],
)
def test_what_comes_true_is_met(name: str, said: str) -> None:
    one = outcome(name, said)
    assert one.mismatches == ()
    assert one.is_met


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("lost-at-firewall", "answeredBy: pod-3, avoids: [router]", [("verdict", "delivered", "lost")]),
        ("delivered-vxlan", "verdict: lost, cause: no-route", [("verdict", "lost", "delivered")]),
        ("delivered-vxlan", "answeredBy: pod-2", [("answeredBy", "pod-2", "namespace001/pod-3")]),
        ("delivered-vxlan", "through: [router, node-1]", [("through", "node-1", WAY)]),
        ("delivered-vxlan", "avoids: [router, node-1, node-2]", [("avoids", "router", WAY), ("avoids", "node-2", WAY)]),
        (
            "lost-at-firewall",
            "verdict: lost, cause: no-route, place: router",
            [("cause", "no-route", "unknown"), ("place", "router", "node-2")],
        ),
    ],
)
def test_what_does_not_is_told(name: str, said: str, told: list[tuple[str, str, str]]) -> None:
    one = outcome(name, said)
    assert [(each.field, each.expected, each.found) for each in one.mismatches] == told
    assert not one.is_met


def test_where_the_cause_is_will_do_for_where_it_ended() -> None:
    it = journey("lost-at-firewall")
    assert it.lost is not None
    elsewhere = replace(it, lost=replace(it.lost, object_place="router"))
    for place, wrong in (("router", 0), ("node-2", 0), ("node-0", 1)):
        meant = Meant.of(labmap("two-subnet"), expectation(f"verdict: lost, place: {place}"))
        assert len(meant.compare(elsewhere)) == wrong, place


@pytest.mark.parametrize("said", ["answeredBy: pod-9", "through: [routr]", "avoids: [x]", "verdict: lost, place: x"])
def test_a_place_that_is_not_there_is_an_error_before_anything_is_asked(said: str) -> None:
    with pytest.raises(UsageError, match="has no place"):
        Meant.of(labmap("two-subnet"), expectation(said))


def test_of_a_deployment_any_pod_will_do() -> None:
    map_ = labmap("two-subnet")
    ours = ("namespace001/pod-2", "namespace001/pod-3")
    places = tuple(replace(one, deployment="web" if one.name in ours else "") for one in map_.places)
    with_web = LabMap("two-subnet", places=places)
    assert places_called(with_web, "deploy/web") == places_called(with_web, "deploy/namespace001/web") == {*ours}
    assert places_called(with_web, "pod-2") == {"namespace001/pod-2"}
    assert Meant.of(with_web, expectation("answeredBy: deploy/web")).compare(journey("delivered-vxlan")) == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_cause_that_a_recorded_trace_tells_may_be_expected(name: str) -> None:
    lost = journey(name).lost
    if lost is not None:
        require_known([expectation(f"verdict: lost, cause: {lost.cause}")])


def test_a_cause_that_there_is_not_is_told_with_its_place_and_what_was_meant() -> None:
    with pytest.raises(FileError) as refused:
        require_known([expectation("verdict: lost, cause: firewal-drop"), expectation("verdict: lost, cause: x")])
    assert str(refused.value) == (
        "dir/expect.yaml:1:76: [0].cause: there is no cause 'firewal-drop'; did you mean 'firewall-drop'?\n"
        "dir/expect.yaml:1:76: [0].cause: there is no cause 'x'; docs/trace.md lists them"
    )
