"""A lab whose folder, or something in it, is tidied away while it lives: it is seen all the same, and nobody builds a
second one beside it.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent.presence import folder
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until


@pytest.fixture(scope="module")
def minimal() -> Iterator[Lab]:
    one = Lab("minimal")
    one.up().ok()
    yield one
    one.end()


def agents(lab: Lab) -> list[int]:
    return [pid for pid, words in lab.processes().items() if words[1:4] == ("-m", "lab.agent", lab.name)]


def entries(lab: Lab) -> list[str]:
    there = folder.base() / lab.name
    return sorted(path.name for path in there.iterdir()) if there.is_dir() else []


@pytest.mark.parametrize("gone", ["lock", "agent.sock", "kubeconfig", "everything in it", "the folder"])
def test_what_vanishes_is_there_again(minimal: Lab, gone: str) -> None:
    there = folder.base() / minimal.name
    for path in there.iterdir():
        if gone in (path.name, "everything in it"):
            path.unlink()
    if gone == "the folder":
        shutil.rmtree(there)
    assert minimal.is_listed(), "at once"
    assert "no changes" in minimal.up().ok(), "it is the same lab"
    assert len(agents(minimal)) == 1
    until(lambda: entries(minimal) == ["agent.sock", "cgroups", "kubeconfig", "lock"], "all of it is there again")
    events = inv("events", "--lab", minimal.name).ok()
    assert "was gone → made anew" in events


def test_nobody_can_be_an_agent_beside_it(minimal: Lab) -> None:
    shutil.rmtree(folder.base() / minimal.name)
    ups = [minimal.start_up() for _ in range(3)]
    for up in ups:
        out, _ = up.communicate()
        assert b"no changes" in out
    assert len(agents(minimal)) == 1


def test_one_that_vanished_and_is_stopped_is_listed_and_ended(lab: LabFactory) -> None:
    one = lab("minimal")
    (pid,) = agents(one)
    os.kill(pid, signal.SIGSTOP)
    shutil.rmtree(folder.base() / one.name)
    listed = inv("list").ok()
    assert any(line.split()[0] == one.name and line.endswith("not answering") for line in listed.splitlines()), listed
    done = one.down()
    done.ok()
    assert f"(process {pid}) is stopped and does not answer, and was killed" in done.err
    one.require_nothing_left()


def test_what_is_no_lab_breaks_no_command(minimal: Lab) -> None:
    strange = [folder.base() / f"{minimal.name}-{kind}" for kind in ("file", "link")]
    strange[0].touch()
    strange[1].symlink_to("/nonexistent")
    try:
        assert minimal.is_listed()
        minimal.get("pods")
        for path in strange:
            said = inv("up", "--topology", "minimal", "--lab", path.name).refused(1)
            assert f"{path} cannot be a lab's folder" in said
    finally:
        for path in strange:
            path.unlink()


def in_runtime(one: Lab, runtime: Path, *words: str) -> str:
    return inv(*words, extra={"XDG_RUNTIME_DIR": str(runtime), **one.mark}).ok()


@pytest.mark.skipif(os.geteuid() == 0, reason="root's labs are in /run, whatever the session")
def test_a_lab_outlives_the_last_log_out(lab: LabFactory, tmp_path: Path) -> None:
    """The user's runtime folder goes with the last log-out and comes again, empty, with the next log-in."""
    one = lab("minimal", up=False)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    in_runtime(one, runtime, "up", "--topology", "minimal", "--lab", one.name)
    shutil.rmtree(runtime)
    outlasting = Path(f"/tmp/hoplab-{os.geteuid()}") / one.name
    until((outlasting / "lock").exists, "it is where labs without a session are")
    assert one.is_listed()
    runtime.mkdir(mode=0o700)
    assert one.name in in_runtime(one, runtime, "list")
    assert "no changes" in in_runtime(one, runtime, "up", "--topology", "minimal", "--lab", one.name)
    in_runtime(one, runtime, "down", "--lab", one.name)
    assert not outlasting.exists()
    one.require_nothing_left()
