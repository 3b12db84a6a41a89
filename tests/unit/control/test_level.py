"""Memory stays level: whatever comes and goes leaves nothing behind but what is remembered, and that is bounded."""

from __future__ import annotations

import gc
import sys
from itertools import count

import pytest

from lab.agent.design.blueprint import read_file
from lab.api.deletion import Deletion
from lab.api.resources import DEPLOYMENTS, EVENTS, PODS, SERVICES
from lab.control.events import MOST_BYTES
from lab.control.own_objects import UNKNOWN
from lab.control.plane import ControlPlane
from tests.unit.api.serving import NOW, deployment

UNTIL_FULL, MORE = 75, 30
MOST_MORE = 250  # three hundred pods have come and gone in thirty cycles: an empty dict of each would be more
THREE_LINES = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: small}\n"
GONE = Deletion(propagation="Background", grace=0)


@pytest.fixture
def plane() -> ControlPlane:
    numbers, moments = count(1), count(1)
    made = ControlPlane(lambda: NOW, lambda: str(next(numbers)), lambda: next(moments) / 1000, UNKNOWN)
    read = read_file(THREE_LINES, "small.yaml", ())
    made.load(read.topology, read.documents)
    made.expected()
    return made


def come_and_go(plane: ControlPlane, name: str) -> None:
    """A Deployment of ten with its Service."""
    one = deployment(name, 10)
    plane.registry.create(DEPLOYMENTS, {**one, "metadata": {"name": name, "namespace": "default"}})
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    plane.registry.create(SERVICES, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    plane.expected()
    assert sum(1 for pod in plane.store.each(PODS) if pod["metadata"]["name"].startswith(f"{name}-")) == 10
    plane.registry.delete(DEPLOYMENTS, "default", name, GONE)
    plane.registry.delete(SERVICES, "default", name)
    plane.expected()


def blocks_after(plane: ControlPlane, cycles: int, name: str) -> int:
    for number in range(cycles):
        come_and_go(plane, f"{name}{number:03}")
    gc.collect()
    return sys.getallocatedblocks()


def test_what_comes_and_goes_leaves_nothing(plane: ControlPlane) -> None:
    """Names of the same length: what is remembered of one cycle is as much as of another."""
    before = blocks_after(plane, UNTIL_FULL, "first")
    after = blocks_after(plane, MORE, "other")
    assert after <= before + MOST_MORE


def test_events_of_clients_are_no_more_than_fit(plane: ControlPlane) -> None:
    about = {"kind": "Pod", "name": "a", "namespace": "default"}
    for number in range(12):
        metadata = {"name": f"large{number}", "namespace": "default"}
        plane.registry.create(EVENTS, {"metadata": metadata, "involvedObject": about, "message": "x" * 1_000_000})
    there = [event for event in plane.store.each(EVENTS) if event["metadata"]["name"].startswith("large")]
    assert sum(len(event["message"]) for event in there) <= MOST_BYTES
    assert there[-1]["metadata"]["name"] == "large11"
