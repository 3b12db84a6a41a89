"""The expectations of a file: those of its Topology, of which nothing else is looked at, or a list alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from lab.errors import FileError, Mistake
from lab.topology.expect.expectation import MOST, Expectation, contradictions
from lab.topology.field_errors import file_error, refusals
from lab.topology.yaml.document import Document, Path, shown
from lab.topology.yaml.settings import apply_settings
from lab.topology.yaml.text import read_documents

OUTCOME = "nothing was asked"
_WRITE = "write a list of '- {from: pod-0, to: myapp.namespace001}', or a Topology whose spec.expect is one"


def load_expectations(text: str, file: str, settings: Sequence[str] = ()) -> tuple[Expectation, ...]:
    """All of them, none for a Topology that expects nothing; with `--set`'s `settings` made first. FileError."""
    try:
        return _loaded(text, file, settings)
    except FileError as error:
        raise FileError(error.mistakes, OUTCOME) from None


def _loaded(text: str, file: str, settings: Sequence[str]) -> tuple[Expectation, ...]:
    documents = read_documents(text, file)
    if not documents:
        raise FileError((Mistake(file, 1, 1, "", "there is no expectation in the file", _WRITE),))
    first = documents[0]
    at: Path = ()
    listed: Any = first.value
    if isinstance(first.value, dict) and first.value.get("kind") == "Topology":
        first = apply_settings(first, settings)
        spec = first.value.get("spec")
        at, listed = ("spec", "expect"), spec.get("expect") if isinstance(spec, dict) else None
        listed = () if listed is None else listed
    elif isinstance(first.value, dict):
        raise FileError((first.mistake((), "this is neither a topology nor a list of expectations", _WRITE),))
    if not isinstance(listed, list | tuple):
        raise FileError((first.mistake(at, f"{shown(listed)} is not a list", "write items that begin with '- '"),))
    if len(listed) > MOST:
        raise FileError((first.mistake(at, f"there are {len(listed)}", f"at most {MOST} are possible"),))
    return _judged(first, at, listed)


def _judged(document: Document, at: Path, listed: Sequence[Any]) -> tuple[Expectation, ...]:
    found, mistakes = [], []
    for number, item in enumerate(listed):
        try:
            made = Expectation.model_validate(item, by_alias=True, by_name=False)
            found.append(made.stood(document, (*at, number)))
        except ValidationError as error:
            mistakes += refusals(error, document, Expectation, (*at, number))
    if not mistakes:
        mistakes = [document.mistake(*one) for one in contradictions(tuple(found), at)]
    if mistakes:
        raise file_error(mistakes)
    return tuple(found)
