"""A file that is read again and again as it is edited: documents whose text stayed are not composed anew.

The text is cut where documents begin (a line with `---`, which is nothing else wherever it stands). What is odd in any
way, or wrong, is read in one piece, so that whatever is said of it is said as of the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lab.errors import FileError
from lab.topology.yaml.composing import MAX_DOCUMENTS, MAX_VALUES
from lab.topology.yaml.document import Content, Document, Mapping, Sequence
from lab.topology.yaml.text import MAX_CHARACTERS, read_documents

_BEGINNING = re.compile(r"^---(?=\s|$)", re.MULTILINE)
# Directives and ends of documents matter to their neighbours; other line breaks than \n are not counted here.
_ODD_LINES = ("%", "...")
_ODD = (*(f"\n{one}" for one in _ODD_LINES), *"\r\x85\u2028\u2029\ufeff")


class _Known(Content):
    """What stands in a document whose text is remembered: where each value of it stands can be read again."""

    __slots__ = ("_marked", "size", "text")

    def __init__(self, document: Document, text: str) -> None:
        super().__init__(document.value, document.content.mark)
        self.size = document.value.size if isinstance(document.value, Mapping | Sequence) else 0
        self.text = text
        self._marked: Any = None  # kept once somebody asked: whoever warns of a place does so at each `up`

    @property
    def marked(self) -> Any:  # noqa: ANN401  whatever YAML holds
        if self._marked is None:
            is_plain = type(self.value) in (dict, list)
            self._marked = read_documents(self.text, "")[0].value if is_plain else self.value
        return self._marked

    def becomes(self, value: Any) -> None:  # noqa: ANN401
        self.value = value


class Rereader:
    """Remembers the documents of the last file that it read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Known, ...]] = {}

    def read(self, text: str, file: str) -> tuple[Document, ...]:
        """As `read_documents`; a document whose text is that of one read before has the very same values."""
        if len(text) > MAX_CHARACTERS or text.startswith(_ODD_LINES) or any(one in text for one in _ODD):
            return read_documents(text, file)
        try:
            known = self._read(text, file)
        except FileError:
            return read_documents(text, file)  # which says where in the whole
        if sum(one.size for _, one in known) > MAX_VALUES or len(known) > MAX_DOCUMENTS:
            return read_documents(text, file)
        return tuple(Document(file, one, line) for line, one in known)

    def _read(self, text: str, file: str) -> list[tuple[int, _Known]]:
        """What stands in the text, and how many lines stand above each part of it."""
        known: dict[str, tuple[_Known, ...]] = {}
        found: list[tuple[int, _Known]] = []
        line = 0
        for part in _parts(text):
            if part not in known:  # in each part is one document, or none
                before = self._known.get(part)
                its = before or tuple(_Known(one, part) for one in read_documents(part, file))
                known[its[0].text if its else part] = its  # the text that it keeps, not a second one that is equal
            found += [(line, one) for one in known[part]]
            line += part.count("\n")
        self._known = known
        return found


def _parts(text: str) -> Iterator[str]:
    """The text, cut before each line that begins a document."""
    begun = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() > begun:
            yield text[begun : beginning.start()]
            begun = beginning.start()
    yield text[begun:]
