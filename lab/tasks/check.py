"""`check`: what this machine and its kernel can do, and what needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import terminal
from lab.tasks.commandline.task import Context, Exit, command

if TYPE_CHECKING:
    from lab.kernel.check.abilities import Finding


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


@command(
    help={
        "vm": "Instead: what the kernel of a virtual machine would give (`up --vm`).",
        "kernel": "Of --vm: the kernel's image, or a folder that has one in boot.",
    }
)
def check(_: Context, vm: bool = False, kernel: str = "") -> None:
    """Show what this machine and its kernel can do, and what needs it. Status 1 if a lab could not be built."""
    from lab.kernel.check import abilities  # noqa: PLC0415  # 12 ms that only this task needs

    if vm or kernel:
        from lab.vm import kernels  # noqa: PLC0415  # as above
        from lab.vm import machine as virtual  # noqa: PLC0415

        virtual.require()
        found = kernels.find(kernel)
        terminal.out(
            f"a virtual machine with {found.image} ({'KVM is tried first' if virtual.may_use_kvm() else 'emulated'}):"
        )
        findings = abilities.of_kernel(found.modules)
    else:
        findings = abilities.check()
    terminal.data(render(findings))
    if any(finding.required and not finding.ok for finding in findings):
        raise Exit(code=1)
