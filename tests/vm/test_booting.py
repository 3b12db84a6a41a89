"""A lab's machine that boots: nothing of it is left, however that ends, and what cannot be is told."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent.presence import witness
from lab.kernel.sandbox.life import Life
from tests.integration.labs import Lab, finish, inv, start, until
from tests.vm.labs import KERNEL, processes_of


@pytest.fixture
def named() -> Iterator[Lab]:
    """A lab that is not there yet."""
    lab = Lab("two-subnet")
    yield lab
    lab.end()


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
        (("--share", "/nowhere"), "there is no such folder"),
        (("--privileged",), "the machine is the wall"),
        (("--kernel", "/nowhere/vmlinuz-1"), "there is nothing there"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_boots(named: Lab, options: tuple[str, ...], words: str) -> None:
    told = inv("up", "--topology", "two-subnet", "--lab", named.name, "--vm", *options)
    assert words in told.refused(2)
