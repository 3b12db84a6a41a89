"""What is to be said of a dump: what is missing or wrong in it, in which file and line, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.errors import FileError, Mistake

NOTHING = "nothing was written"
MOST_OF_A_KIND = 5


@dataclass(slots=True)
class Notes:
    """Sentences in the order in which they came up; of many alike the first few, and how many more there are."""

    told: list[str] = field(default_factory=list)
    _alike: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, kind: str = "") -> None:
        """A sentence. Those of one kind are told a few times only."""
        if kind:
            self._alike[kind] = self._alike.get(kind, 0) + 1
            if self._alike[kind] > MOST_OF_A_KIND:
                return
        if text not in self.told:
            self.told.append(text)

    def all(self) -> tuple[str, ...]:
        """With how many more of each kind there were."""
        more = ((kind, count - MOST_OF_A_KIND) for kind, count in self._alike.items() if count > MOST_OF_A_KIND)
        return (*self.told, *(f"and {count} more: {kind}" for kind, count in more))


def refused(file: str, line: int, problem: str, remedy: str) -> FileError:
    """What cannot be made a lab of: exit status 2, and nothing is written."""
    return FileError((Mistake(file, line, 1, "", problem, remedy),), NOTHING)
