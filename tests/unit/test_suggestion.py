"""A mistyped name is answered with the one that was probably meant, and a strange one with none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.presence import folder
from lab.errors import UsageError
from lab.suggestion import did_you_mean, nearest
from lab.tasks import topologies
from tests.unit.map.test_path import mapped


@pytest.mark.parametrize(
    ("word", "meant"), [("trcae", "trace"), ("TRACE", "trace"), ("trace.dif", "trace.diff"), ("x", ""), ("", "")]
)
def test_the_nearest_name_is_found_and_none_where_none_is_near(word: str, meant: str) -> None:
    assert nearest(word, ("trace", "trace.diff", "up", "down")) == meant


def test_it_is_asked_as_a_question_or_else_said_what_there_is() -> None:
    assert did_you_mean("nod-0", ("node-0", "node-1"), "ask") == "did you mean 'node-0'?"
    assert did_you_mean("xyz", ("node-0", "node-1"), "ask") == "ask"


def test_a_word_of_any_length_is_answered_at_once() -> None:
    assert nearest("node-0" * 100_000, ("node-0",)) == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("nde-1", "node-1"), ("pod0", "pod-0"), ("namespace01/pod-3", "namespace001/pod-3"), ("rooter", "router")],
)
def test_a_mistyped_place(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        mapped("two-subnet").find(typed)
    assert refused.value.hint == f"did you mean '{meant}'?"


def test_a_mistyped_topology() -> None:
    with pytest.raises(UsageError) as refused:
        topologies.find("tow-subnet")
    assert refused.value.hint == "did you mean 'two-subnet'?"


def test_a_mistyped_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "base", lambda: tmp_path)
    held = folder.lock("two-subnet")
    assert held is not None
    with pytest.raises(UsageError) as refused:
        folder.choose("twosubnet")
    assert refused.value.hint == "did you mean 'two-subnet'?"
