"""A dump's bytes as text, and its JSON entry by entry: a list of 10,000 pods is never a whole value in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab.exchange.importing.collection.archive import Collected
from lab.exchange.importing.collection.notes import Notes

Json = dict[str, Any]
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def text(one: Collected, file: str, notes: Notes) -> str | None:
    """The file's text with plain line ends; None where there is no such file, or it is no text."""
    data = one.files.get(file)
    if data is None or not data.strip():
        return None
    encoding = _MARKS.get(data[:2], "utf-8")
    if encoding != "utf-8":
        notes.add(f"{one.called(file)}: it is written in {encoding}, as Windows does; it was read all the same")
    try:
        found = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        notes.add(f"{one.called(file)}:{line}: this is no text in UTF-8: the file is left out; collect it anew")
        return None
    if "\r" in found:
        line = found.count("\n", 0, found.index("\r")) + 1
        notes.add(f"{one.called(file)}:{line}: the line ends as on Windows; it was read all the same")
        found = found.replace("\r\n", "\n").replace("\r", "\n")
    return found


def items(one: Collected, file: str, notes: Notes) -> Iterator[Json]:
    """The objects of a list that `kubectl get -o json` printed, in order. Where the file is cut off, what stands before
    that, and a note.
    """
    found = text(one, file, notes)
    if found is None:
        return
    begin = found.find('"items"')
    if not found.startswith("{", _skip(found, 0)) or begin < 0:
        notes.add(f"{one.called(file)}:1: this is no list as kubectl prints it with -o json: the file is left out")
        return
    yield from _listed(found, found.find("[", begin) + 1, one, file, notes)


def single(one: Collected, file: str, notes: Notes) -> Json:
    """The only object of a file; {} where there is none."""
    found = text(one, file, notes)
    if found is None:
        return {}
    try:
        value = json.loads(found)
    except (ValueError, RecursionError):
        notes.add(f"{one.called(file)}:{found.count(chr(10)) + 1}: the JSON is cut off or broken: the file is left out")
        return {}
    return value if isinstance(value, dict) else {}


def _listed(found: str, at: int, one: Collected, file: str, notes: Notes) -> Iterator[Json]:
    count = 0
    while at:
        at = _skip(found, at, ",")
        if found.startswith("]", at):
            return
        try:
            value, at = _DECODER.raw_decode(found, at)
        except (ValueError, RecursionError):
            line = found.count("\n", 0, at) + 1
            notes.add(
                f"{one.called(file)}:{line}: the list is cut off or broken in its object {count + 1}: what stands "
                "before it counts, the rest is missing; collect it anew"
            )
            return
        count += 1
        if isinstance(value, dict):
            yield value


def _skip(found: str, at: int, further: str = "") -> int:
    passed = _SPACE + further
    while at < len(found) and found[at] in passed:
        at += 1
    return at


def entries(one: Collected, file: str, notes: Notes) -> list[Json] | None:
    """The objects of what a program printed with -j; None where it is no such list."""
    found = text(one, file, notes)
    if found is None or not found.lstrip().startswith("["):
        return None
    try:
        value = json.loads(found)
    except (ValueError, RecursionError):
        notes.add(f"{one.called(file)}:{found.count(chr(10)) + 1}: the JSON is cut off or broken: the file is left out")
        return []
    return [item for item in value if isinstance(item, dict)]
