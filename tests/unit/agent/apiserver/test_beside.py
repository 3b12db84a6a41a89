"""Requests that are worked on at once, each in a thread: nothing is lost, nothing is given out twice."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from lab.agent.apiserver.beside import Beside
from lab.agent.pulse import LONG_SECONDS, Pulse, watched_loop
from lab.api.http.requests import Request, Response
from lab.api.registry import Registry
from lab.api.resources import CONFIGMAPS, NAMESPACES, SERVICES
from lab.api.store import Store
from lab.control.allocation import Allocation
from tests.unit.api.serving import configmap

MANY = 40
MERGE = {"content-type": "application/merge-patch+json"}
SPACE = "/api/v1/namespaces/shop"


@pytest.fixture
def registry() -> Registry:
    numbers = iter(range(1_000))
    store = Store(lambda: "2026-05-04T10:00:00Z", lambda: str(next(numbers)))
    made = Registry(store, Allocation(store))
    made.create(NAMESPACES, {"metadata": {"name": "shop"}})
    return made


def at_once(registry: Registry, *requests: Request) -> list[Response]:
    async def ask() -> list[Response]:
        beside = Beside(registry, asyncio.get_running_loop())
        answers = await asyncio.gather(*map(beside.handle, requests))
        return [one for one in answers if isinstance(one, Response)]

    return asyncio.run(ask())


def test_patches_of_one_object_at_once_are_all_kept(registry: Registry) -> None:
    registry.create(CONFIGMAPS, configmap("counted"))
    patches = [json.dumps({"data": {f"k{i}": "x"}}).encode() for i in range(MANY)]
    told = at_once(registry, *(Request("PATCH", f"{SPACE}/configmaps/counted", {}, MERGE, one) for one in patches))
    assert {one.code for one in told} == {200}
    assert len(registry.get(CONFIGMAPS, "shop", "counted")["data"]) == MANY


def test_services_made_at_once_have_addresses_of_their_own(registry: Registry) -> None:
    bodies = [
        json.dumps({"metadata": {"name": f"s{i}"}, "spec": {"ports": [{"port": 80}]}}).encode() for i in range(MANY)
    ]
    told = at_once(registry, *(Request("POST", f"{SPACE}/services", {}, {}, one) for one in bodies))
    assert {one.code for one in told} == {201}
    assert len({one["spec"]["clusterIP"] for one in registry.list(SERVICES)}) == MANY


def test_of_those_who_make_the_same_one_makes_it(registry: Registry) -> None:
    body = json.dumps(configmap("one")).encode()
    told = at_once(registry, *(Request("POST", f"{SPACE}/configmaps", {}, {}, body) for _ in range(MANY)))
    assert sorted(one.code for one in told) == [201] + [409] * (MANY - 1)


def test_the_loop_tells_its_longest_pause() -> None:
    pulse = Pulse()

    async def be_away() -> None:
        await asyncio.sleep(0)
        time.sleep(5 * LONG_SECONDS)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: watched_loop(pulse)) as runner:
        runner.run(be_away())
    assert pulse.longest >= 5 * LONG_SECONDS
    assert pulse.long >= 1


def test_who_gives_way_lets_others_go_on() -> None:
    pulse = Pulse()
    order: list[str] = []

    async def work(name: str) -> None:
        for _ in range(3):
            await pulse.give_way()
            order.append(name)
            time.sleep(LONG_SECONDS)

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    with asyncio.Runner(loop_factory=lambda: watched_loop(pulse)) as runner:
        runner.run(both())
    assert order != ["a", "a", "a", "b", "b", "b"]
    assert sorted(order) == ["a", "a", "a", "b", "b", "b"]
