"""`exec` and `shell`: programs inside the lab."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab.agent.client import calls
from lab.agent.client.client import Client
from lab.errors import UsageError
from lab.network.place_names import UNDERLAY
from lab.tasks.commandline.task import LAB, Context, Exit, command

if TYPE_CHECKING:
    from lab.kernel.cell.visitor import Visit

KILLED = 128 + signal.SIGKILL
_PLACE = {"place": "node-0, router, gateway, internet, namespace001/pod-0, or pod-0 where that is unambiguous."}


@command(
    positional=["place"],
    help={**LAB, **_PLACE, "env": "A variable for the command, NAME=VALUE; your own are not passed on."},
    iterable=["env"],
    rest="COMMAND…",
    enters=True,
)
def exec_(context: Context, place: str, lab: str = "", env: list[str] | None = None) -> None:
    """Run a command in a place. Its exit status is the command's."""
    if not context.rest:
        raise UsageError("which command?", f"./inv exec {place} -- ip route")
    variables = dict(_variable(one) for one in env or ())
    with calls.connect(lab or None) as connected:
        raise Exit(code=_run(connected, connected.visit(place), context.rest, variables))


def _variable(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals or "\0" in given:
        raise UsageError(f"--env {given}: not a variable", "such as --env LC_ALL=C")
    return name, value


@command(positional=["place"], help={**LAB, **_PLACE}, enters=True)
def shell(_: Context, place: str = UNDERLAY, lab: str = "") -> None:
    """A shell in a place; without one, in the sandbox itself, where `ip netns exec node-0 …` works."""
    from lab.kernel.host import packages, tools  # noqa: PLC0415  as above

    argv = ["bash", "--norc"] if shutil.which("bash") else ["sh"]
    with calls.connect(lab or None) as connected:
        where = connected.visit(place)
        prompt = f"[{connected.lab} {where.place}] \\w\\$ "
        told = tools.handler(packages.family(), root=os.geteuid() == 0)
        raise Exit(code=_run(connected, where, argv, {"PS1": prompt, **told}))


def _run(connected: Client, where: Visit, argv: Sequence[str], extra: Mapping[str, str]) -> int:
    """The program's status. LabError when it was killed by the end of the lab."""
    from lab.kernel.cell import visitor  # noqa: PLC0415  as in client

    status = visitor.run(where, argv, extra)
    if status == KILLED:
        connected.require_lab()
    return status
