"""A break: what is done to a lab, how it is undone, and what must be named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.losses.scene import Scene

Command = tuple[str, str]
"""A place, and a command to be run in it, as one line."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object that may rightly be named: its place, and words that all stand in its text."""

    place: str
    words: tuple[str, ...]

    def is_named_by(self, place: str, text: str) -> bool:
        """A word counts where it stands by itself. A sysctl's name may be written with slashes or with dots."""
        texts = (text, text.replace("/", "."))
        return place == self.place and all(any(_has(one, word) for one in texts) for word in self.words)


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w.:-]){re.escape(word)}(?![\w:-]|\.\w)", text) is not None


@dataclass(frozen=True, slots=True)
class Break:
    """`do` breaks the lab; `undo` takes away what `up` might not see. `names` are alternatives, each of them right."""

    do: tuple[Command, ...]
    undo: tuple[Command, ...]
    names: tuple[Named, ...]

    @property
    def place(self) -> str:
        return self.names[0].place

    @property
    def places(self) -> tuple[str, ...]:
        """Every place in which something is done."""
        return tuple(dict.fromkeys(place for place, _ in self.do))


Draw = Callable[[Scene, Random], Break | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the catalogue: `draw` makes one of its kind on the way of a request, or None where it has no place."""

    family: str
    name: str
    draw: Draw


def at(place: str, *commands: str) -> tuple[Command, ...]:
    """The commands, all in one place."""
    return tuple((place, command) for command in commands)
