"""Tests of the kernel's parts without a lab: each runs in fresh namespaces of its own, as the agent's code does.

`@sandboxed` turns a test into one that runs itself in a new interpreter there, as a sandbox's init: it is root in it,
whoever tests, /run is empty, and everything that it leaves ends with it.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Coroutine
from functools import wraps

from lab.errors import MachineError
from lab.kernel.sandbox import init as sandbox
from lab.kernel.sandbox.namespaces import Namespaces
from lab.kernel.syscalls import PR_SET_PDEATHSIG, prctl
from lab.network.place_names import netns_name
from tests.integration.labs import PATIENCE_SECONDS, ROOT, environment

Test = Callable[[], None]


def sandboxed(test: Test) -> Test:
    """The test, run inside; it fails with the traceback that it ended with there."""

    @wraps(test)
    def run() -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.sandboxed", test.__module__, test.__name__],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            cwd=ROOT,
            env=environment(),
            check=False,
        )
        assert done.returncode == 0, f"{test.__name__} in its sandbox:\n{done.stdout}{done.stderr}"

    return run


def on_a_loop(test: Callable[[], Coroutine[None, None, None]]) -> Test:
    """A test that is a coroutine, in a sandbox and on a loop of its own."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return sandboxed(run)


def wired(near: str, far: str) -> Namespaces:
    """Two places, 10.9.0.1 (near) and 10.9.0.2 (far), with a link between them."""
    namespaces = Namespaces()
    for place in (near, far):
        namespaces.create(place)
    one, other = netns_name(near), netns_name(far)
    ip("-n", one, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other)
    for name, address in ((one, "10.9.0.1/24"), (other, "10.9.0.2/24")):
        ip("-n", name, "address", "add", address, "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
    return namespaces


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main(module: str, name: str) -> int:
    """Run the test that is called so, as the init of a sandbox; gives how that ended."""

    def life() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            getattr(importlib.import_module(module), name).__wrapped__()
        except Exception as error:  # whatever it is, the values at hand tell the story
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            sys.exit("".join(told.format()))

    def refused(error: MachineError) -> None:
        sys.exit(f"{error.message}: {error.hint}")

    _, status = os.waitpid(sandbox.start("test", life, refused, shown=(str(ROOT),)), 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
