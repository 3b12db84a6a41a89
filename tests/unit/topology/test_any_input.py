"""Whatever the text is, the answer is a loaded file or a FileError, and it comes quickly."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.cluster.file.judgement import judge
from lab.errors import FileError
from lab.topology import load_topology
from tests.effort import Effort

ROOT = Path(__file__).parents[3]
VALID = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "topologies").glob("*.yaml"))]
MARKS = "{}[]:,&*!|>'\"%@`#?- \t\n\r\0\x1b\u2028\ufeff\ud800aZ0~<"
patient = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def no_file(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def answer(text: str, changes: tuple[str, ...] = ()) -> FileError | None:
    """None when all is well; anything but a FileError is a defect and comes through."""
    try:
        loaded = load_topology(text, "any.yaml", no_file, changes)
        judge(loaded.topology, loaded.manifests)
    except FileError as error:
        assert error.mistakes
        assert all(mistake.line >= 1 and mistake.column >= 1 for mistake in error.mistakes)
        return error
    return None


@patient
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(MARKS)), max_size=300))
def test_any_text(text: str) -> None:
    answer(text)


@patient
@given(st.text(alphabet=MARKS, max_size=120))
def test_any_text_after_a_good_beginning(text: str) -> None:
    answer(f"apiVersion: hoplab/v1\nkind: Topology\nmetadata: {{name: any}}\nspec:\n{text}")


@patient
@given(st.sampled_from(VALID), st.data())
def test_a_valid_file_with_pieces_cut_out_put_in_and_moved(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(st.text(MARKS, max_size=5)) + text[end:]
    answer(text)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["10.0.1.0/24", "0.0.0.0/0", "10.0.1.10", "None", "ExternalName", "node-0", "-A INPUT", "x" * 300]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@patient
@given(st.integers(0, len(VALID) - 1), st.randoms(use_true_random=False), st.lists(VALUES, min_size=1, max_size=3))
def test_a_valid_file_with_other_values_in_it(index: int, rng: random.Random, values: list[Any]) -> None:
    documents = list(yaml.safe_load_all(VALID[index]))
    for value in values:
        path = rng.choice(places(documents)[1:])
        holder = documents
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = copy.deepcopy(value)
        documents = [item for item in documents if item is not None] or [{}]
    answer(yaml.safe_dump_all(documents, allow_unicode=True))


@patient
@given(
    st.lists(
        st.one_of(st.text(max_size=30), st.from_regex(r"(spec\.)?[a-z]{1,8}(\[\d\])?(\.[a-z]+)?=.{0,9}")), max_size=3
    )
)
def test_any_settings(changes: list[str]) -> None:
    answer(VALID[0], tuple(changes))


GARBAGE = {
    "brackets": "[" * 10_000_000,
    "nested mappings": "{a: " * 2_500_000,
    "dashes": "- " * 5_000_000,
    "one word": "a" * 10_000_000,
    "lines": "a: b\n" * 2_000_000,
    "zeros": "\0" * 10_000_000,
    "anchors": "".join(f"a{i}: &a{i} x\n" for i in range(500_000)),
    "noise": random.Random(1).randbytes(10_000_000).decode("latin-1"),
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE.keys())
def test_ten_megabytes_of_garbage_are_refused_within_a_second(text: str) -> None:
    with Effort() as effort:
        error = answer(text)
    assert error is not None
    assert "MiB" in str(error)
    assert effort.ms < 1000


GOOD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: any}\n"
SMALLER = {
    "brackets": "[" * 4_000_000,
    "questions": "? " * 2_000_000,
    "quotes": "'" * 4_000_000,
    "directives": "%" * 4_000_000,
    "digits": "a: " + "9" * 4_000_000,
    "spaces": " " * 4_000_000 + "\t",
    "keys": "{" + ", ".join(f"k{i}" for i in range(300_000)) + "}",
    "duplicates": "a: b\n" * 800_000,
    "unknown anchors": "- *a\n" * 800_000,
    "documents": "---\na\n" * 600_000,
    "unknown fields": GOOD + "spec: {" + ", ".join(f"k{i}: 1" for i in range(150_000)) + "}",
    "unknown references": GOOD + "spec: {firewalls: [" + ", ".join(f"{{on: n{i}}}" for i in range(100_000)) + "]}",
    "bad manifests": GOOD + "---\n{apiVersion: v1, kind: Pod, spec: 1}\n" * 40_000,
    "unknown kinds": GOOD + "---\n{apiVersion: v1, kind: Podd}\n" * 40_000,
}


@pytest.mark.parametrize("text", SMALLER.values(), ids=SMALLER.keys())
def test_garbage_just_small_enough_to_be_read_is_answered_soon_too(text: str) -> None:
    with Effort() as effort:
        assert answer(text) is not None
    assert effort.ms < 5000


def test_aliases_that_would_expand_to_billions_are_stopped_where_they_pass_the_limit() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    with Effort() as effort:
        error = answer(bomb)
    assert error is not None
    assert "500,000 values" in str(error)
    assert error.mistakes[0].line == 6
    assert effort.ms < 500
