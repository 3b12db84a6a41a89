"""What we write into the kernel is there, and what we read is so: pyroute2, which knows nothing of ours, agrees.

our request ──► kernel ──► our reader
                  └──────► pyroute2's
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.integration.labs import ROOT, environment
from tests.integration.oracle import CASES


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, list[str]]]:
    user = ("--user", "--map-root-user") if os.geteuid() else ()
    done = subprocess.run(
        ["unshare", *user, "--net", sys.executable, "-m", "tests.integration.oracle"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", CASES)
def test_written_and_read(told: dict[str, dict[str, list[str]]], case: str) -> None:
    assert told[case]["pyroute2"] == told[case]["wanted"], "what the kernel holds is what was asked for"
    assert told[case]["ours"] == told[case]["wanted"], "and we read it as it is"
