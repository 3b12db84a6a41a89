"""`up --vm`: a lab in a virtual machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lab.agent.presence import folder
from lab.errors import UsageError
from lab.kernel.sandbox import confinement
from lab.tasks import lifetime
from lab.vm import kernels, machine, spawn
from lab.vm.options import Options
from lab.vm.presence import kernel_of

if TYPE_CHECKING:
    from lab.agent.client.spawn import Started
    from lab.tasks.topologies import Source

MODULES = "HOPLAB_VM_MODULES"
"""The variable that names further modules for the machine's kernel."""
_KUBECONFIG_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.02


def wanted(kernel: str, share: Sequence[str], limit: Sequence[str], *, privileged: bool) -> Options:
    """What is asked for. UsageError for what a machine of its own cannot have, MachineError when there can be none."""
    if privileged:
        raise UsageError("--privileged says nothing with --vm", "inside, labs are privileged: the machine is the wall")
    machine.require()
    confined = confinement.Confinement(True, confinement.shared(share), confinement.limits(limit))
    modules = tuple(os.environ.get(MODULES, "").replace(",", " ").split())
    return Options(kernels.find(kernel), machine.Size(), confined.to_json(), modules)


def bring_up(name: str, source: Source, settings: list[str], options: Options, *, leftovers: bool = False) -> None:
    """`up` of a lab that is, or comes to be, in a machine of its own. UsageError when it runs without one."""
    running = name in folder.running()
    if running and not kernel_of(name):
        raise UsageError(f"lab {name!r} runs without --vm", "a lab stays where it is for its whole life: down, then up")

    def begin(say: Callable[[str], None]) -> Started | None:
        return spawn.start(name, options, say)

    confined = confinement.Confinement.from_json(options.confinement)
    said = confined if confined.shared or confined.limits.named else None
    lifetime.bring_up(name, source, settings, said, begin, leftovers=leftovers)
    end = time.monotonic() + _KUBECONFIG_SECONDS
    while not (folder.of(name) / folder.KUBECONFIG).exists() and time.monotonic() < end:
        time.sleep(_LOOK_EVERY_SECONDS)
