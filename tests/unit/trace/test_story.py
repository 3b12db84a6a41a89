"""Every recorded trace as the story that a person reads, line by line in a file; and as JSON of the schema."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from lab.trace import story
from tests.unit.trace.recordings import GOLDEN, NAMES, journey

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs" / "trace-v2.schema.json").read_text()))


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
def test_the_json_is_of_the_schema(name: str) -> None:
    SCHEMA.validate(json.loads(json.dumps(journey(name).to_json())))


def test_the_encapsulated_stretch_and_nothing_else_is_orange() -> None:
    orange = [line.text for line in story.tell(journey("delivered-vxlan")) if line.style == story.WRAPPED]
    assert len(orange) == 8, "node-0, the router twice, node-2; there and back"
    assert all("VXLAN 4096" in line for line in orange)


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
