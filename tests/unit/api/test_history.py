"""What is remembered of changes: by number, by size, by age."""

from __future__ import annotations

import pytest

from lab.api.history import MOST_BYTES, OLDEST_SECONDS, REMEMBERED, History
from lab.api.resources import CONFIGMAPS
from lab.api.store import Change
from lab.topology.yaml.text import read_documents


def change(revision: int, size: int = 10) -> Change:
    return Change("ADDED", CONFIGMAPS, {"data": {"a": "x" * size}}, None, revision)


@pytest.fixture
def times() -> list[float]:
    return [0.0]


@pytest.fixture
def history(times: list[float]) -> History:
    return History(0, lambda: times[0])


def test_as_many_as_there_may_be(history: History) -> None:
    for number in range(1, REMEMBERED + 3):
        history.add(change(number))
    assert len(history) == REMEMBERED
    assert history.forgotten == 2
    assert next(history.after(2)).revision == 3


def test_large_ones_are_fewer_and_the_newest_is_there(history: History) -> None:
    for number in range(1, 11):
        history.add(change(number, MOST_BYTES // 4))
    assert len(history) == 3
    history.add(change(11, 2 * MOST_BYTES))
    assert [one.revision for one in history.after(0)] == [11]
    assert history.forgotten == 10


def test_old_ones_go(history: History, times: list[float]) -> None:
    history.add(change(1))
    times[0] = OLDEST_SECONDS + 1
    history.add(change(2))
    assert [one.revision for one in history.after(0)] == [2]


def test_what_a_client_wrote_as_yaml_has_its_size_as_well(history: History) -> None:
    (document,) = read_documents("data: {a: " + "x" * 2_000_000 + "}", "body")
    for number in range(1, 6):
        history.add(Change("ADDED", CONFIGMAPS, document.value, None, number))
    assert len(history) == MOST_BYTES // 2_000_000
