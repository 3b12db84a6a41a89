"""Tests of the kernel's parts without a lab: each runs in fresh namespaces of its own, as the agent's code does.

`@sandboxed` turns a test into one that runs itself in a new interpreter there: an ordinary user is root in it, /run is
empty, and everything that it leaves ends with it.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Coroutine
from functools import wraps

from lab.kernel.namespaces import Namespaces
from lab.kernel.syscalls import mount
from lab.network.objects import netns_name
from tests.integration.labs import PATIENCE_SECONDS, ROOT, environment

Test = Callable[[], None]


def sandboxed(test: Test) -> Test:
    """The test, run inside; it fails with the traceback that it ended with there."""

    @wraps(test)
    def run() -> None:
        user = ("--user", "--map-root-user") if os.geteuid() else ()
        fresh = ("--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
        inside = (sys.executable, "-m", "tests.integration.sandboxed", test.__module__, test.__name__)
        done = subprocess.run(
            ["unshare", *user, *fresh, *inside],
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


def main(module: str, name: str) -> None:
    """Run the test that is called so, with a /run of its own."""
    mount("tmpfs", "/run", "tmpfs")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        getattr(importlib.import_module(module), name).__wrapped__()
    except Exception as error:  # whatever it is, the values at hand tell the story
        sys.exit("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))


if __name__ == "__main__":
    main(*sys.argv[1:])
