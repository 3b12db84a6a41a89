"""Labs in virtual machines, as a person has them."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.labs import Done, Lab, finish, inv, start

KERNEL = "HOPLAB_TEST_KERNEL"
"""The variable that says which kernel is to be booted."""
FURTHER = "ip_gre,sit"
"""Modules whose devices nobody has asked for."""
_BOOT_SECONDS = 400.0
_VERDICTS = (0, 3)


class InMachine:
    """A lab that comes up in a machine of its own with its first `up`."""

    def __init__(self, lab: Lab, kernel: str) -> None:
        self._lab = lab
        self._kernel = kernel
        self.name = lab.name

    def up(self, *options: str, topology: str = "two-subnet") -> Done:
        """`up --vm`, with a machine's patience."""
        words = ("up", "--topology", topology, "--lab", self.name, "--vm", "--kernel", self._kernel, *options)
        return finish(start(*words, extra={"HOPLAB_VM_MODULES": FURTHER}), seconds=_BOOT_SECONDS)

    def exec_(self, place: str, *command: str, given: str = "") -> Done:
        """A command inside."""
        return inv("exec", "--lab", self.name, place, "--", *command, given=given)

    def trace(self, source: str, target: str, *options: str) -> dict[str, Any]:
        """The journey as JSON, whatever became of the request."""
        done = inv("trace", "--from", source, "--to", target, "--json", "-", "--lab", self.name, *options)
        assert done.status in _VERDICTS, str(done)
        told: dict[str, Any] = json.loads(done.out)
        return told

    def end(self) -> None:
        """Nothing of it is left."""
        self._lab.end()
