"""Invoke is imported without what it hardly uses, and nobody notices: all of it works when it is used after all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(*lines: str) -> str:
    """What a fresh Python prints: this one has imported everything already."""
    code = "\n".join(("import lab.lightinvoke, sys", *lines))
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_what_only_tests_of_invoke_need_is_not_imported() -> None:
    heavy = ("asyncio", "email.message", "unittest.mock", "zipfile", "yaml")
    assert python(f"print([name for name in {heavy} if name in sys.modules])") == "[]\n"


def test_nothing_in_the_place_of_a_standard_module_stays() -> None:
    told = python(
        "import importlib.metadata, unittest.mock",
        "print(importlib.metadata.version('invoke') != 'unknown', unittest.mock.Mock.__module__)",
    )
    assert told == "True unittest.mock\n"


def test_invoke_can_still_read_a_configuration_and_pretend_to_run(tmp_path: Path) -> None:
    (tmp_path / "invoke.yaml").write_text("tasks: {dedupe: false}\n")
    told = python(
        "from invoke import Config, MockContext, Result",
        f"config = Config(project_location={str(tmp_path)!r})",
        "config.load_project()",
        "print(config.tasks.dedupe)",
        "print(MockContext(run=Result('pretended')).run('x').stdout)",
    )
    assert told == "False\npretended\n"
