"""`check` on this very machine: what it says is so, it is quick, and it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.kernel.check.abilities import Finding, check
from tests.effort import starting_python

STARTS = 20  # so many times what it takes to start Python: a second on a quiet machine
HOST = ("ip -d link", "ip route")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.name: finding for finding in check()}


def test_this_machine_has_all_that_the_main_journey_needs(findings: dict[str, Finding]) -> None:
    lacking = [f"{finding.name}: {finding.how_to_get}" for finding in findings.values() if finding.required]
    assert [line for line in lacking if not line.endswith(": ")] == []


def test_what_can_be_done_has_no_advice_and_what_cannot_has(findings: dict[str, Finding]) -> None:
    for finding in findings.values():
        assert finding.ok == (finding.how_to_get == ""), finding
        assert finding.needed_for, f"{finding.name}: nobody knows why it matters"


def test_a_device_that_is_said_to_be_missing_really_cannot_be_made(findings: dict[str, Finding]) -> None:
    for kind in ("veth", "bridge", "ipip"):
        inside = ("unshare", "--user", "--map-root-user", "--net", "ip", "link", "add", "probe", "type", kind)
        options = ("local", "10.0.0.1", "remote", "10.0.0.2") if kind == "ipip" else ()
        made = subprocess.run([*inside, *options], capture_output=True, check=False).returncode == 0
        assert findings[kind].ok == made, kind


def test_it_is_quick() -> None:
    start = starting_python()
    began = time.perf_counter()
    check()
    took = time.perf_counter() - began
    assert took < STARTS * max(start, starting_python()), f"{took:.2f} s"


def test_the_task_prints_a_line_for_each_finding(findings: dict[str, Finding]) -> None:
    task = subprocess.run(
        [sys.executable, ROOT / "tasks.py", "check"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (task.returncode, task.stderr) == (0, "")
    for finding in findings.values():
        assert f"{finding.name} " in task.stdout


def test_the_host_is_as_it_was() -> None:
    def look() -> list[str]:
        return [subprocess.run(line.split(), capture_output=True, text=True, check=True).stdout for line in HOST]

    before = look()
    check()
    assert look() == before
