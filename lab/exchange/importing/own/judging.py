"""A dump's lines judged one by one as `up` would: those that the lab can hold, and that count, are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.text import text
from lab.exchange.importing.own.renaming import Renaming
from lab.exchange.importing.surroundings.underlay import Placed
from lab.topology.machine.dump import DumpError, Entry, Kind, LeftOutError, read_entries

T = TypeVar("T")


def file_lines(here: Placed, file: str, kind: Kind[T], counts: Callable[[T], bool], notes: Notes) -> str:
    assert here.machine is not None
    told = text(here.machine.collected, file, notes)
    if not told:
        return ""
    return lines(told, here.machine.collected.called(file), kind, counts, notes, Renaming(here.device))


def lines(
    told: str, file: str, kind: Kind[T], counts: Callable[[T], bool], notes: Notes, renaming: Renaming | None = None
) -> str:
    found, mistakes = read_entries(told, file, kind)
    for mistake in mistakes:
        notes.add(f"{mistake.file}:{mistake.line}: {mistake.problem}: the file is left out; {mistake.remedy}")
    if renaming:
        found = [Entry(one.number, renaming.words(one.words)) for one in found]
    return "".join(f"{line}\n" for line in judged(found, kind, file, notes, counts))


def judged(
    found: list[Entry], kind: Kind[T], file: str, notes: Notes, counts: Callable[[T], bool] = lambda _one: True
) -> Iterator[str]:
    """The lines that the lab can hold, and that count. What it cannot is noted."""
    for entry in found:
        try:
            if counts(kind.read(entry)):
                yield entry.text
        except LeftOutError:
            continue
        except DumpError as error:
            notes.add(f"{file}:{entry.number}: {error}: left out: {entry.text[:80]}", f"lines left out of {file}")
