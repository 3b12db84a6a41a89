"""What is mounted and unmounted is heard, once."""

from __future__ import annotations

import os
import select

import pytest

from lab.kernel.sandbox.mounts import Mounts
from lab.kernel.syscalls import CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_SLAVE, mount, umount, unshare


def _hears_each_once() -> None:
    """In namespaces of its own."""
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    mount("none", "/", "none", MS_REC | MS_SLAVE)
    mounts = Mounts()
    polling = select.poll()
    polling.register(mounts, select.POLLIN)
    assert not polling.poll(0)
    mount("tmpfs", "/mnt", "tmpfs")
    assert polling.poll(0)
    mounts.heard()
    assert not polling.poll(0)
    umount("/mnt")
    assert polling.poll(0)
    mounts.close()


def test_each_is_heard_once() -> None:
    child = os.fork()
    if child == 0:
        status = 2
        try:
            _hears_each_once()
            status = 0
        except PermissionError:
            status = 77
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(ended) == 77:
        pytest.skip("this machine allows no user namespaces")
    assert os.waitstatus_to_exitcode(ended) == 0
