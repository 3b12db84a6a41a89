"""No command outlives its lab: it says that the lab has ended, and lets go of the places that it looked at."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, finish, start, until

GOING_ON = (
    ("capture node-0", "the lab has ended"),
    ("trace --from pod-0 --follow", "the lab has ended"),
    ("events --follow", "has ended"),
    ("get pods --watch", "has ended"),
    ("exec pod-0 -- sleep 600", "the lab has ended"),
    ("shell node-0", "the lab has ended"),
)


def begun(lab: Lab) -> list[subprocess.Popen[bytes]]:
    """All of them, looking already."""
    made = []
    for command, _ in GOING_ON:
        task, *words = command.split()
        made.append(start(task, "--lab", lab.name, *words))
    until(lambda: ("sleep", "600") in lab.processes().values(), "a program runs in the pod")
    shell = made[-1]
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(b"echo ready\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == b"ready\n"
    capture, following = made[:2]
    until(lambda: sockets(capture.pid) > 1, "it listens")
    assert following.stderr is not None
    assert following.stderr.readline().startswith(b"following ")
    for telling in made[2:4]:
        assert telling.stdout is not None
        assert telling.stdout.readline()
    return made


def sockets(pid: int) -> int:
    """How many it has open: one to the agent, the others to look with."""
    links = (str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir())
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.parametrize("how", ["down", "kill"])
def test_what_goes_on_ends_with_the_lab(lab: LabFactory, how: str) -> None:
    one = lab("minimal")
    asked = begun(one)
    if how == "down":
        one.down().ok()
    else:
        os.kill(one.pid(), signal.SIGKILL)
    for (_, told), command in zip(GOING_ON, asked, strict=True):
        done = finish(command)
        assert told in done.refused(1), str(done)
    one.require_nothing_left()
