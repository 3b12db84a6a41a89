"""A file that is read again and again as it is edited: documents whose text stayed are not composed anew.

The text is cut where documents begin (a line with `---`, which is nothing else wherever it stands). What is odd in any
way, or wrong, is read in one piece, so that whatever is said of it is said as of the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.errors import FileError
from lab.topology.yaml.composing import MAX_DOCUMENTS, MAX_VALUES
from lab.topology.yaml.document import Document, Mapping, Sequence
from lab.topology.yaml.text import MAX_CHARACTERS, read_documents

_BEGINNING = re.compile(r"^---(?=\s|$)", re.MULTILINE)
# Directives and ends of documents matter to their neighbours; other line breaks than \n are not counted here.
_ODD = re.compile("^%|^\\.\\.\\.|[\r\x85\u2028\u2029\ufeff]", re.MULTILINE)


class Rereader:
    """Remembers the documents of the last file that it read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Document, ...]] = {}

    def read(self, text: str, file: str) -> tuple[Document, ...]:
        """As `read_documents`; a document whose text is that of one read before has the very same values."""
        if len(text) > MAX_CHARACTERS or _ODD.search(text):
            return read_documents(text, file)
        try:
            found = self._read(text, file)
        except FileError:
            return read_documents(text, file)  # which says where in the whole
        values = sum(one.value.size for one in found if isinstance(one.value, Mapping | Sequence))
        if values > MAX_VALUES or len(found) > MAX_DOCUMENTS:
            return read_documents(text, file)
        return found

    def _read(self, text: str, file: str) -> tuple[Document, ...]:
        known: dict[str, tuple[Document, ...]] = {}
        found: list[Document] = []
        line = 0
        for part in _parts(text):
            if part not in known:
                known[part] = self._known.get(part) or read_documents(part, file)
            found += [replace(one, file=file, above=line) for one in known[part]]
            line += part.count("\n")
        self._known = known
        return tuple(found)


def _parts(text: str) -> Iterator[str]:
    """The text, cut before each line that begins a document."""
    begun = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() > begun:
            yield text[begun : beginning.start()]
            begun = beginning.start()
    yield text[begun:]
