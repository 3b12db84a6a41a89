"""How a story's lines fit the width there is: the columns of its hops, texts in several lines, commands to paste."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap

from lab.trace.journey import Hop
from lab.trace.show import wording

USUAL = 100
"""Columns of a story that is written into a file, or a pipe."""

LEAST = 60
"""On a terminal that is narrower, it is the terminal that breaks the lines."""

_WORDS = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\S)+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where time, place, interface and packet stand in a line, and the moment from which times count.

    `close`: place and interface share one column, a pod goes by its name alone, and one space is enough between them.
    `apart`: the packet has a line of its own.
    """

    began: int
    place: int
    interface: int
    close: bool = False
    apart: bool = False

    def lines(self, t_ns: int, place: str, passing: str, packet: str) -> tuple[str, ...]:
        """One line, or two when the packet is apart."""
        where = self._where(place, passing)
        offset = self._offset(t_ns)
        if self.apart:
            return (f"{offset} {where}".rstrip(), f"{'':{len(offset) + 1}}{packet}")
        gap = " " if self.close else "  "
        return (f"{offset}{gap}{where}{gap}{packet}".rstrip(),)

    def way(self, t_ns: int, places: Iterable[str], text: str = "") -> str:
        """A line about more than one place."""
        named = " → ".join(name_alone(place) if self.close else place for place in places)
        return f"{self._offset(t_ns)}{' ' if self.close else '  '}{named}{text}"

    def _where(self, place: str, passing: str) -> str:
        if self.close:
            return f"{name_alone(place)} {passing}".ljust(self.place)
        return f"{place:<{self.place}}  {passing:<{self.interface}}"

    def _offset(self, t_ns: int) -> str:
        microseconds = (t_ns - self.began) // 1000
        if not self.close:
            return f"{f'{microseconds} µs':>10}"
        return f"{f'{microseconds} µs' if microseconds < 10_000 else f'{microseconds // 1000} ms':>7}"


def columns(hops: Iterable[Hop], began: int, width: int, packets: Iterable[str]) -> Columns:
    """The roomiest columns in which these packets fit."""
    hops, packets = tuple(hops), tuple(packets)
    passings = [wording.passing(hop.interface, hop.way) for hop in hops]
    roomy = Columns(began, max((len(hop.place) for hop in hops), default=0), max(map(len, passings), default=0))
    together = [len(name_alone(hop.place)) + 1 + len(passing) for hop, passing in zip(hops, passings, strict=True)]
    close = Columns(began, max(together, default=0), 0, close=True)
    for one in (roomy, close):
        if all(len(one.lines(began, "", "", packet)[0]) <= width for packet in packets):
            return one
    return Columns(began, close.place, 0, close=True, apart=True)


def name_alone(place: str) -> str:
    """A pod without its namespace."""
    return place.rpartition("/")[2]


def wrapped(text: str, width: int, indent: int = 0, hanging: int | None = None) -> Iterator[str]:
    """The text in lines no longer than `width`, if its words let it; the second line on, `hanging` far in."""
    further = " " * (indent if hanging is None else hanging)
    lines = wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=further,
        break_on_hyphens=False,
        break_long_words=False,
    )
    yield from lines or [""]


def command(text: str, width: int, indent: int = 2) -> Iterator[str]:
    """A command to paste, over several lines where it is long: each but the last ends with a backslash."""
    if indent + len(text) <= width:
        yield f"{'':{indent}}{text}"
        return
    line, begun = f"{'':{indent}}", False
    for word in _WORDS.findall(text):
        if begun and len(line) + len(word) + len("  \\") > width:
            yield f"{line} \\"
            line, begun = f"{'':{indent + 4}}", False
        line, begun = f"{line}{' ' if begun else ''}{word}", True
    yield line
