"""The house as docs/architecture.md draws it is the house as it stands."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def folders() -> Iterator[Path]:
    return (init.parent for init in sorted((ROOT / "lab").rglob("__init__.py")))


def test_every_folder_has_its_row_and_every_row_its_folder() -> None:
    rows = re.findall(r"^\| [a-z].* \| (`lab.*) \|$", PAGE, re.M)
    told = Counter(name for row in rows for name in re.findall(r"`(lab[\w/]*)`", row))
    there = {str(one.relative_to(ROOT)) for one in folders()}
    assert there - told.keys() == set(), "folders of which the table says nothing"
    assert told.keys() - there == set(), "rows about folders that are not there"


def test_the_picture_has_the_floors_that_the_contracts_hold() -> None:
    picture = re.search(r"```text\n(.*?)```", PAGE, re.S)
    assert picture is not None
    drawn = re.findall(r"^  ([a-z]+)  ", picture[1], re.M)
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = tools["importlinter"]["contracts"][0]["layers"]
    named = (name for layer in layers for name in re.findall(r"lab\.(\w+)", layer))
    floors = {name for name in named if (ROOT / "lab" / name).is_dir()}
    assert {*drawn, "vm"} - {"guest"} == floors, "floors that are drawn, and floors of the contract"
