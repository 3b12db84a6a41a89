"""The tests of what only another kernel can do: `./inv test --vm`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from dev import ROOT
from lab.vm import kernels, machine

_VARIABLE = "HOPLAB_TEST_KERNEL"
_PYTEST = ("-m", "pytest", "-p", "dev.progress", "-rs", "--durations=10", "tests/vm")


def run(selected: Sequence[str], kernel: str) -> int:
    """Gives pytest's exit status. One machine after another: each has all processors that there are."""
    machine.require()
    found = kernels.find(kernel)
    print(f"--- tests in virtual machines, Linux {found.release}", flush=True)
    environment = {**os.environ, _VARIABLE: str(found.image)}
    return subprocess.run((sys.executable, *_PYTEST, *selected), cwd=ROOT, env=environment, check=False).returncode
