"""`component.list`, `component.stop`, `component.start`: programs of the cluster, switched off and on by hand."""

from __future__ import annotations

import json as json_module
import time

from lab import terminal
from lab.agent.client import calls
from lab.tasks.commandline.task import LAB, Context, command

ON = "The node, or the DNS server's pod; without it wherever there is one."


@command(name="component.list", help={**LAB, "json": "As JSON."})
def component_list(_: Context, lab: str = "", json: bool = False) -> None:
    """The components that can be stopped, where each runs, and which somebody has stopped."""
    with calls.connect(lab or None) as connected:
        found = connected.request("components")
    if json:
        terminal.out(json_module.dumps(found, indent=1))
        return
    now = time.time()
    rows = [
        (one["name"], one["place"], f"stopped, {terminal.age(now - one['since'])}" if one["since"] else "running")
        for one in found
    ]
    terminal.out(terminal.table(("NAME", "ON", "STATE"), rows))
    terminal.out("\nwhile it is stopped:")
    for name, stopped in {one["name"]: one["stopped"] for one in found}.items():
        terminal.out(f"  {name}: {stopped}")


@command(name="component.stop", positional=["name"], help={**LAB, "name": "As `component.list` has it.", "on": ON})
def component_stop(_: Context, name: str, on: str = "", lab: str = "") -> None:
    """Stop a component as if it had died on its node. Nothing heals that but `component.start`: `up` keeps it."""
    _switch(name, on, lab, running=False)


@command(name="component.start", positional=["name"], help={**LAB, "name": "As `component.list` has it.", "on": ON})
def component_start(_: Context, name: str, on: str = "", lab: str = "") -> None:
    """Start it again. Ends when it has caught up with all that it missed."""
    _switch(name, on, lab, running=True)


def _switch(name: str, on: str, lab: str, *, running: bool) -> None:
    with calls.connect(lab or None) as connected:
        changed = connected.request("switch", name=name, on=on, running=running)
    word = "started" if running else "stopped"
    for where in changed:
        terminal.out(f"{where}: {word}")
    if not changed:
        terminal.out(f"{name}: nothing to do, it {'runs' if running else 'is stopped'} already")
