"""An agent that says nothing, stopped as by SIGSTOP: everybody is told so, and nobody waits for it for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import INTERRUPTED, Lab, finish, inv, standstill, start, until

COMMANDS = (
    "get pods",
    "inspect",
    "events --follow",
    "trace --from pod-0 --to myapp",
    "capture node-0",
    "exec node-0 -- true",
    "up --topology minimal",
    "up --topology minimal --plan",
    "component.list",
)


@contextmanager
def stopped(lab: Lab) -> Iterator[int]:
    """Its agent's process id, which is stopped for the block."""
    pid = lab.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def minimal() -> Iterator[Lab]:
    one = Lab("minimal")
    one.up().ok()
    yield one
    one.end()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_whose_agent_does_not_answer(minimal: Lab, command: str) -> None:
    task, *words = command.split()
    with stopped(minimal) as pid:
        said = inv(task, "--lab", minimal.name, *words).refused(1)
    assert f"lab '{minimal.name}': its agent (process {pid}) is stopped and does not answer" in said
    assert f"kill -CONT {pid}" in said
    assert minimal.is_listed(), "it goes on as if nothing had been"


def test_other_labs_are_listed_beside_those_that_say_nothing(minimal: Lab, lab: LabFactory) -> None:
    others = [lab("minimal") for _ in range(2)]
    with stopped(others[0]) as first, stopped(others[1]) as second:
        rows = [line.split() for line in inv("list").ok().splitlines()]
    told = {row[0]: row[5:] for row in rows}
    assert told[others[0].name] == [str(first), "not", "answering"]
    assert told[others[1].name] == [str(second), "not", "answering"]
    assert told[minimal.name][0] == str(minimal.pid())
    assert told[minimal.name][1].endswith("minimal.yaml")


def test_down_asks_and_then_kills(lab: LabFactory) -> None:
    one = lab("minimal")
    with stopped(one) as pid:
        done = one.down()
    assert done.ok() == f"{one.name}: down\n"
    assert f"its agent (process {pid}) is stopped and does not answer, and was killed" in done.err
    one.require_nothing_left()


def test_down_of_one_that_goes_on_in_time_is_as_ever(lab: LabFactory) -> None:
    one = lab("minimal")
    with stopped(one) as pid:
        down = start("down", "--lab", one.name)
        assert down.stderr is not None
        assert b"it is killed if it does not within 5 s" in down.stderr.readline()
        os.kill(pid, signal.SIGCONT)
    done = finish(down)
    assert (done.ok(), done.err) == (f"{one.name}: down\n", "")
    one.require_nothing_left()


def test_ctrl_c_ends_whoever_waits(minimal: Lab) -> None:
    following = start("get", "pods", "--watch", "--lab", minimal.name)
    assert following.stdout is not None
    until(lambda: following.stdout is not None and b"pod-1" in following.stdout.readline(), "it has told of the pods")
    with stopped(minimal):
        following.send_signal(signal.SIGINT)
        assert finish(following).status == INTERRUPTED
        asking = start("inspect", "--lab", minimal.name)
        until(lambda: _waits(asking.pid), "it has asked")
        asking.send_signal(signal.SIGINT)
        assert finish(asking).status == INTERRUPTED


def _waits(pid: int) -> bool:
    """Whether it is connected to somebody, and sleeps."""
    try:
        sockets = [path for path in Path(f"/proc/{pid}/fd").iterdir() if str(path.readlink()).startswith("socket:")]
        state = Path(f"/proc/{pid}/wchan").read_text(encoding="ascii")
    except OSError:
        return False
    return bool(sockets) and "poll" in state


def test_who_is_busy_with_an_up_is_no_silent_one(
    lab: LabFactory, two_subnet_text: str, file: Callable[[str], str]
) -> None:
    """`list` waits for nobody's `up`; and whoever is at work when the lab is ended is told who ended it."""
    one = lab("two-subnet")
    with standstill(one):
        losing = one.start_up(topology=file(two_subnet_text.replace("{name: pod-1", "{name: pod-one")))
        until(lambda: "namespace001.pod-one" in one.names(), "it is at work")
        waiting = one.start_up()
        assert waiting.stderr is not None
        assert "waiting for another up" in waiting.stderr.readline().decode()
        assert one.is_listed()
        down = start("down", "--lab", one.name)
        finish(down).ok()
    for lost in (losing, waiting):
        said = finish(lost).refused(1)
        assert f"lab '{one.name}' has ended: `down` ended it (process {down.pid})" in said
        assert "died" not in said
