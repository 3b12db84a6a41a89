"""The faults of a topology's file: judged before anything is built, and put on their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.errors import Mistake, UsageError
from lab.faults.catalogue import named
from lab.faults.fault import Placed
from lab.faults.ground import Ground
from lab.topology.broken import Broken
from lab.topology.field_errors import file_error


def misjudged(written: Iterable[Broken]) -> Iterator[Mistake]:
    """What cannot be right of them, whatever the lab: a name that no fault has, what it does not take."""
    for one in written:
        try:
            fault = named(one.name)
        except UsageError as error:
            yield one.mistake("name", error.message, error.hint)
            continue
        try:
            fault.given(_texts(one))
        except UsageError as error:
            yield one.mistake("with", error.message, error.hint)


def of_objects(written: Iterable[Broken]) -> tuple[Broken, ...]:
    """Those that change objects of the API."""
    return tuple(one for one in written if named(one.name).is_of_objects)


def of_networks(written: Iterable[Broken]) -> tuple[Broken, ...]:
    """All others."""
    return tuple(one for one in written if not named(one.name).is_of_objects)


def placed(written: Iterable[Broken], ground: Ground, since: float) -> tuple[Placed, ...]:
    """Each on its place. FileError where it cannot be there, or is there twice."""
    found: list[Placed] = []
    mistakes = []
    for one in written:
        fault = named(one.name)
        try:
            place = fault.chosen(one.on or "", ground)
        except UsageError as error:
            mistakes.append(one.mistake("on", error.message, error.hint))
            continue
        made = Placed(fault, place, tuple(fault.given(_texts(one)).items()), since, one.hidden, one.origin)
        other = next((known for known in found if known.is_in_the_way_of(fault, place)), None)
        if other is not None:
            mistakes.append(one.mistake("name", f"{other.where} is there already", "leave one of them out"))
        found.append(made)
    if mistakes:
        raise file_error(mistakes)
    return tuple(found)


def _texts(one: Broken) -> dict[str, str]:
    return {name: str(value) for name, value in one.given.items()}
