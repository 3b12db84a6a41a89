"""`export`, `bundle`, `replay`: a running lab handed over to somebody else."""

from __future__ import annotations

from lab import terminal
from lab.agent.client import calls
from lab.tasks.commandline import outputs
from lab.tasks.commandline.task import LAB, Context, command


@command(help={**LAB, "output": "Write to this file instead of standard output."})
def export(_: Context, output: str = "", lab: str = "") -> None:
    """Write the running lab whole, as one topology's file: objects, faults, and what was changed by hand."""
    from lab.exchange.handover.export import export as exported  # noqa: PLC0415  no other task needs it

    with outputs.opened(output=output or outputs.STANDARD) as opened, calls.connect(lab or None) as connected:
        found = exported(connected)
        opened.write_text("output", found.text)
    for warning in found.warnings:
        terminal.warn(f"warning: {warning}")
