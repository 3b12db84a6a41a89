"""The limits of a lab where the machine has the unified hierarchy of control groups.

the group around ── hoplab-LAB ─┬─ agent
                                └─ places ── what runs in pod-0, pod-1, node-0, …
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab.kernel.sandbox.cgroups import unified
from tests.integration.labs import ROOT, Lab, environment, inv, standing, until


def _own(pid: int | str = "self") -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    return next((line[len("0::") :] for line in lines if line.startswith("0::")), "..")


def _offered() -> frozenset[str]:
    found = unified.around(_own()) if unified.is_there() else iter(())
    return next((one.offered() for one in found), frozenset())


pytestmark = pytest.mark.skipif(
    not {"memory", "pids"} <= _offered(), reason="no group of the unified hierarchy offers memory and pids to us here"
)


def _group(lab: Lab) -> Path:
    """The lab's, as its agent is in it."""
    agent = unified.ROOT / _own(lab.pid()).strip("/")
    assert (agent.parent.name, agent.name) == (f"hoplab-{lab.name}", "agent")
    return agent.parent


def _told(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, file.read_text(encoding="ascii").splitlines())}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("minimal", "--limit", "memory=150M,pids=400") as one:
        yield one


@pytest.mark.parametrize("place", ["pod-1", "node-0", "router", "underlay"])
def test_what_runs_in_a_place_is_bounded(lab: Lab, place: str) -> None:
    assert lab.in_(place, "cat /proc/self/cgroup").strip().endswith(f"/hoplab-{lab.name}/places")


def test_what_takes_all_memory_is_ended_and_does_not_swap(lab: Lab) -> None:
    places = _group(lab) / "places"
    assert (places / "memory.swap.max").read_text().strip() == "0"
    greedy = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    assert lab.exec_("pod-1", "python3", "-c", greedy).status == 128 + signal.SIGKILL
    assert _told(places / "memory.events")["oom_kill"] > 0
    assert lab.is_listed()


def test_what_starts_ever_more_processes_is_refused_the_next(lab: Lab) -> None:
    bomb = lab.exec_("pod-1", "sh", "-c", "for n in $(seq 500); do sleep 9 & done; echo all")
    assert "all" not in bomb.out.split(), str(bomb)
    assert _told(_group(lab) / "places" / "pids.events")["max"] > 0
    assert lab.is_listed()


def test_the_labs_root_may_move_its_programs_into_what_is_bounded_alone(lab: Lab) -> None:
    agent, places = _group(lab) / "agent" / "cgroup.procs", _group(lab) / "places" / "cgroup.procs"
    assert places.stat().st_uid == Path(f"/proc/{lab.pid()}").stat().st_uid, "the lab's root chooses who is in it"
    assert agent.stat().st_uid == os.geteuid()


@pytest.mark.skipif("cpu" not in _offered(), reason="no group offers the processor to us here")
def test_the_processor_is_shared_as_asked() -> None:
    with standing("minimal", "--limit", "cpu=20%") as one:
        busy = one.start_exec("pod-1", "sh", "-c", "while :; do :; done")
        try:
            stat = _group(one) / "places" / "cpu.stat"
            until(lambda: _told(stat)["nr_throttled"] > 10, "it had to wait for its turn")
            told = _told(stat)
            assert told["usage_usec"] < (told["nr_periods"] + 2) * unified.PERIOD * 0.3, told
        finally:
            busy.kill()
            busy.communicate()


def test_no_group_is_left() -> None:
    with standing("minimal") as one:
        group = _group(one)
        one.in_("pod-1", "true")
        one.down().ok()
        assert not group.exists()


def test_the_group_of_a_killed_lab_goes_with_the_next_command() -> None:
    with standing("minimal") as one:
        group = _group(one)
        one.in_("pod-1", "true")
        os.kill(one.pid(), signal.SIGKILL)

        def gone() -> bool:
            inv("list").ok()
            return not group.exists()

        until(gone, "what was left of it is removed")


@contextmanager
def _another_group() -> Iterator[Path]:
    made = next(unified.around(_own())).folder / f"hoplab.test-{os.getpid()}"
    made.mkdir()
    try:
        yield made
    finally:
        with suppress(OSError):
            made.rmdir()


def test_what_is_started_in_another_session_is_bounded_as_well(lab: Lab) -> None:
    with _another_group() as elsewhere:
        words = [
            sys.executable,
            str(ROOT / "tasks.py"),
            "exec",
            "pod-1",
            "-L",
            lab.name,
            "--",
            "cat",
            "/proc/self/cgroup",
        ]
        there = f'echo 0 > {elsewhere}/cgroup.procs && exec "$@"'
        done = subprocess.run(
            ["/bin/sh", "-c", there, "sh", *words], capture_output=True, text=True, env=environment(), check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip().endswith(f"/hoplab-{lab.name}/places")
