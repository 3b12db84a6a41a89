"""`calicoctl`: what Calico's own tool says of the lab."""

from __future__ import annotations

from lab import terminal
from lab.agent.client import calls
from lab.tasks.commandline.task import LAB, Context, Exit, command


@command(help={**LAB, "on": "The node whose `node status` is meant; without it the first."}, rest="ARGUMENT…")
def calicoctl(context: Context, on: str = "", lab: str = "") -> None:
    """Calico's own tool: node status, get ippools|nodes|workloadendpoints, ipam show|check. Statuses as calicoctl's."""
    with calls.connect(lab or None) as connected:
        told = connected.request("calicoctl", typed=list(context.rest), on=on)
    terminal.data(told["out"])
    terminal.flush()
    if told["err"]:
        terminal.warn(told["err"].rstrip("\n"))
    raise Exit(code=told["status"])
