"""One YAML document as plain values that remember where they stood in their file.

`Mapping` and `Sequence` are a dict and a list; beside their items they keep each item's mark, so that a mistake found
much later, by code that knows nothing of YAML, can still name file, line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from lab.errors import Mistake

Path = tuple[str | int, ...]


class Spot(NamedTuple):
    """Where something begins; line and column count from 0. `file` is "" for the document's file."""

    line: int = 0
    column: int = 0
    file: str = ""


_START = Spot()


@lru_cache(8192)
def spot(line: int, column: int) -> Spot:
    """The mark there: one for all documents, of which a large file has thousands that look alike."""
    return Spot(line, column)


@lru_cache(8192)
def spots(key: Spot, value: Spot) -> tuple[Spot, Spot]:
    """Both, likewise."""
    return key, value


class Mapping(dict[str, Any]):
    """A YAML mapping; `marks` gives the marks of a key and of its value, `size` counts all values inside."""

    __slots__ = ("marks", "size")

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, tuple[Spot, Spot]] = {}
        self.size = 1


class Sequence(list[Any]):
    """A YAML sequence; `marks` gives each item's mark, `size` counts all values inside."""

    __slots__ = ("marks", "size")

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Spot] = []
        self.size = 1


def field_path(path: Path) -> str:
    """The path as people write it: `spec.nodes[2].subnet`; a key that holds dots or slashes is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "").replace("-", "").isalnum() and part.isascii():
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text


def shown(value: object, limit: int = 60) -> str:
    """A value as a message quotes it: one printable line, never longer than `limit` characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 4]}...{text[-1]}"


class Content:
    """What stands in a document, made of Mapping, Sequence, str, int, float, bool and None, and where it begins. `made`
    is what was made of it, kept for the next time that somebody makes it of the same: nobody changes them.
    """

    __slots__ = ("made", "mark", "value")

    def __init__(self, value: Any, mark: Spot = _START) -> None:  # noqa: ANN401  whatever YAML holds
        self.value = value
        self.mark = mark
        self.made: dict[tuple[str, Path], Any] = {}

    @property
    def marked(self) -> Any:  # noqa: ANN401
        """The value with its marks."""
        return self.value

    def becomes(self, value: Any) -> None:  # noqa: ANN401
        """From now on `value`, which means the same and has no marks, may stand for what was read."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One document of `file`; the marks of its content count from the line that has so many `above` it."""

    file: str
    content: Content
    above: int = 0

    @property
    def value(self) -> Any:  # noqa: ANN401
        """All that stands in it."""
        return self.content.value

    @property
    def made(self) -> dict[tuple[str, Path], Any]:
        """What was made of it."""
        return self.content.made

    def position(self, path: Path, *, key: bool = False) -> tuple[str, int, int]:
        """File, line and column, from 1, of the value at `path` or of its key; of its nearest parent if absent."""
        mark, value = self.content.mark, self.content.marked
        for depth, part in enumerate(path):
            if isinstance(value, Mapping) and part in value.marks:
                mark = value.marks[str(part)][0 if key and depth == len(path) - 1 else 1]
                value = value[str(part)]
            elif isinstance(value, Sequence) and isinstance(part, int) and part < len(value):
                mark, value = value.marks[part], value[part]
            else:
                break
        if mark.file:
            return mark.file, mark.line + 1, mark.column + 1
        return self.file, self.above + mark.line + 1, mark.column + 1

    def mistake(self, path: Path, problem: str, remedy: str = "", *, key: bool = False) -> Mistake:
        """What is wrong at `path`, with its position."""
        file, line, column = self.position(path, key=key)
        return Mistake(file, line, column, field_path(path), problem, remedy)

    def warning(self, path: Path, text: str) -> str:
        """`text` with the place of the value at `path`."""
        file, line, _ = self.position(path)
        return f"{file}:{line}: {text}"
