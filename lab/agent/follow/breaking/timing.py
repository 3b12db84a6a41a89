"""When something comes and goes by the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds: when it begins, how long it stays (0 until it is cleared), how long it comes and goes (0: it does
    not).
    """

    after: float = 0.0
    lasting: float = 0.0
    flapping: float = 0.0

    def __bool__(self) -> bool:
        return any((self.after, self.lasting, self.flapping))

    @property
    def words(self) -> str:
        """`after 5 s, for 20 s`, "" where it stays."""
        said = (("after", self.after), ("for", self.lasting), ("coming and going every", self.flapping))
        return ", ".join(f"{word} {seconds:g} s" for word, seconds in said if seconds)
