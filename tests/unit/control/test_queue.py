"""The controllers' work: in order, once, and again when it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from lab.api.resources import CONFIGMAPS, EVENTS, Resource
from lab.api.store import Change
from lab.control.controllers import Key
from lab.control.queue import Failure, Runner, failure_told
from lab.errors import LabError
from tests.unit.control.world import World


class Doing:
    """A controller for ConfigMaps that does what it is told."""

    name = "doing"
    resource: Resource | None = CONFIGMAPS

    def __init__(self, what: Callable[[Key], float | None]) -> None:
        self.what = what
        self.seen: list[Key] = []

    def keys(self, change: Change) -> Iterable[Key]:
        return (change.key,) if change.resource is CONFIGMAPS else ()

    def reconcile(self, key: Key) -> float | None:
        self.seen.append(key)
        return self.what(key)


def nothing(_: Key) -> None:
    """All is as it should be."""


def runner(world: World, *controllers: Doing) -> Runner:
    return Runner(world.store, controllers, world.recorder)


def configmap(world: World, name: str, text: str = "") -> None:
    key = "default", name
    item = {"metadata": {"namespace": "default", "name": name}, "data": {"text": text}}
    if world.store.find(CONFIGMAPS, *key):
        world.store.update(CONFIGMAPS, item)
    else:
        world.store.create(CONFIGMAPS, item)


def test_work_is_done_in_order_and_once(world: World) -> None:
    doing = Doing(nothing)
    runs = runner(world, doing)
    for name, text in (("a", "1"), ("b", "1"), ("a", "2")):
        configmap(world, name, text)
    assert runs.due(0) == 0
    runs.settle(0)
    assert doing.seen == [("default", "a"), ("default", "b")]
    assert runs.due(0) is None


def test_what_is_there_already_is_looked_at_too(world: World) -> None:
    configmap(world, "a")
    doing = Doing(nothing)
    runner(world, doing).settle(0)
    assert doing.seen == [("default", "a")]


def test_a_controller_that_fails_does_not_stop_the_others_and_tries_again_later(world: World) -> None:
    wrong = [True]

    def fail(key: Key) -> None:
        if wrong and key == ("default", "a"):
            raise RuntimeError("no")

    failing, other = Doing(fail), Doing(nothing)
    other.name = "other"
    runs = runner(world, failing, other)
    configmap(world, "a")
    configmap(world, "b")
    runs.settle(10)
    assert other.seen == failing.seen == [("default", "a"), ("default", "b")]
    assert runs.failures == [Failure("doing", ("default", "a"), "RuntimeError: no", 1, 0.1)]
    assert failure_told(runs.failures[0]) == "controller doing failed about default/a once: RuntimeError: no"
    assert world.events("ControllerFailed") == ["doing: RuntimeError: no"]
    assert runs.due(10) == pytest.approx(0.1)
    assert runs.retry(10.05) == 0
    assert runs.retry(10.2) == 1
    runs.settle(10.2)
    assert (runs.failures[0].times, runs.failures[0].again_in) == (2, 0.2)
    assert [item["count"] for item in world.store.list(EVENTS) if item["reason"] == "ControllerFailed"] == [2]
    wrong.clear()
    runs.retry(11)
    runs.settle(11)
    assert runs.failures == []
    assert runs.due(11) is None


def test_a_controller_can_ask_to_look_again(world: World) -> None:
    answers = [5.0]
    doing = Doing(lambda _: answers.pop() if answers else None)
    runs = runner(world, doing)
    configmap(world, "a")
    runs.settle(100)
    assert runs.due(102) == 3
    runs.retry(105)
    runs.settle(105)
    assert len(doing.seen) == 2
    assert runs.due(105) is None


def test_a_controller_that_does_not_come_to_rest_is_named(world: World) -> None:
    count = iter(range(1000))
    doing = Doing(lambda key: configmap(world, key[1], str(next(count))))
    runs = runner(world, doing)
    configmap(world, "a")
    configmap(world, "b")
    with pytest.raises(LabError, match="controller doing does not come to rest about default/a"):
        runs.settle(0, limit=10)
    assert [failure.key for failure in runs.failures] == [("default", "a")]


def test_a_controller_that_cannot_hear_does_not_keep_the_others_from_it(world: World) -> None:
    deaf, other = Doing(nothing), Doing(nothing)
    other.name = "other"

    def keys(change: Change) -> Iterable[Key]:
        raise KeyError(change.resource.kind)

    deaf.keys = keys  # type: ignore[method-assign]
    runs = runner(world, deaf, other)
    configmap(world, "a")
    runs.settle(0)
    assert other.seen == [("default", "a")]
    assert {failure.controller for failure in runs.failures} == {"doing"}


def test_work_can_be_asked_for_although_nothing_changed(world: World) -> None:
    doing = Doing(nothing)
    runs = runner(world, doing)
    runs.ask("doing", [("default", "x"), ("default", "x")])
    runs.settle(0)
    assert doing.seen == [("default", "x")]


def test_who_stops_listening_hears_no_more(world: World) -> None:
    doing = Doing(nothing)
    runs = runner(world, doing)
    runs.stop()
    configmap(world, "a")
    runs.settle(0)
    assert doing.seen == []


def test_work_heaps_up_while_nobody_does_it(world: World) -> None:
    doing = Doing(nothing)
    work = runner(world, doing)
    work.stopped = True
    configmap(world, "one")
    work.settle(0.0)
    assert (doing.seen, work.due(0.0)) == ([], None)
    work.stopped = False
    assert work.due(0.0) == 0.0
    work.settle(0.0)
    assert doing.seen == [("default", "one")]
