"""A lab in a machine of its own is used as any other, from outside. `./inv test --vm` runs this for root and for an
ordinary user, who can write neither the checkout nor anything of root's.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.integration.kubectls import found
from tests.integration.labs import ROOT, environment, finish, inv, start, until
from tests.integration.labs import command_line as words_of
from tests.vm.labs import KERNEL, InMachine, processes_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the person's, of a name that needs care."""
    made = tmp_path_factory.mktemp("shared") / "a folder, of mine"
    made.mkdir()
    (made / "script").write_text("echo one\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def up(machine: InMachine, folder: Path) -> InMachine:
    """The lab, up."""
    machine.up("--share", str(folder)).ok()
    return machine


def test_the_commands_are_as_ever(up: InMachine, tmp_path: Path) -> None:
    assert up.exec_("node-0", "uname", "-r").ok().strip() in os.environ[KERNEL]
    assert up.exec_("node-0", "sh", "-c", "cat; exit 7", given="through\n").refused(7) == ""
    listed = inv("get", "pods", "-A", "--lab", up.name).ok()
    assert listed.count("Running") == 6, listed

    files = {name: tmp_path / name for name in ("journey.json", "page.html", "packets.pcapng")}
    options = [f"--{one.partition('.')[2].removesuffix('ng')}={files[one]}" for one in files]
    told = inv("trace", "--lab", up.name, "--from", "pod-0", "--to", "myapp", "--via", "pod-3", *options)
    assert "delivered" in told.ok()
    assert json.loads(files["journey.json"].read_text())["verdict"] == "delivered"
    assert files["page.html"].read_text().startswith("<!DOCTYPE html>")
    assert files["packets.pcapng"].read_bytes()[:4] == b"\n\r\r\n"


def test_a_shared_folder_is_read_as_it_is_and_not_written(up: InMachine, folder: Path) -> None:
    script = folder / "script"
    assert up.exec_("pod-0", "sh", str(script)).ok() == "one\n"
    script.write_text("echo another\n", encoding="utf-8")
    (folder / "further").touch()
    assert up.exec_("node-0", "sh", str(script)).ok() == "another\n"
    assert up.exec_("node-0", "ls", str(folder)).ok().split() == ["further", "script"]
    assert "Read-only" in up.exec_("node-0", "rm", "-f", str(script)).err
    assert script.exists()
    assert "no changes" in up.up().ok(), "nothing said of folders means as it is"
    assert "runs with another --share" in up.up("--share", str(folder.parent)).refused(2)


def test_a_terminal_reaches_the_place(up: InMachine) -> None:
    with Sitting("exec", "--lab", up.name, "node-0", "--", "sh", "-c", "tty; read x; echo got $x; exit 3") as person:
        person.hears(b"/dev/pts/")
        person.types(b"key\r")
        person.hears(b"got key")
        assert person.ends() == 3


def test_a_shell_is_one_of_the_place(up: InMachine) -> None:
    with Sitting("shell", "node-1", "--lab", up.name) as person:
        person.hears(b"node-1]")
        person.types(b"ip -4 -o addr show dev eth0; stty size\r")
        person.hears(b"inet 10.0.1.11/24")
        person.hears(b"24 80")
        person.hears(b"node-1]")  # what is typed before the shell asks for it may be lost
        person.types(b"echo begun; sleep 1000\r")
        person.hears(b"\rbegun")  # behind what ends the bracketed paste
        person.types(b"\x03")
        person.hears(b"^C")
        person.hears(b"node-1]")
        person.types(b"exit 6\r")
        assert person.ends() == 6


class Sitting:
    """A person at a terminal of 80 columns and 24 lines, at which one command of ours runs."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        self._running = subprocess.Popen(
            (sys.executable, str(ROOT / "tasks.py"), *words),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(),
            cwd=ROOT,
            start_new_session=True,
        )
        os.close(theirs)
        self._said = b""

    def __enter__(self) -> Sitting:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.kill()
        self._running.wait()
        os.close(self._ours)

    def types(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def hears(self, what: bytes) -> None:
        """Waits for it; what was said up to there is no more waited for."""

        def is_there() -> bool:
            if select.select([self._ours], [], [], 0)[0]:
                self._said += os.read(self._ours, 4096)
            return what in self._said

        until(is_there, f"the terminal shows {what!r}: {self._said!r}")
        self._said = self._said.partition(what)[2]

    def ends(self) -> int:
        """The status of the command."""
        until(lambda: self._running.poll() is not None, "it has ended")
        return self._running.returncode


def test_what_passes_a_place_is_captured(up: InMachine, tmp_path: Path) -> None:
    file = tmp_path / "passing.pcapng"
    words = ("capture", "node-0", "--lab", up.name, "--filter", "tcp port 8080", "--count", "1", "--write", str(file))
    capturing = start(*words)

    def is_caught() -> bool:
        up.exec_("pod-0", "curl", "-s", "http://172.16.10.10").ok()
        return capturing.poll() is not None

    until(is_caught, "a packet has passed")
    finish(capturing).ok()
    assert file.read_bytes()[:4] == b"\n\r\r\n"


def test_it_sees_this_machines_files_read_only_and_no_network(up: InMachine) -> None:
    words = next(words for pid in processes_of(up.name) if "qemu" in (words := words_of(pid))[0])
    shares = [words[at + 1] for at, word in enumerate(words) if word == "-fsdev"]
    assert shares
    assert all("readonly=on" in one for one in shares), shares
    assert words[words.index("-net") + 1] == "none"
    assert not [word for word in words if word.startswith(("-netdev", "-nic"))]


def test_the_machines_own_kubectl_is_served(up: InMachine) -> None:
    if not found():
        pytest.skip("no kubectl here")
    told = inv("list").ok()
    assert up.name in told
    config = next(path for path in candidates(up.name) if path.exists())
    kubectl = next(iter(found().values()))
    done = subprocess.run(
        (kubectl, "--kubeconfig", config, "get", "nodes", "-o", "name"), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["node/node-0", "node/node-1", "node/node-2"], done.stderr


def candidates(name: str) -> list[Path]:
    """Where the lab's kubeconfig may be."""
    from lab.agent.presence import folder  # noqa: PLC0415

    return [one / name / "kubeconfig" for one in folder.candidates()]
