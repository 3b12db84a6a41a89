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
    ("exec pod-0 -- sleep 600", "has ended"),
    ("shell node-0", "has ended"),
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
        said = done.refused(1)
        assert told in said, str(done)
        assert how != "down" or "the lab" in told or "`down` ended it" in said, str(done)
    one.require_nothing_left()


def test_a_suspended_command_keeps_no_lab_alive(lab: LabFactory) -> None:
    """Its program has ended with the lab; it takes notice when it goes on."""
    one, other = lab("minimal"), lab("minimal")
    suspended = [each.start_exec("pod-0", "sleep", "600") for each in (one, other)]
    for each in (one, other):
        until(lambda each=each: ("sleep", "600") in each.processes().values(), "it runs in the pod")  # type: ignore[misc]
    for command in suspended:
        command.send_signal(signal.SIGSTOP)
    done = one.down()
    assert (done.ok(), done.err) == (f"{one.name}: down\n", "")
    until(lambda: set(one.processes()) <= {suspended[0].pid}, "all of the lab has gone")
    suspended[0].send_signal(signal.SIGCONT)
    assert "has ended: `down` ended it" in finish(suspended[0]).refused(1)
    one.require_nothing_left()
    assert other.is_listed(), "others are none of its business"
    assert is_suspended(suspended[1].pid)
    suspended[1].send_signal(signal.SIGCONT)
    other.down().ok()
    finish(suspended[1]).refused(1)


def is_suspended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].startswith("T")
