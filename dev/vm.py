"""The tests of what only another kernel can do: `./inv test --vm`."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Sequence

from dev import suite
from dev.suite import NOTHING_COLLECTED
from lab.vm import kernels, machine

_VARIABLE = "HOPLAB_TEST_KERNEL"
_USED = "tests/vm/test_machine.py"
_PYTEST = ("-m", "pytest", "-p", "dev.progress", "-rs", "--durations=10", "tests/vm")


def run(selected: Sequence[str], kernel: str) -> int:
    """Gives pytest's exit status; as root, of the second round, which is an ordinary user's, once the first has passed.
    In each, a few that fail are tried once more: an emulated machine is at the mercy of whatever else runs.

    One machine after another: each has all processors that there are.
    """
    machine.require()
    found = kernels.find(kernel)
    print(f"--- tests in virtual machines, Linux {found.release}", flush=True)
    named = {_VARIABLE: str(found.image)}
    environment = {**os.environ, **named}
    who = pwd.getpwuid(os.geteuid()).pw_name
    status = suite.Round(who, (sys.executable, *_PYTEST, *selected), environment).run()
    if os.geteuid() == 0 and status in (0, NOTHING_COLLECTED):
        # A few of the tests, for a machine takes its time: how a lab in one is used, not what its kernel can do.
        again = suite.as_ordinary_user(("-n0", _USED, *selected), named).run()
        return again if status == NOTHING_COLLECTED or again != NOTHING_COLLECTED else status
    return status
