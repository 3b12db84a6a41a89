"""YAML text to documents with positions, whatever the text is.

The size is checked first, then the characters, then the syntax, then what the composer finds.
"""

from __future__ import annotations

import re
from collections.abc import Container

import yaml

from lab.errors import FileError, Mistake
from lab.topology.yaml.composing import MAX_VALUES, Composer
from lab.topology.yaml.document import Document, Spot

MAX_CHARACTERS = 4 * 1024 * 1024

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|(?<!^)\ufeff")

# What libyaml says, and what its author would do about it.
_REMEDIES = (
    ("mapping values are not allowed", "check the indentation, and quote text that contains ': '"),
    ("could not find expected ':'", "every line of a mapping reads 'key: value'"),
    ("did not find expected key", "check the indentation and the brackets before this place"),
    ("did not find expected '-' indicator", "items of one list all begin in the same column"),
    ("did not find expected ',' or", "a bracket or brace is not closed"),
    ("did not find expected <document start>", "check the indentation; documents are separated by '---'"),
    ("unexpected end of stream", "a quotation mark is not closed"),
    ("cannot start any token", "quote text that begins with this character"),
    ("found undefined tag handle", "leave the tag out"),
    ("unknown escape character", "use single quotes for text with backslashes"),
)


def read_documents(
    text: str,
    file: str,
    only: Container[str] | None = None,
    max_characters: int = MAX_CHARACTERS,
    max_values: int = MAX_VALUES,
) -> tuple[Document, ...]:
    """All documents of the text that are not empty; with `only`, of their mappings no other keys than these.

    Raises FileError with every mistake of form that can be told.
    """
    if len(text) > max_characters:
        size, limit = len(text) / 2**20, max_characters // 2**20
        raise FileError((Mistake(file, 1, 1, "", f"the file is {size:.1f} MiB long", f"at most {limit} MiB are read"),))
    if found := _UNPRINTABLE.search(text):
        before = text[: found.start()]
        line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
        problem = f"the character U+{ord(found.group()):04X} cannot stand in YAML"
        raise FileError((Mistake(file, line, column, "", problem, "save the file as UTF-8 text"),))
    composer = Composer(file, only, max_values)
    loader = _LOADER(text)
    try:
        while loader.check_event():
            composer.take(loader.get_event())
    except yaml.MarkedYAMLError as error:
        raise FileError((*composer.mistakes, _syntax_mistake(error, text, file))) from None
    except yaml.reader.ReaderError as error:  # a document that begins with another encoding's byte order mark
        raise FileError((Mistake(file, 1, 1, "", f"this is not YAML: {error.reason}", "save it as UTF-8"),)) from None
    finally:
        loader.dispose()
    if composer.mistakes:
        raise FileError(tuple(composer.mistakes))
    return tuple(composer.documents)


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark or Spot()
    problem = error.problem or "cannot be parsed"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1] and not line[: mark.column].strip():
        return Mistake(file, mark.line + 1, mark.column + 1, "", "a tab cannot indent", "indent with spaces")
    remedy = next((remedy for words, remedy in _REMEDIES if words in problem), "")
    return Mistake(file, mark.line + 1, mark.column + 1, "", f"this is not YAML: {problem}", remedy)
