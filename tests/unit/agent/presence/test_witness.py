"""The name that an agent holds in the kernel: one for each user and lab, and nobody else's counts."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import uuid
from pathlib import Path

import pytest

from lab.agent.presence import witness


@pytest.fixture
def lab() -> str:
    """A name that nobody else has."""
    return f"unit-{uuid.uuid4().hex[:12]}"


def test_a_name_is_held_once_and_goes_with_its_holder(lab: str) -> None:
    held = witness.take(lab)
    assert held is not None
    assert witness.take(lab) is None
    assert witness.holder(lab) == witness.Peer(os.getpid(), os.geteuid())
    assert lab in witness.seen()
    assert witness.is_named(lab)
    held.close()
    assert not witness.is_named(lab)
    assert witness.holder(lab) is None
    assert lab not in witness.seen()


def test_whoever_holds_it_tells_where_the_folder_is(lab: str) -> None:
    held = witness.take(lab)
    assert held is not None
    with held, socket.socket(socket.AF_UNIX) as asking:
        asking.connect(witness.address(lab))
        witness.answer(held, "/run/somewhere/lab")
        assert asking.recv(100) == b"/run/somewhere/lab"
    assert witness.told_folder(lab) == ""


def test_a_stranger_s_name_is_none(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user may bind any name first: that neither makes a lab of it, nor keeps ours from starting."""
    monkeypatch.setattr(witness.Peer, "is_ours", property(lambda _: False))
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(witness.address(lab))
        stranger.listen()
        assert lab not in witness.seen()
        assert witness.holder(lab) is None
        held = witness.take(lab)
        assert held is not None
        witness.answer(held, "/somewhere")
        held.close()


def test_a_stranger_in_a_user_namespace_of_ours_is_still_a_stranger() -> None:
    """It may have died, and its process id be one of ours; or live in a container that we have made for others."""
    inside = subprocess.Popen(["unshare", "--user", "cat"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        ours = Path("/proc/self/ns/user").readlink()
        while inside.poll() is None and Path(f"/proc/{inside.pid}/ns/user").readlink() == ours:
            select.select([], [], [], 0.01)
        if inside.poll() is not None:
            pytest.skip("no user namespaces here")
        assert witness.Peer(inside.pid, os.geteuid()).is_ours
        assert not witness.Peer(inside.pid, 4242).is_ours
    finally:
        inside.kill()
        inside.communicate()


def test_whoever_has_another_file_system_there_has_labs_of_its_own(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = witness.take(lab)
    assert held is not None
    monkeypatch.setattr(witness, "common", lambda: Path("/proc/hoplab"))
    assert witness.holder(lab) is None
    assert lab not in witness.seen()
    other = witness.take(lab)
    assert other is not None
    other.close()
    held.close()
