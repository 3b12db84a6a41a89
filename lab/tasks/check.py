"""`check`: what this machine and its kernel can do, and what needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import terminal
from lab.tasks.command import Context, Exit, command

if TYPE_CHECKING:
    from lab.kernel.machine import Finding


def render(findings: tuple[Finding, ...]) -> str:
    """A line for each finding: whether it is there, its name, what needs it and, if it is missing, how to get it."""
    wide = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mark = "ok" if finding.ok else "MISSING" if finding.required else "absent"
        lines.append(f"{mark:<7}  {finding.name:<{wide}}  {finding.needed_for}")
        if finding.how_to_get:
            lines.append(f"{'':<{wide + 11}}{finding.how_to_get}")
    return "\n".join(lines) + "\n"


@command
def check(_: Context) -> None:
    """Show what this machine and its kernel can do, and what needs it. Status 1 if a lab could not be built."""
    from lab.kernel import machine  # noqa: PLC0415  # 12 ms that only this task needs

    findings = machine.check()
    terminal.data(render(findings))
    if any(finding.required and not finding.ok for finding in findings):
        raise Exit(code=1)
