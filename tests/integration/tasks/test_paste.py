"""What `up --plan` prints is no picture of the work but the work: pasted into a shell it builds the same lab.

up --plan ──► sh, in an empty sandbox ──► kernel ──► read back: as designed        pod-0 ──► myapp: answered
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, environment, inv


@pytest.mark.parametrize("topology", ["two-subnet", "two-subnet-bridge"])
def test_the_printed_plan_builds_the_lab(topology: str) -> None:
    script = inv("up", "--topology", topology, "--lab", "never-built", "--plan").ok()
    # The built-in server is a module of ours, and the plan says `python3`.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"))
    pasted = subprocess.run(
        [sys.executable, "-m", "tests.integration.pasted", topology],
        input=script,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=environment({"PATH": path, "PYTHONPATH": str(ROOT)}),
        check=False,
    )
    assert pasted.returncode == 0, pasted.stderr
    assert pasted.stdout, pasted.stderr
    told = json.loads(pasted.stdout)
    assert (told["status"], told["said"]) == (0, ""), told["said"]
    assert told["differs"] == []
    assert told["answer"].splitlines()[0] in ("pod-2", "pod-3")
