"""Labs in virtual machines, as a person has them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

from lab.vm import kernels, machine
from tests.integration.labs import ROOT, Done, Lab, environment, every_process, finish, start
from tests.integration.labs import command_line as words_of

KERNEL = "HOPLAB_TEST_KERNEL"
"""The variable that says which kernel is to be booted."""
FURTHER = "ip_gre,sit"
"""Modules whose devices nobody has asked for."""
BOOT_SECONDS = 400.0  # a machine's patience: emulated, beside whatever else runs here
_VERDICTS = (0, 3)
_SCHEMA = json.loads((ROOT / "docs" / "trace-v2.schema.json").read_text(encoding="utf-8"))


class InMachine:
    """A lab that comes up in a machine of its own with its first `up`."""

    def __init__(self, lab: Lab, kernel: str) -> None:
        self._lab = lab
        self._kernel = kernel
        self.name = lab.name

    def up(self, *options: str, topology: str = "two-subnet") -> Done:
        """`up --vm`, with a machine's patience."""
        words = ("up", "--topology", topology, "--lab", self.name, "--vm", "--kernel", self._kernel, *options)
        return finish(start(*words, extra={"HOPLAB_VM_MODULES": FURTHER}), seconds=BOOT_SECONDS)

    def exec_(self, place: str, *command: str, given: str = "") -> Done:
        """A command inside."""
        return finish(start("exec", "--lab", self.name, place, "--", *command), given, BOOT_SECONDS)

    def trace(self, source: str, target: str, *options: str) -> dict[str, Any]:
        """The journey as JSON, whatever became of the request."""
        words = ("trace", "--from", source, "--to", target, "--json", "-", "--lab", self.name, *options)
        done = finish(start(*words), seconds=BOOT_SECONDS)
        assert done.status in _VERDICTS, str(done)
        told: dict[str, Any] = json.loads(done.out)
        Draft202012Validator(_SCHEMA).validate(told)
        return told

    def end(self) -> None:
        """It is taken down, whatever has become of it."""
        self._lab.end()


def processes_of(name: str) -> list[int]:
    """Every process whose words name the lab: its keeper, and QEMU by the lab's folder."""
    return [pid for pid in every_process() if any(f"/{name}/" in word or word == name for word in words_of(pid))]


def console_of(folder: Path, *argv: str) -> str:
    """What a machine says on its console that runs the command itself, as its root, and no lab around it."""
    kernel = kernels.find(os.environ[KERNEL])
    words = machine.command(kernel, machine.Size(), folder, argv, kvm=False)
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=2 * BOOT_SECONDS,
        env=environment(),
        cwd="/",
    )
    said = (folder / machine.CONSOLE).read_text(encoding="utf-8", errors="replace").replace("\r", "")
    assert done.returncode == 0, f"{done.stderr.decode()}\n{said}"
    return said
