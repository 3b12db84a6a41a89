"""The agent that a command forks is what it would be with an interpreter of its own: nothing of the command is in it.

./inv up ── fork ── the agent, of its own session, folder, files, signals     a program ── exec ── python -m lab.agent
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import ROOT, Lab, environment, until

EXECUTED = """
import sys
from pathlib import Path
from lab.agent.client import calls
file = Path(sys.argv[2])
with calls.connect_or_start(sys.argv[1]) as connected:
    connected.request("up", text=file.read_text(), file=str(file), settings=[])
"""
UNNAMED = """
import errno, sys
from lab.kernel.sandbox import title
from lab.tasks import lifetime, topologies

def refused(words):
    raise OSError(errno.EINVAL, "no CONFIG_CHECKPOINT_RESTORE")

title.change = refused
lifetime.bring_up(sys.argv[1], topologies.find("minimal"), [])
"""
OF_ITS_OWN = ("Umask", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp", "CapEff", "Uid", "Gid", "Groups")


@pytest.fixture
def executed(lab: LabFactory) -> Iterator[Lab]:
    """A lab whose agent was started by a program that may have threads."""
    one = lab("minimal", up=False)
    script = [sys.executable, "-c", EXECUTED, one.name, str(ROOT / "topologies" / "minimal.yaml")]
    subprocess.run(script, check=True, cwd=ROOT, env=environment(one.mark))
    yield one


@pytest.fixture
def forked(lab: LabFactory, tmp_path: Path) -> Iterator[Lab]:
    """One that was started by a command which has all sorts of things: files, a folder, an umask, a strange signal."""
    one = lab("minimal", up=False)
    with (tmp_path / "mine").open("w") as mine:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tasks.py"), "up", "-t", "minimal", "-L", one.name],
            cwd=tmp_path,
            env=environment(one.mark),
            pass_fds=[mine.fileno()],
            umask=0o077,
            stdin=mine,
            stdout=subprocess.PIPE,
        )
        out, _ = process.communicate()
    assert process.returncode == 0, out
    yield one


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def about(pid: int) -> dict[str, object]:
    """What tells one process from another, without what is a lab's own."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    told = status(pid)
    return {
        "words": Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:3],
        "name": told["Name"],
        "folder": str(Path(f"/proc/{pid}/cwd").readlink()),
        "terminal": stat[4],
        "leads a session or is in that of one that has ended": stat[3] != str(os.getsid(0)),
        **{name: told[name] for name in OF_ITS_OWN},
    }


def files(pid: int) -> set[str]:
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(path.readlink()))
        except OSError:
            continue  # closed meanwhile
    return found


def test_it_is_the_same_as_one_with_an_interpreter_of_its_own(executed: Lab, forked: Lab) -> None:
    assert about(forked.pid()) == about(executed.pid())
    assert len(forked.processes()) == len(executed.processes())


def test_it_keeps_no_file_of_the_commands(forked: Lab, tmp_path: Path) -> None:
    mine = str(tmp_path / "mine")
    for pid in forked.processes():
        assert not any(one.startswith(mine) for one in files(pid)), pid


def test_its_words_stand_where_those_of_others_stand(forked: Lab) -> None:
    assert Path(f"/proc/{forked.pid()}/cmdline").read_bytes().endswith(f"\0-m\0lab.agent\0{forked.name}\0".encode())


def test_whoever_starts_it_may_ignore_their_children(lab: LabFactory) -> None:
    """As some daemons do: what is started by one of them has no children that it could wait for, unless it says so."""
    one = lab("minimal", up=False)
    command = [sys.executable, str(ROOT / "tasks.py"), "up", "-t", "minimal", "-L", one.name]
    script = ["sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", *command]
    subprocess.run(script, check=True, cwd=ROOT, env=environment(one.mark), stdout=subprocess.DEVNULL)
    assert one.in_("node-0", "hostname").strip() == "node-0"


def test_it_lives_on_when_the_commands_group_is_killed(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    command = [sys.executable, str(ROOT / "tasks.py"), "up", "-t", "minimal", "-L", one.name]
    script = f"{' '.join(command)} && exec sleep 1000"
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True, env=environment(one.mark), cwd=ROOT)
    try:
        until(one.is_listed, "it is up")
        until(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), "the command has ended")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert one.in_("node-0", "hostname").strip() == "node-0"


def test_where_it_cannot_be_called_by_its_own_words_it_has_an_interpreter_of_its_own(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    script = [sys.executable, "-c", UNNAMED, one.name]
    subprocess.run(script, check=True, cwd=ROOT, env=environment(one.mark))
    assert Path(f"/proc/{one.pid()}/cmdline").read_bytes().endswith(f"\0-m\0lab.agent\0{one.name}\0".encode())
    assert one.in_("node-0", "hostname").strip() == "node-0"
