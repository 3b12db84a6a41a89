"""`doctor`: what is wrong with a lab, whom it affects, and what mends it."""

from __future__ import annotations

import json as json_module
import select
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent.client import calls
from lab.errors import UsageError
from lab.tasks.commandline import outputs
from lab.tasks.commandline.task import LAB, Context, Exit, command

if TYPE_CHECKING:
    from lab.agent.client.client import Client
    from lab.doctor.examination import Examination
    from lab.doctor.finding import Finding

FOUND = 3
MOST_MENDED = 5  # one after the other
EVERY_SECONDS = 2.0


@command(
    help={
        **LAB,
        "json": "Write what was found as JSON to this file; - is standard output, and nothing else goes there.",
        "fix": "Run the commands that mend the worst, and look again, until nothing is left to mend.",
        "watch": "Go on until Ctrl-C, and tell what breaks and what heals.",
    },
    enters=True,
)
def doctor(_: Context, json: str = "", fix: bool = False, watch: bool = False, lab: str = "") -> None:
    """Ask what should work, trace what does not, and tell what is wrong. Status 0 healthy, 3 something was found."""
    from lab.doctor.examination import examine  # noqa: PLC0415  no other task looks at all of a lab

    if watch and (json or fix):
        raise UsageError("--watch goes on by itself", "without --json and --fix")
    with outputs.opened(json=json) as opened, calls.connect(lab or None) as connected:
        if watch:
            _watch(connected)
        found = examine(connected)
        if not opened.on_standard:
            _show(found)
        for _round in range(MOST_MENDED if fix else 0):
            if not any(one.fix for one in found.findings):
                break
            _mend(connected, next(one for one in found.findings if one.fix))
            found = examine(connected)
            terminal.out("")
            _show(found)
        opened.write_text("json", f"{json_module.dumps(found.to_json(), indent=1)}\n")
    if not found.healthy:
        raise Exit(code=FOUND)


def _show(found: Examination) -> None:
    from lab.doctor.report import told  # noqa: PLC0415

    for line in told(found):
        terminal.out(line)


def _mend(connected: Client, one: Finding) -> None:
    """The commands of the worst one: what else was found may have gone with it."""
    from lab.trace.repair import mend  # noqa: PLC0415

    terminal.out("")
    for ran in mend(connected.visit, one.fix, connected.lab, say=terminal.out):
        if ran.status:
            terminal.out(f"it ended with status {ran.status}")
    connected.request("settled")  # what a kubectl has changed


def _watch(connected: Client) -> None:
    """Until Ctrl-C."""
    from lab.doctor.examination import examine  # noqa: PLC0415
    from lab.doctor.report import brief, told  # noqa: PLC0415

    known: dict[tuple[str, ...], Finding] = {}
    first = True
    while True:
        found = examine(connected)
        now = {one.key: one for one in found.findings}
        if first:
            for line in told(found):
                terminal.out(line)
        for key in now.keys() - known.keys() if not first else ():
            terminal.out(f"broken  {brief(now[key])}")
        for key in known.keys() - now.keys():
            terminal.out(f"healed  {brief(known[key])}")
        terminal.flush()
        known, first = now, False
        select.select([], [], [], EVERY_SECONDS)
