"""A file that is read again: whatever it is, the same comes of it as when it is read for the first time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.errors import FileError, Mistake
from lab.topology.yaml.document import Document, Mapping
from lab.topology.yaml.document import Path as Field
from lab.topology.yaml.edited_text import Rereader
from lab.topology.yaml.text import read_documents

TOPOLOGIES = sorted((Path(__file__).resolve().parents[4] / "topologies").glob("*.yaml"))
POD = "---\nkind: Pod\nmetadata:\n  name: NAME\n"


def fields(value: Any, at: Field = ()) -> Iterator[Field]:
    yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from fields(item, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from fields(item, (*at, number))


def told(documents: tuple[Document, ...]) -> list[tuple[object, ...]]:
    """All that can be seen of documents: values, and where each of them stands."""
    return [
        (one.value, [(one.position(at), one.position(at, key=True)) for at in fields(one.value)]) for one in documents
    ]


def outcome(read: Any, text: str) -> list[tuple[object, ...]] | tuple[Mistake, ...]:
    try:
        return told(read(text, "file.yaml"))
    except FileError as error:
        return error.mistakes


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.stem)
def test_every_topology_is_read_as_for_the_first_time(path: Path) -> None:
    text, reader = path.read_text(encoding="utf-8"), Rereader()
    for _ in range(2):
        assert outcome(reader.read, text) == outcome(read_documents, text)


def test_what_stayed_is_the_very_same_and_knows_its_new_line() -> None:
    reader = Rereader()
    one, two = POD.replace("NAME", "one"), POD.replace("NAME", "two")
    first = reader.read(one + two, "file.yaml")
    second = reader.read(one + POD.replace("NAME", "between") + two, "file.yaml")
    assert [document.value["metadata"]["name"] for document in second] == ["one", "between", "two"]
    assert second[0].value is first[0].value
    assert second[2].value is first[1].value
    assert [document.position(("metadata", "name"))[1] for document in second] == [4, 8, 12]
    assert [document.position(("metadata", "name"))[1] for document in first] == [4, 8], "those read before stay"


def test_what_was_made_of_a_document_stays_with_its_text() -> None:
    reader = Rereader()
    (first,) = reader.read(POD, "file.yaml")
    first.made["told", ()] = "something"
    assert reader.read("# moved\n" + POD, "file.yaml")[0].made == {("told", ()): "something"}
    assert reader.read(POD.replace("NAME", "other"), "file.yaml")[0].made == {}


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list) else value


def test_whoever_needs_the_values_alone_does_not_keep_where_they_stood() -> None:
    reader = Rereader()
    (known,) = reader.read("# moved\n" + POD, "file.yaml")
    known.content.becomes(bare(known.value))
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Mapping) and one.get("name") == "NAME"]
    assert known.position(("metadata", "name")) == ("file.yaml", 5, 9), "it is read again when somebody asks"
    (again,) = reader.read(POD, "file.yaml")
    assert again.value is known.value
    assert again.position(("metadata", "name"), key=True) == ("file.yaml", 4, 3)


PIECE = st.sampled_from(
    [
        "---\n",
        "--- # a comment\n",
        "--- {a: 1}\n",
        "---a: 1\n",
        "a: 1\n",
        "b: [1,\n",
        "2]\n",
        "c: |\n",
        "  ---\n",
        "  text\n",
        'd: "begun\n',
        '  ended"\n',
        "e: &x {y: 1}\n",
        "f: *x\n",
        "%YAML 1.1\n",
        "...\n",
        "# nothing\n",
        "\r",
        "\n",
        "\x85",
        "a: 2",
    ]
)


@given(st.lists(st.lists(PIECE, max_size=12), min_size=1, max_size=3))
@example([["--- {a: 1}\n"], ["--- {a: 1}\n"]])
def test_any_text_is_read_as_for_the_first_time(texts: list[list[str]]) -> None:
    reader = Rereader()
    for pieces in texts:
        text = "".join(pieces)
        first = outcome(read_documents, text)
        assert outcome(reader.read, text) == first, repr(text)
        if not any(isinstance(one, Mistake) for one in first):
            paths = [fields(one.value) for one in read_documents(text, "")]
            for one in (documents := reader.read(text, "file.yaml")):
                one.content.becomes(bare(one.value))
            places = [
                (one.value, [(one.position(at), one.position(at, key=True)) for at in its])
                for one, its in zip(documents, paths, strict=True)
            ]
            assert places == first, repr(text)
