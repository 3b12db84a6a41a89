"""A lab in a machine of its own is used as any other, from outside, and nothing of it is left, however it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent.presence import witness
from lab.kernel.life import Life
from tests.integration.kubectls import found
from tests.integration.labs import Lab, environment, every_process, finish, inv, start, until
from tests.integration.labs import command_line as words_of
from tests.vm.labs import KERNEL, InMachine


@pytest.fixture(scope="module")
def up(machine: InMachine) -> InMachine:
    """The lab, up."""
    machine.up().ok()
    return machine


@pytest.fixture
def named() -> Iterator[Lab]:
    """A lab that is not there yet."""
    lab = Lab("two-subnet")
    yield lab
    lab.end()


def processes_of(name: str) -> list[int]:
    """Every process whose words name the lab: its keeper, and QEMU by the lab's folder."""
    return [pid for pid in every_process() if any(f"/{name}/" in word or word == name for word in words_of(pid))]


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


def test_a_terminal_reaches_the_place(up: InMachine) -> None:
    ours, theirs = os.openpty()
    shell = subprocess.Popen(
        ("./inv", "exec", "--lab", up.name, "node-0", "--", "sh", "-c", "tty; read x; echo got $x; exit 3"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        start_new_session=True,
    )
    os.close(theirs)
    said = b""

    def heard(what: bytes) -> bool:
        nonlocal said
        said += os.read(ours, 4096)
        return what in said

    until(lambda: heard(b"/dev/pts/"), "the program says which terminal it has")
    os.write(ours, b"key\r")
    until(lambda: heard(b"got key"), "the program has read what was typed")
    assert shell.wait(30) == 3
    os.close(ours)


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
    from lab.agent import folder  # noqa: PLC0415

    return [one / name / "kubeconfig" for one in folder.candidates()]


def test_nothing_is_left_of_one_whose_keeper_is_killed(named: Lab) -> None:
    booting = start("up", "--topology", "two-subnet", "--lab", named.name, "--vm", "--kernel", os.environ[KERNEL])
    until(lambda: len(processes_of(named.name)) > 2, "QEMU runs")
    keeper = witness.holder(named.name)
    assert keeper is not None
    with Life(keeper.pid) as life:
        life.kill()
    assert "has ended" in finish(booting).refused(1)
    until(lambda: not processes_of(named.name), "QEMU has ended as well")


def test_down_ends_one_that_boots(named: Lab) -> None:
    booting = start("up", "--topology", "two-subnet", "--lab", named.name, "--vm", "--kernel", os.environ[KERNEL])
    until(lambda: len(processes_of(named.name)) > 2, "QEMU runs")
    assert "is booting" in inv("get", "pods", "--lab", named.name).refused(1)
    assert "down" in named.down().ok()
    assert "ended it while it booted" in finish(booting).refused(1)
    until(lambda: not processes_of(named.name), "QEMU has ended as well")


def test_a_machine_boots_for_nobody_who_has_gone(named: Lab) -> None:
    booting = start("up", "--topology", "two-subnet", "--lab", named.name, "--vm", "--kernel", os.environ[KERNEL])
    until(lambda: len(processes_of(named.name)) > 2, "QEMU runs")
    booting.send_signal(signal.SIGINT)
    booting.communicate()
    until(lambda: not processes_of(named.name), "it has ended with whoever asked for it")


def test_a_kernel_that_does_not_boot_is_told_with_its_last_words(named: Lab, tmp_path: Path) -> None:
    image = Path(os.environ[KERNEL])
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / image.name).write_bytes(image.read_bytes()[: 1 << 20])
    modules = tmp_path / "lib/modules" / image.name.removeprefix("vmlinuz-")
    modules.mkdir(parents=True)
    for name in ("modules.dep", "modules.builtin"):
        shutil.copy(image.parent.parent / "lib/modules" / modules.name / name, modules)
    told = inv("up", "--topology", "two-subnet", "--lab", named.name, "--vm", "--kernel", str(tmp_path)).refused(1)
    assert "virt" in told, told
    assert not processes_of(named.name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--share", "/tmp"), "cannot write your files"),
        (("--privileged",), "the machine is the wall"),
        (("--kernel", "/nowhere/vmlinuz-1"), "there is nothing there"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_boots(named: Lab, options: tuple[str, ...], words: str) -> None:
    told = inv("up", "--topology", "two-subnet", "--lab", named.name, "--vm", *options)
    assert words in told.refused(2)
