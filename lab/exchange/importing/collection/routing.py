"""A machine's routes as words, and what they say of the pods' blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network
from itertools import pairwise

from lab.errors import Mistake
from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import Entry, read_entries
from lab.topology.machine.route import TYPES, routes

MAIN = ("", "main", "254")


@dataclass(frozen=True, slots=True)
class Route:
    """The parts of one that matter here; `words` are all."""

    words: tuple[str, ...]
    line: int
    kind: str
    destination: str
    via: str
    device: str
    table: str
    kernel: bool

    @property
    def network(self) -> IPv4Network | None:
        """What it leads to; None for what is no prefix of IPv4."""
        return prefix("0.0.0.0/0" if self.destination == "default" else self.destination)


@lru_cache(1 << 14)
def prefix(text: str) -> IPv4Network | None:
    """The same destinations stand in every node's routes; None for what is no prefix of IPv4."""
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def read_routes(text: str, file: str) -> tuple[list[Route], list[Mistake]]:
    """All of a file's, whatever the lab can hold of them; or why the file cannot be read."""
    entries, mistakes = read_entries(text, file, routes(Devices("", ())))
    return [_route(entry) for entry in entries], mistakes


def _route(entry: Entry) -> Route:
    words = _named(entry.words)
    typed = len(words) > 1 and not re.match(r"\d+\.|default$|.*:", words[0])
    kind = words[0] if typed else ""
    destination = words[1] if typed else words[0]
    after = dict(pairwise(words))
    return Route(
        words,
        entry.number,
        kind,
        destination,
        after.get("via", ""),
        after.get("dev", ""),
        after.get("table", ""),
        after.get("proto") == "kernel",
    )


_NUMBERED = {
    "table": {"254": ""},
    "proto": {"2": "kernel", "3": "", "4": "static"},
    "scope": {"0": "", "200": "site", "253": "link", "254": "host", "255": "nowhere"},
}
"""What `ip -N` prints as numbers, as people know it; "" for what `ip` leaves out."""


def _named(words: tuple[str, ...]) -> tuple[str, ...]:
    kind = TYPES.get(words[0], words[0])
    found: list[str] = [kind] if kind != "unicast" else []
    at = 1
    while at < len(words):
        word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in _NUMBERED and value in _NUMBERED[word]:
            found += [word, _NUMBERED[word][value]] if _NUMBERED[word][value] else []
            at += 2
        else:
            found.append(word)
            at += 1
    return tuple(found)
