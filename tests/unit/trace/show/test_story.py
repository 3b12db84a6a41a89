"""Every recorded trace as the story that a person reads, line by line in a file; and as JSON of the schema."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from lab.trace.journey import DATA, Mending
from lab.trace.show import layout, story
from tests.unit.trace import decided
from tests.unit.trace.recordings import GOLDEN, NAMES, journey

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[4] / "docs" / "trace-v2.schema.json").read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_the_story_reads_as_in_its_file(name: str) -> None:
    told = "".join(f"{line.text}\n" for line in story.tell(journey(name)))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8"), f"the story changed; if it should, write {golden.name} anew"


@pytest.mark.parametrize("name", NAMES)
def test_the_story_fits_a_hundred_columns(name: str) -> None:
    for line in story.tell(journey(name)):
        assert len(line.text) <= 100, line.text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_on_a_terminal_every_line_fits(name: str, width: int) -> None:
    for line in story.tell(journey(name), width=width):
        assert len(line.text) <= width, line.text


@pytest.mark.parametrize("name", ["delivered-vxlan", "lost-at-firewall"])
def test_eighty_columns_have_a_line_for_each_hop(name: str) -> None:
    lines = story.tell(journey(name), width=80)
    told = "".join(f"{line.text}\n" for line in lines)
    golden = GOLDEN / f"{name}.80.txt"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8"), f"the story changed; if it should, write {golden.name} anew"
    data = [hop for hop in journey(name).hops if hop.phase == DATA]
    assert sum(" µs " in line.text[:9] for line in lines) == len(data) + 1, "and one for the question"


def test_the_width_that_is_there_is_used() -> None:
    def rules(width: int) -> int:
        return sum(len(line.text) for line in story.tell(decided.delivered(), width=width) if "└" in line.text)

    assert rules(80) < rules(100) < rules(140)


def test_a_command_that_is_too_long_can_be_pasted_all_the_same() -> None:
    text = "./inv exec node-2 --lab two-subnet -- iptables -D INPUT -m comment --comment 'a  b' -p udp -j DROP"
    lines = list(layout.command(text, 60))
    assert len(lines) > 1
    assert max(map(len, lines)) <= 60
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(text)


def test_a_cause_that_the_topology_holds_is_told_with_its_line() -> None:
    one = journey("lost-at-firewall")
    assert one.lost is not None
    held = Mending("node-2", "iptables -D INPUT -j DROP", "two-subnet.yaml:31")
    told = [line.text for line in story.tell(replace(one, lost=replace(one.lost, fix=(held,))))]
    assert told[-1] == "The next `up` brings it back: it is in two-subnet.yaml:31."
    assert told[-2] == f"  ./inv exec node-2 --lab {one.lab} -- iptables -D INPUT -j DROP"


@pytest.mark.parametrize("name", NAMES)
def test_the_json_is_of_the_schema(name: str) -> None:
    SCHEMA.validate(json.loads(json.dumps(journey(name).to_json())))


def test_the_encapsulated_stretch_and_nothing_else_is_orange() -> None:
    orange = [line.text for line in story.tell(journey("delivered-vxlan")) if line.style == story.WRAPPED]
    assert len(orange) == 8, "node-0, the router twice, node-2; there and back"
    assert all("VXLAN 4096" in line for line in orange)


def test_what_a_trace_did_not_hear_is_told_apart_from_what_the_manifest_says() -> None:
    whole = replace(journey("delivered-vxlan"), notes=("its limits",), remarks=("node-0 sent it on unencrypted",))
    told = [line.text for line in story.tell(whole)]
    assert "namespace001/pod-0 is not as its manifest: its limits" in told
    assert "node-0 sent it on unencrypted" in told
    assert whole.to_json()["notes"] == ["its limits", "node-0 sent it on unencrypted"]
    SCHEMA.validate(whole.to_json())


def test_verbose_adds_every_captured_packet() -> None:
    told = story.tell(journey("delivered-vxlan"), verbose=True)
    assert len(told) > len(story.tell(journey("delivered-vxlan"))) + len(journey("delivered-vxlan").seen)


def test_away_from_a_terminal_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    story.show(journey("delivered-vxlan"))
    written = capsys.readouterr().out
    assert "\x1b" not in written
    assert written.startswith("namespace001/pod-0 asks myapp.namespace001.svc.cluster.local:80")


def test_on_a_terminal_it_is_coloured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    story.show(journey("delivered-vxlan"))
    assert "\x1b[38;5;208m" in capsys.readouterr().out, "208 is the orange of the encapsulated stretch"
