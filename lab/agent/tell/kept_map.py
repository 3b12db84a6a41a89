"""The lab's map as it was told last: of 10,000 pods it takes half a second to make, and every trace asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.agent.design.blueprint import Design
from lab.agent.protocol import Encoded, Message
from lab.api.http.encoding import text_of
from lab.network.components import Stop


@dataclass(frozen=True, slots=True)
class MapFacts:
    """All that a map is made of: while it is the same, so is the map. `unready` says why pods are not, by their places;
    `stopped` are the components that somebody wants stopped.
    """

    design: Design
    unready: Mapping[str, str]
    stopped: tuple[Stop, ...]

    def are(self, others: MapFacts) -> bool:
        """Two designs are the same only where they are one: to compare them would take as long as to make the map."""
        return self.design is others.design and (self.unready, self.stopped) == (others.unready, others.stopped)


class KeptMap:
    """Of one lab; for its writer thread."""

    def __init__(self) -> None:
        self._of: MapFacts | None = None
        self._text = Encoded(b"")

    def told(self, facts: MapFacts, make: Callable[[MapFacts], Message]) -> Encoded:
        """The map of these facts, made only where they are others than the last time."""
        if self._of is None or not self._of.are(facts):
            self._text = Encoded(text_of(make(facts)).encode())
            self._of = facts
        return self._text
