"""What was tried of each kind, how much of it was refused clearly, and what failed, with the words to try it again."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab import terminal

DONE, REFUSED = "done", "refused"
MOST_TOLD = 5  # failures of one kind; the others are counted


@dataclass(slots=True)
class Count:
    """Of one kind."""

    tried: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Of all kinds, in the order in which they began."""

    counts: dict[str, Count] = field(default_factory=dict)

    def add(self, kind: str, outcome: str, what: str = "") -> None:
        """`outcome` is DONE, REFUSED, or what failed."""
        one = self.counts.setdefault(kind, Count())
        one.tried += 1
        if outcome == REFUSED:
            one.refused += 1
        elif outcome != DONE:
            one.failures.append(f"{what}: {outcome}" if what else outcome)

    def fail(self, kind: str, why: str) -> None:
        """Something that does not belong to one try."""
        self.counts.setdefault(kind, Count()).failures.append(why)

    @property
    def failures(self) -> list[str]:
        """All of them, each with its kind."""
        return [f"{kind}: {one}" for kind, count in self.counts.items() for one in count.failures]

    def table(self) -> str:
        """The counts, then the failures."""
        rows = [(kind, str(one.tried), str(one.refused), str(len(one.failures))) for kind, one in self.counts.items()]
        lines = [terminal.table(("KIND", "TRIED", "REFUSED CLEARLY", "FAILED"), rows)]
        for kind, one in self.counts.items():
            lines += [f"{kind}: {told[:2000]}" for told in one.failures[:MOST_TOLD]]
            if len(one.failures) > MOST_TOLD:
                lines.append(f"{kind}: and {len(one.failures) - MOST_TOLD} more")
        return "\n".join(lines)
