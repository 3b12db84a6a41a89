"""Expectations of a topology, or of a file that is nothing but a list of them."""

from __future__ import annotations

import json

import pytest

from lab.errors import FileError
from lab.topology import load_topology
from lab.topology.expect.expect_file import load_expectations
from lab.topology.expect.expectation import Expectation

HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\n"
LISTED = (
    "- {from: node-0, to: node-1}\n- name: web\n  from: node-0\n  to: node-1:80\n  verdict: lost\n  cause: no-route\n"
)
SPEC = f"{HEAD}spec:\n  expect:\n" + "".join(f"    {line}\n" for line in LISTED.splitlines())


def test_a_list_and_a_topology_have_the_same_ones_each_with_its_place() -> None:
    alone, within = load_expectations(LISTED, "dir/list.yaml"), load_expectations(SPEC, "dir/lab.yaml")
    assert [one.written() for one in alone] == [one.written() for one in within]
    assert [one.origin for one in alone] == ["list.yaml:1", "list.yaml:2"]
    assert [one.origin for one in within] == ["lab.yaml:6", "lab.yaml:7"]
    assert str(within[1].mistake("cause", "wrong")) == "dir/lab.yaml:11:14: spec.expect[1].cause: wrong"
    assert str(alone[1].mistake("place", "wrong")) == "dir/list.yaml:2:3: [1].place: wrong", "it is not there"


def test_a_topology_that_is_loaded_knows_where_they_stand() -> None:
    spec = load_topology(SPEC, "dir/lab.yaml", lambda _: "").topology.spec
    assert [one.origin for one in spec.expect] == ["lab.yaml:6", "lab.yaml:7"]
    assert [one.title for one in spec.expect] == ["node-0 → node-1", "web"]


def test_the_agent_gives_them_as_they_are() -> None:
    for one in load_expectations(SPEC, "dir/lab.yaml"):
        told = Expectation.from_json(json.loads(json.dumps(one.to_json())))
        assert (told, told.origin) == (one, one.origin)
        assert str(told.mistake("cause", "wrong")) == str(one.mistake("cause", "wrong"))


def test_what_is_left_out_is_not_written_but_the_verdict() -> None:
    first, second = load_expectations(LISTED, "list.yaml")
    assert first.written() == {"from": "node-0", "to": "node-1", "verdict": "delivered"}
    assert second.written()["cause"] == "no-route"


def test_a_setting_may_say_it() -> None:
    (one,) = load_expectations(HEAD, "lab.yaml", ["expect=[{from: node-0, to: node-1}]"])
    assert one.title == "node-0 → node-1"


def test_a_topology_may_expect_nothing() -> None:
    assert load_expectations(HEAD, "lab.yaml") == ()
    assert load_expectations(f"{HEAD}spec: {{expect: null}}\n", "lab.yaml") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.yaml:1:1: there is no expectation in the file; write a list of "),
        ("kind: Pod\n", "x.yaml:1:1: this is neither a topology nor a list of expectations; write a list of "),
        ("pods\n", "x.yaml:1:1: 'pods' is not a list; write items that begin with '- '"),
        (f"{HEAD}spec: {{expect: 7}}\n", "x.yaml:4:16: spec.expect: 7 is not a list; "),
        ("- {from: a}\n", "x.yaml:1:3: [0].to: is missing; it must be given"),
        ("- {from: a, to: b, cause: no-route}\n", "x.yaml:1:27: [0].cause: a delivered request has no cause"),
        ("[" + "{from: a, to: b}, " * 1001 + "]", "x.yaml:1:1: there are 1001; at most 1000 are possible"),
        ("- {from: a, to: b\n", "x.yaml:2:1: this is not YAML: "),
    ],
    ids=["empty", "pod", "text", "number", "missing", "contradiction", "many", "yaml"],
)
def test_what_cannot_be_right_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(FileError) as refused:
        load_expectations(text, "x.yaml")
    assert str(refused.value).startswith(told)
    assert refused.value.outcome == "nothing was asked"
