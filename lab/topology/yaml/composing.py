"""YAML events to documents.

The events of PyYAML's parser (libyaml's where present) are put together here rather than by PyYAML, because its
composer calls itself for every level of nesting, takes the last of two equal keys, and expands aliases without end.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NoReturn

import yaml

from lab.errors import FileError, Mistake
from lab.topology.yaml import scalars
from lab.topology.yaml.document import Content, Document, Mapping, Path, Sequence, Spot, field_path, shown, spot, spots

MAX_DEPTH = 64
MAX_VALUES = 500_000
MAX_DOCUMENTS = 50_000
MAX_MISTAKES = 50

_TAGS: dict[type, frozenset[str | None]] = {
    Mapping: frozenset((None, "!", f"{scalars.TAG}map")),
    Sequence: frozenset((None, "!", f"{scalars.TAG}seq")),
}
_MERGE = "<<"


class _Frame:
    """A collection that is not finished yet."""

    __slots__ = ("anchor", "key", "key_mark", "mark", "merges", "value")

    def __init__(self, value: Mapping | Sequence, mark: Spot, anchor: str | None) -> None:
        self.value = value
        self.mark = mark
        self.anchor = anchor
        self.key: str | None = None
        self.key_mark = mark
        self.merges: list[Mapping] = []


class Composer:
    """Takes events in order. `documents` holds what is finished, `mistakes` what cannot be right.

    With `only`, mappings keep no other keys than these: what stands under others is passed over, unseen.
    """

    def __init__(self, file: str, only: Container[str] | None = None, max_values: int = MAX_VALUES) -> None:
        self.documents: list[Document] = []
        self.mistakes: list[Mistake] = []
        self._file = file
        self._only = only
        self._passing = 0  # how deep in what is passed over; 0 where it is not
        self._values = 0
        self._max_values = max_values
        self._open: list[_Frame] = []
        self._anchors: dict[str, Any] = {}

    def take(self, event: yaml.Event) -> None:
        """One event more. Raises FileError when the document is too deep or too large to go on."""
        if self._passing:
            self._pass(event)
            return
        begun = event.start_mark
        mark = spot(begun.line, begun.column) if begun else spot(0, 0)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, mark)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin(Mapping(), event, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin(Sequence(), event, mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, mark)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}

    def _pass(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionStartEvent):
            self._passing += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._passing -= 1
        if self._passing == 1:  # the value is over
            self._passing = 0
            self._open[-1].key = None

    def _scalar(self, event: yaml.ScalarEvent, mark: Spot) -> None:
        value: scalars.Scalar = event.value
        try:
            if event.tag is not None:
                value = scalars.tagged(event.tag, event.value)
            elif event.implicit[0]:
                value = scalars.plain(event.value)
        except scalars.UnknownTagError as error:
            self._refuse_tag(str(error), mark)
        if event.anchor:
            self._anchors[event.anchor] = value
        self._add(value, mark, 1)

    def _begin(self, value: Mapping | Sequence, event: yaml.CollectionStartEvent, mark: Spot) -> None:
        if event.tag not in _TAGS[type(value)]:
            self._refuse_tag(str(event.tag), mark)
        if len(self._open) == MAX_DEPTH:
            del self._open[8:]  # so that the path that is told is no longer than a line
            self._give_up(mark, f"values are nested more than {MAX_DEPTH} deep", "nothing here needs that")
        frame = _Frame(value, mark, event.anchor)
        if event.anchor:
            self._anchors[event.anchor] = frame
        self._open.append(frame)

    def _end(self) -> None:
        frame = self._open.pop()
        value = frame.value
        if isinstance(value, Mapping):
            for other in frame.merges:
                for key in other:
                    if key not in value:
                        value[key] = other[key]
                        value.marks[key] = other.marks[key]
                value.size += other.size
        if frame.anchor:
            self._anchors[frame.anchor] = value
        self._add(value, frame.mark, value.size)

    def _alias(self, event: yaml.AliasEvent, mark: Spot) -> None:
        name = event.anchor or ""
        value = self._anchors.get(name)
        if name not in self._anchors or isinstance(value, _Frame):
            problem = f"the anchor {shown(name)} {'contains itself' if name in self._anchors else 'is not there'}"
            self._refuse(mark, problem, "an alias repeats a value that stands before it")
            value = None
        size = value.size if isinstance(value, Mapping | Sequence) else 1 + len(str(value)) // 64
        self._add(value, mark, size)

    def _add(self, value: object, mark: Spot, size: int) -> None:
        """Puts a finished value where it belongs. `size` counts what stands in it, aliases expanded."""
        self._values += 1
        if not self._open:
            self.documents += [] if value is None else [Document(self._file, Content(value, mark))]
            if len(self.documents) > MAX_DOCUMENTS:
                self._give_up(mark, f"more than {MAX_DOCUMENTS:,} documents", "split the file")
            return
        frame = self._open[-1]
        parent = frame.value
        parent.size += size
        if parent.size > self._max_values or self._values > self._max_values:
            self._give_up(mark, f"more than {self._max_values:,} values", "aliases count as often as they are used")
        if isinstance(parent, Sequence):
            parent.append(value)
            parent.marks.append(mark)
        elif frame.key is None:
            frame.key, frame.key_mark = self._key(value, mark), mark
            self._passing = int(self._only is not None and frame.key not in self._only)
        else:
            self._put(frame, parent, value, mark)

    def _key(self, value: object, mark: Spot) -> str:
        if isinstance(value, str):
            return value
        self._refuse(mark, f"the key {shown(value)} is not text", "put it in quotes")
        return shown(value)

    def _put(self, frame: _Frame, parent: Mapping, value: object, mark: Spot) -> None:
        key = frame.key or ""
        if key == _MERGE:
            merged = value if isinstance(value, Sequence) else [value]
            frame.merges += [item for item in merged if isinstance(item, Mapping)]
            if not all(isinstance(item, Mapping) for item in merged):
                self._refuse(mark, "only mappings can be merged", "write '<<: *anchor'")
        elif key in parent:
            first = parent.marks[key][0]
            problem = f"the key {shown(key)} stands twice, first in line {first.line + 1}"
            self._refuse(frame.key_mark, problem, "keep one of the two")
        else:
            parent[key] = value
            parent.marks[key] = spots(frame.key_mark, mark)
        frame.key = None

    def _path(self) -> Path:
        """Path of what is being read now."""
        parts = [len(frame.value) if isinstance(frame.value, Sequence) else frame.key for frame in self._open]
        return tuple(part for part in parts if part is not None)

    def _refuse_tag(self, tag: str, mark: Spot) -> None:
        self._refuse(mark, f"the tag {shown(tag.replace(scalars.TAG, '!!'))} means nothing here", "leave it out")

    def _refuse(self, mark: Spot, problem: str, remedy: str) -> None:
        self.mistakes.append(self._mistake(mark, problem, remedy))
        if len(self.mistakes) == MAX_MISTAKES:
            raise FileError(tuple(self.mistakes))

    def _give_up(self, mark: Spot, problem: str, remedy: str) -> NoReturn:
        raise FileError((*self.mistakes, self._mistake(mark, problem, remedy)))

    def _mistake(self, mark: Spot, problem: str, remedy: str) -> Mistake:
        return Mistake(self._file, mark.line + 1, mark.column + 1, field_path(self._path()), problem, remedy)
