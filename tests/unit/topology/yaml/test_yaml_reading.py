"""YAML becomes plain values that know where they stood."""

from __future__ import annotations

import math

import pytest

from lab.errors import FileError
from lab.topology.yaml.document import Document, field_path, shown
from lab.topology.yaml.text import read_documents


def read(text: str) -> Document:
    (document,) = read_documents(text, "file.yaml")
    return document


def test_every_value_knows_its_line_and_column() -> None:
    document = read("spec:\n  nodes:\n    - {name: node-0}\n    - name: node-1\n      subnet: a\n")
    assert document.position(("spec", "nodes", 0, "name")) == ("file.yaml", 3, 14)
    assert document.position(("spec", "nodes", 1, "subnet")) == ("file.yaml", 5, 15)
    assert document.position(("spec", "nodes", 1, "subnet"), key=True) == ("file.yaml", 5, 7)


def test_what_is_missing_is_looked_for_where_it_should_be() -> None:
    document = read("spec:\n  nodes:\n    - {name: node-0}\n")
    assert document.position(("spec", "nodes", 0, "subnet", "x")) == ("file.yaml", 3, 7)
    assert document.position(("metadata", "name")) == ("file.yaml", 1, 1)


def test_documents_are_separated_and_empty_ones_left_out() -> None:
    documents = read_documents("---\n---\na: 1\n---\n# nothing\n---\n- b\n", "file.yaml")
    assert [document.value for document in documents] == [{"a": 1}, ["b"]]
    assert documents[1].position(()) == ("file.yaml", 7, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0x1f", "-0x1f"),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("10.0.1.0", "10.0.1.0"),
        ("9" * 5000, "9" * 5000),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!float 12", 12.0),
        ("! 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert read(f"a: {text}").value == {"a": value}


@pytest.mark.parametrize("text", ["!!int twelve", "!!binary aGk=", "!!set {a}", "!custom {a: 1}", "!!seq {a: 1}"])
def test_tags_that_mean_nothing_here_are_refused(text: str) -> None:
    with pytest.raises(FileError, match="means nothing here"):
        read(f"a: {text}")


def test_aliases_repeat_a_value_and_merges_fill_in_what_is_not_given() -> None:
    document = read(
        "base: &b {app: web, tier: front}\ncopy: *b\nmerged: {<<: *b, tier: back}\nboth: {<<: [{x: 1}, *b]}\n"
    )
    assert document.value["copy"] == {"app": "web", "tier": "front"}
    assert document.value["merged"] == {"app": "web", "tier": "back"}
    assert document.value["both"] == {"x": 1, "app": "web", "tier": "front"}
    assert document.position(("merged", "app")) == ("file.yaml", 1, 16)


def test_an_anchor_belongs_to_its_own_document() -> None:
    with pytest.raises(FileError, match="the anchor 'a' is not there"):
        read_documents("x: &a 1\n---\ny: *a\n", "file.yaml")


def test_all_mistakes_of_form_are_told_at_once() -> None:
    with pytest.raises(FileError) as refused:
        read("a: 1\na: 2\nb: {c: 1, c: 2}\n3: x\n")
    assert [(mistake.line, mistake.column, mistake.field) for mistake in refused.value.mistakes] == [
        (2, 1, "a"),
        (3, 11, "b.c"),
        (4, 1, ""),
    ]


def test_a_byte_order_mark_at_the_beginning_is_passed_over() -> None:
    assert read("\ufeffa: 1").value == {"a": 1}


def test_paths_and_values_are_told_in_one_printable_line() -> None:
    assert field_path(("spec", "nodes", 2, "subnet")) == "spec.nodes[2].subnet"
    assert field_path(("metadata", "labels", "example.com/app")) == "metadata.labels['example.com/app']"
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 60


def test_a_word_that_stands_in_many_documents_is_there_once() -> None:
    first, second = read_documents("kind: Service\n---\nkind: Service\n", "file.yaml")
    assert first.value["kind"] is second.value["kind"]
    assert next(iter(first.value)) is next(iter(second.value))
    long = f"a: {'x' * 100}\n"
    (first,), (second,) = read_documents(long, "file.yaml"), read_documents(long, "file.yaml")
    assert first.value["a"] is not second.value["a"], "nothing long is kept"
