"""JSON patch and merge patch: what one object must become to be another one, and that it does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.api.errors import ApiError
from lab.api.patches.json_patch import same
from lab.api.patches.patch import JSON_PATCH, MERGE_PATCH, STRATEGIC, patch
from lab.api.resources import CONFIGMAPS

Json = dict[str, Any]

keys = st.sampled_from(["a", "b", "a/b", "m~n", "", "0"])
plain = st.none() | st.booleans() | st.integers(-2, 2) | st.text("xy", max_size=2)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
objects = st.dictionaries(keys, values, max_size=4)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def merge_difference(old: Json, new: Json) -> Json:
    """The merge patch that makes `new` of `old`; neither has nulls outside lists."""
    made: Json = {key: None for key in old if key not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            made[key] = merge_difference(old[key], value)
        elif key not in old or not same(old[key], value):
            made[key] = value
    return made


def operations(old: Any, new: Any, path: str = "") -> Iterator[Json]:
    """A JSON patch that makes `new` of `old`, as small as is easy."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            at = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in new:
                yield {"op": "remove", "path": at}
            elif key not in old:
                yield {"op": "add", "path": at, "value": new[key]}
            else:
                yield from operations(old[key], new[key], at)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(min(len(old), len(new))):
            yield from operations(old[i], new[i], f"{path}/{i}")
        yield from ({"op": "remove", "path": f"{path}/{i}"} for i in reversed(range(len(new), len(old))))
        yield from ({"op": "add", "path": f"{path}/-", "value": value} for value in new[len(old) :])
    elif not same(old, new):
        yield {"op": "replace", "path": path, "value": new}


@given(objects, objects)
def test_a_json_patch_made_of_two_objects_makes_the_second_of_the_first(old: Json, new: Json) -> None:
    before = copy.deepcopy(old)
    told = [{"op": "test", "path": "", "value": old}, *operations(old, new)]
    made = patch(CONFIGMAPS, JSON_PATCH, old, json.dumps(told).encode())
    assert same(made, new)
    assert same(old, before), "what is patched is not changed"


@given(objects.map(without_nulls), objects.map(without_nulls))
def test_a_merge_patch_made_of_two_objects_makes_the_second_of_the_first(old: Json, new: Json) -> None:
    before = copy.deepcopy(old)
    told = json.dumps(merge_difference(old, new)).encode()
    made = patch(CONFIGMAPS, MERGE_PATCH, old, told)
    assert same(made, new)
    assert same(patch(CONFIGMAPS, MERGE_PATCH, made, told), new), "a second time changes nothing"
    assert same(old, before), "what is patched is not changed"


@given(objects, objects)
def test_a_merge_patch_leaves_no_null_of_its_own(target: Json, told: Json) -> None:
    made = patch(CONFIGMAPS, MERGE_PATCH, without_nulls(target), told)
    assert same(without_nulls(made), made)


# What the appendices of RFC 7386 and RFC 6902 show.
MERGES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "told", "made"), MERGES)
def test_merge_patches_of_the_rfc(target: Json, told: Json, made: Json) -> None:
    assert patch(CONFIGMAPS, MERGE_PATCH, target, told) == made


CHANGES = [
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    (
        {"foo": {"bar": 1, "waldo": 2}, "qux": {}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": 1}, "qux": {"thud": 2}},
    ),
    ({"foo": [1, 2, 3]}, [{"op": "move", "from": "/foo/0", "path": "/foo/2"}], {"foo": [2, 3, 1]}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/a/c"}], {"a": {"b": 1, "c": {"b": 1}}}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
]


@pytest.mark.parametrize(("target", "told", "made"), CHANGES)
def test_json_patches_of_the_rfc(target: Json, told: list[Json], made: Json) -> None:
    assert patch(CONFIGMAPS, JSON_PATCH, target, told) == made


MISFITS = [
    ([{"op": "remove", "path": "/nowhere"}], 422, "there is no nowhere"),
    ([{"op": "replace", "path": "/list/7", "value": 1}], 422, "a list of 2 has no index 7"),
    ([{"op": "add", "path": "/list/01", "value": 1}], 422, "a list of 2 has no place 01"),
    ([{"op": "add", "path": "/plain/x", "value": 1}], 422, "nothing can be put inside a plain value"),
    ([{"op": "test", "path": "/flag", "value": 1}], 422, "testing value /flag failed: it is not 1"),
    ([{"op": "move", "from": "/deep", "path": "/deep/er"}], 422, "cannot move into itself"),
    ([{"op": "remove", "path": ""}], 422, "the whole object cannot be removed"),
    ([{"op": "add", "path": "plain", "value": 1}], 400, "is no JSON pointer"),
    ([{"op": "add", "path": "/plain"}], 400, "has no value"),
    ([{"op": "frob", "path": "/plain"}], 400, "unexpected kind of operation"),
    ({"op": "add"}, 400, "a list of operations"),
]


@pytest.mark.parametrize(("told", "code", "words"), MISFITS)
def test_what_does_not_fit_changes_nothing_and_says_why(told: Any, code: int, words: str) -> None:
    target = {"plain": 1, "flag": True, "list": [1, 2], "deep": {}}
    with pytest.raises(ApiError, match=words) as refused:
        patch(CONFIGMAPS, JSON_PATCH, target, told)
    assert refused.value.code == code
    assert target == {"plain": 1, "flag": True, "list": [1, 2], "deep": {}}


@pytest.mark.parametrize("form", [JSON_PATCH, MERGE_PATCH, STRATEGIC])
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"NaN", b'"text"'])
def test_a_body_that_cannot_be_read_is_a_bad_request(form: str, body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        patch(CONFIGMAPS, form, {}, body)
    assert refused.value.code == 400


def test_an_unknown_form_says_which_ones_there_are() -> None:
    with pytest.raises(ApiError, match="application/strategic-merge-patch") as refused:
        patch(CONFIGMAPS, "text/plain", {}, b"{}")
    assert (refused.value.code, refused.value.reason) == (415, "UnsupportedMediaType")
