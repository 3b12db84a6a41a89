"""What all dumps have in common: lines or JSON, and what becomes of a file that is not whole or not what was meant.

A JSON entry becomes the words that the same program prints without `-j`, so that there is one way to read both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lab.errors import Mistake
from lab.topology.yaml.document import shown

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_MISTAKES = 20
SHOWN = 60  # characters of a line

T = TypeVar("T")
Json = Mapping[str, Any]


class DumpError(ValueError):
    """A line that cannot be understood, or held: the text says what is wrong, `remedy` what would be right."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


class LeftOutError(Exception):
    """A line that means nothing here: the text is the kind of its like, as in `12 routes left out (IPv6)`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, or one entry of JSON, as words; `number` is the line in which it begins."""

    number: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of dump. `command` prints it, `things` are what its lines are; `read` makes a value of an entry, or raises
    DumpError or LeftOutError; `words` makes an entry of a JSON object.
    """

    command: str
    things: str
    read: Callable[[Entry], T]
    words: Callable[[Json], list[str]] | None = None


@dataclass(frozen=True, slots=True)
class _Omitted:
    count: int
    first: Entry


@dataclass(slots=True)
class Dump(Generic[T]):
    """What was read of one file: values with their lines, mistakes, and what is left out, by kind."""

    file: str
    things: str
    items: list[tuple[int, T]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    _omitted: dict[str, _Omitted] = field(default_factory=dict)

    def omit(self, kind: str, entry: Entry) -> None:
        before = self._omitted.get(kind)
        self._omitted[kind] = _Omitted(before.count + 1, before.first) if before else _Omitted(1, entry)

    def warnings(self) -> Iterator[str]:
        """A sentence for each kind of what is left out."""
        for kind, one in self._omitted.items():
            things = self.things if one.count > 1 else _SINGULAR[self.things]
            first = "the first " if one.count > 1 else ""
            text = one.first.text if len(one.first.text) <= SHOWN else f"{one.first.text[: SHOWN - 1]}…"
            yield f"{self.file}: {one.count} {things} left out ({kind}), {first}in line {one.first.number}: {text}"

    def refuse(self, number: int, error: DumpError) -> None:
        self.mistakes.append(Mistake(self.file, number, 1, "", str(error), error.remedy))


_SINGULAR = {
    "routes": "route",
    "rules": "rule",
    "neighbours": "neighbour",
    "entries": "entry",
    "settings": "setting",
    "lines": "line",
}


def read_dump(text: str, file: str, kind: Kind[T]) -> Dump[T]:
    """All of the file. What is wrong with it as a whole is told alone, for nothing else of it can be believed."""
    dump: Dump[T] = Dump(file, kind.things)
    entries, whole = read_entries(text, file, kind)
    dump.mistakes += whole
    for entry in entries:
        try:
            dump.items.append((entry.number, kind.read(entry)))
        except LeftOutError as left:
            dump.omit(str(left), entry)
        except DumpError as error:
            dump.refuse(entry.number, error)
            if len(dump.mistakes) == MAX_MISTAKES:
                break
    return dump


def read_entries(text: str, file: str, kind: Kind[T]) -> tuple[list[Entry], list[Mistake]]:
    """All entries of the file, whatever they say; none, and why, where it is wrong as a whole."""
    try:
        return [*_entries(text, kind)], []
    except _WholeError as error:
        return [], [Mistake(file, error.number, 1, "", str(error.error), error.error.remedy)]


class _WholeError(Exception):
    def __init__(self, number: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.number = number
        self.error = DumpError(problem, remedy)


def _entries(text: str, kind: Kind[T]) -> Iterator[Entry]:
    anew = f"print it anew: LC_ALL=C {kind.command}"
    if len(text) > MAX_CHARACTERS:
        raise _WholeError(1, "the file is too long", "at most 4 MiB are read")
    if (at := text.find("\r")) >= 0:
        number = text.count("\n", 0, at) + 1
        remedy = "take the carriage returns out: sed -i 's/\\r$//' FILE"
        raise _WholeError(number, "the line ends as on Windows, with a carriage return", remedy)
    if text.startswith("\ufeff"):
        remedy = "save it as UTF-8 without one"
        raise _WholeError(1, "the file begins with a byte order mark, as Windows writes it", remedy)
    if not text.strip():
        raise _WholeError(1, "the file is empty", anew)
    if text.lstrip().startswith("[") and kind.words:
        yield from _of_json(text, kind.words, anew)
        return
    if not text.endswith("\n"):
        last = text.count("\n") + 1
        raise _WholeError(last, "the last line has no end: the file is cut off here", f"{anew}; a line break ends it")
    yield from _of_lines(text, anew)


def _of_lines(text: str, anew: str) -> Iterator[Entry]:
    """Lines that begin with a tab go on with the one before, as `ip route` prints several next hops."""
    held: Entry | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.isascii():
            raise _WholeError(number, "the line has letters that the program does not print in English", anew)
        # `ip -o` has a backslash where a line would end.
        words = tuple(word for word in line.replace("\\", " ").split() if word)
        if not words or line.startswith("#"):
            continue
        if line.startswith("\t") and held is not None:
            held = Entry(held.number, held.words + words)
            continue
        if held is not None:
            yield held
        held = Entry(number, words)
    if held is not None:
        yield held


_DECODER = json.JSONDecoder()


def _of_json(text: str, words: Callable[[Json], list[str]], anew: str) -> Iterator[Entry]:
    at, number, counted = text.index("[") + 1, 1, 0
    while True:
        while at < len(text) and text[at] in " \t\n,":
            at += 1
        number += text.count("\n", counted, at)
        counted = at
        if text.startswith("]", at):
            if text[at + 1 :].strip():
                raise _WholeError(number, "something stands behind the end of the list", anew)
            return
        try:
            found, at = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            if at >= len(text) or not _is_cut(text, at):
                raise _WholeError(number, "the list of JSON has no end: the file is cut off", anew) from None
            raise _WholeError(number, "this entry of JSON cannot be read", anew) from None
        if not isinstance(found, dict):
            raise _WholeError(number, f"{shown(found)} is no entry of what the program prints", anew)
        if found:  # an empty one is a family of which there is nothing
            try:
                told = words(found)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise _WholeError(number, "this entry of JSON lacks what it must have", anew) from None
            yield Entry(number, tuple(told))


def _is_cut(text: str, at: int) -> bool:
    """Whether an entry that cannot be read has an end all the same."""
    return "}" in text[at:] and text.rstrip().endswith("]")


def single(value: Any) -> str:  # noqa: ANN401  a JSON value
    """A JSON scalar as the program prints it in a line. ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is no scalar")
    words = str(value).split()
    if len(words) != 1:
        raise ValueError(f"{value!r} is not one word")
    return words[0]
