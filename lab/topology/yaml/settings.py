"""`--set key=value`: fields of the file's spec, given on the command line instead.

A setting changes the document before it is validated, so that its mistakes are told in the same words; they stand in
"file" `--set`, line N for the Nth setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Settings

from lab.errors import FileError, Mistake
from lab.topology.yaml.document import Content, Document, Mapping, Sequence, Spot, field_path, shown
from lab.topology.yaml.text import read_documents

FILE = "--set"

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\[[0-9]{1,4}\])*(\.[A-Za-z][A-Za-z0-9_-]*(\[[0-9]{1,4}\])*)*")
_PART = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|[0-9]+")
_ROOTS = ("spec", "metadata", "apiVersion", "kind")
_EXAMPLE = "write it as cni.encapsulation=VXLAN or nodes[0].name=big"


def apply_settings(document: Document, settings: Settings[str]) -> Document:
    """The document with the settings made, in order. Raises FileError."""
    root: object = document.content.marked
    for number, setting in enumerate(settings, 1):
        root = _apply(root, setting, Spot(number - 1, 0, FILE))
    return Document(document.file, Content(root, document.content.mark), document.above)


def _apply(root: object, setting: str, mark: Spot) -> object:
    key, equals, text = setting.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise _error(mark, "", f"{shown(setting)} is not a setting", _EXAMPLE)
    path = [int(part) if part.isdecimal() else part for part in _PART.findall(key)]
    if path[0] not in _ROOTS:
        path.insert(0, "spec")
    return _changed(root, path, 0, _value(text, mark, field_path(tuple(path))), mark)


def _value(text: str, mark: Spot, field: str) -> object:
    try:
        documents = read_documents(text, FILE)
    except FileError as error:
        first = error.mistakes[0]
        raise _error(mark, field, first.problem, first.remedy) from None
    if len(documents) > 1:
        raise _error(mark, field, "the value is more than one YAML document", "give one value")
    return documents[0].value if documents else None


def _changed(value: object, path: list[str | int], depth: int, new: object, mark: Spot) -> object:
    """A copy of `value` with `new` at the rest of the path. What an alias shares with other places is not touched."""
    if depth == len(path):
        return new
    part = path[depth]
    if isinstance(part, int):
        return _changed_list(value, path, part, depth, new=new, mark=mark)
    if value is not None and not isinstance(value, Mapping):
        field = field_path(tuple(path[:depth]))
        raise _error(mark, field_path(tuple(path)), f"{field} is {shown(value)} and has no fields", _EXAMPLE)
    copy = Mapping()
    if value is not None:
        copy.update(value)
        copy.marks = dict(value.marks)
    copy[part] = _changed(copy.get(part), path, depth + 1, new, mark)
    if part not in copy.marks or depth == len(path) - 1:
        copy.marks[part] = (mark, mark)
    return copy


def _changed_list(value: object, path: list[str | int], index: int, depth: int, *, new: object, mark: Spot) -> Sequence:
    field = field_path(tuple(path[:depth]))
    if value is not None and not isinstance(value, Sequence):
        raise _error(mark, field_path(tuple(path)), f"{field} is {shown(value)}, not a list", _EXAMPLE)
    copy = Sequence()
    if value is not None:
        copy.extend(value)
        copy.marks = list(value.marks)
    if index > len(copy):
        problem = f"{field} has {len(copy)} items in the file"
        raise _error(mark, field_path(tuple(path)), problem, f"the next that can be added is [{len(copy)}]")
    if index == len(copy):
        copy.append(None)
        copy.marks.append(mark)
    copy[index] = _changed(copy[index], path, depth + 1, new, mark)
    if depth == len(path) - 1:
        copy.marks[index] = mark
    return copy


def _error(mark: Spot, field: str, problem: str, remedy: str) -> FileError:
    return FileError((Mistake(mark.file, mark.line + 1, mark.column + 1, field, problem, remedy),))
