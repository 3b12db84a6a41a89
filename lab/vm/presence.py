"""What of a lab in a virtual machine is in its folder, beside what every lab has there."""

from __future__ import annotations

from lab.agent.presence import folder

COMMANDS = "commands.sock"
"""Where commands are taken that run inside."""


def kernel_of(lab: str) -> str:
    """The release of the kernel of the lab's virtual machine; "" for a lab that has none."""
    try:
        return (folder.of(lab) / folder.MACHINE).read_text(encoding="ascii")
    except OSError:
        return ""
