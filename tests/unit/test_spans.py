"""Phases are noted where somebody wants to know, and nowhere else."""

from __future__ import annotations

import asyncio

from lab import spans
from lab.agent.follow.writer import Writer


def test_nothing_is_noted_where_nobody_asked() -> None:
    assert spans.span("a") is spans.span("b"), "no more than a look"
    spans.note("a", spans.now())
    assert spans.finish() == ()


def test_phases_are_noted_as_they_end() -> None:
    with spans.recording([spans.Span("before", 1, 2)]) as noted:
        with spans.span("outer"), spans.span("inner", "beside"):
            pass
        spans.note("late", noted[-1].begin)
    assert [(one.name, one.track) for one in noted] == [
        ("before", ""),
        ("inner", "beside"),
        ("outer", ""),
        ("late", ""),
    ]
    _, inner, outer, late = noted
    assert outer.begin <= inner.begin <= inner.end <= outer.end <= late.end
    with spans.span("after"):
        pass
    assert len(noted) == 4


def test_the_writer_notes_what_it_does_for_whoever_asked_it() -> None:
    async def ask() -> list[str]:
        writer = Writer()
        with spans.recording() as noted:
            await writer.do("asked", lambda: spans.note("mine", spans.now()))
        await writer.do("asked by others", lambda: spans.note("theirs", spans.now()))
        return [one.name for one in noted]

    assert asyncio.run(ask()) == ["mine"]


def test_a_recording_that_is_over_keeps_nothing() -> None:
    with spans.recording():
        spans.note("start", spans.now())
        assert [one.name for one in spans.finish()] == ["start"]
        spans.note("life", spans.now())
        assert spans.finish() == ()
