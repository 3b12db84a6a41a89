"""`./inv test` says how far it is, on a terminal and in a log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dev.progress import Tally

ROOT = Path(__file__).resolve().parents[3]


def test_a_test_that_builds_a_lab_counts_for_many_that_do_not() -> None:
    tally = Tally(began=0.0)
    tally.collect([*(f"tests/unit/{n}" for n in range(100)), "tests/integration/1", "tests/integration/2"])
    tally.finished.update(f"tests/unit/{n}" for n in range(100))
    assert tally.line(5.0) == "100 of 102 tests, 33 %", "so early nobody knows how long it takes"
    tally.failed.append("tests/unit/3")
    assert tally.line(100.0) == "100 of 102 tests, 33 %, 1 failed, about 3 min left"
    tally.finished.update(tally.wanted)
    assert tally.line(300.0) == "102 of 102 tests, 100 %, 1 failed"


def test_a_log_has_few_lines_and_the_names_of_what_failed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(50))\ndef test_n(n):\n    assert n != 7\n"
    )
    words = ("-p", "dev.progress", "-p", "no:cacheprovider", "-q", "-n1", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--rootdir", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert done.stderr.splitlines() == ["FAILED test_it.py::test_n[7]", "50 of 50 tests, 100 %, 1 failed"]
    assert "...." not in done.stdout, "no letter for each test"
    assert "1 failed, 49 passed" in done.stdout
