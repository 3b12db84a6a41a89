"""What people are told to type begins with what they typed themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.program_name import VARIABLE, called, spoken

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("argv0", "variable", "program"),
    [
        ("/usr/local/bin/hoplab", "", "hoplab"),
        ("/x/.venv/bin/invoke", "./inv", "invoke"),
        ("/x/.venv/lib/invoke/__main__.py", "", "invoke"),
        ("/home/me/lab/tasks.py", "./inv", "./inv"),
        ("/home/me/lab/tasks.py", "inv", "inv"),
        ("tasks.py", "", "./inv"),
        ("/usr/bin/pytest", "", "hoplab"),
    ],
)
def test_what_it_was_called(argv0: str, variable: str, program: str) -> None:
    assert called(argv0, {VARIABLE: variable}) == program


def test_a_command_in_a_text_begins_with_it() -> None:
    assert spoken("try ./inv up, or `./inv down`: ./inv list", "inv") == "try inv up, or `inv down`: inv list"


def test_what_only_looks_like_it_stays() -> None:
    for text in ("a/./inv up", "../inv up", "./inventory x", "nothing"):
        assert spoken(text, "hoplab") == text


def test_what_only_a_checkout_can_do_is_told_as_it_is_there() -> None:
    assert spoken("`./inv setup --coredns`, then ./inv up", "hoplab") == "`./inv setup --coredns`, then hoplab up"


def test_no_text_of_the_program_calls_it_anything_else() -> None:
    """`spoken` knows `./inv TASK` only."""
    strange = re.compile(r"[\"' `](inv|invoke) (up|down|list|trace|get|exec|events|inspect|shell|apply)\b")
    for file in (ROOT / "lab").rglob("*.py"):
        assert not strange.search(file.read_text(encoding="utf-8")), file
