"""The house as docs/architecture.md draws it is the house as it stands."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMY = 17
"""So many modules stand side by side before they want another wing, `__init__` counted."""
LONG = 300
"""Lines of a module."""


def folders() -> Iterator[Path]:
    return (init.parent for init in sorted((ROOT / "lab").rglob("__init__.py")))


def modules() -> Iterator[Path]:
    return (one for one in sorted((ROOT / "lab").rglob("*.py")) if one.name != "__init__.py")


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


def test_no_wing_is_a_hall_and_each_says_what_lives_there() -> None:
    for folder in folders():
        there = list(folder.glob("*.py"))
        assert len(there) <= ROOMY, (
            f"{folder.relative_to(ROOT)} has {len(there)} modules: which of them belong together?"
        )
        assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""'), folder


def test_no_module_is_a_book() -> None:
    long = {str(one.relative_to(ROOT)): n for one in modules() if (n := len(one.read_text().splitlines())) > LONG}
    assert long == {}, "modules that have parts with names of their own"


def test_names_tell_modules_apart() -> None:
    """`flow` and `flows`, `deriving` and `derived` would not."""
    names = {one.stem for one in modules()}
    for name in names:
        others = {f"{name}s", re.sub("ing$", "ed", name)} - {name}
        assert not others & names, f"{name} and {others & names}"
