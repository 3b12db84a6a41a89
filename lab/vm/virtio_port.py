"""The inner end of a virtual machine's line, as it is found in there; and how a module of its kernel is loaded."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

NAME = "hoplab.line"
"""Of the port."""
AGENT, API, COMMAND = "agent", "api", "command"
"""Whom streams are opened to: the lab's agent, its API server, or a command that is to run inside."""
MODPROBE = "/run/modprobe"
"""Loads a module of the kernel that runs: its modules are not in /lib/modules inside."""


def device() -> str:
    """The device of our port: nobody links it by its name in there. FileNotFoundError when there is none."""
    subprocess.run((MODPROBE, "-q", "virtio_console"), check=False)
    for named in Path("/sys/class/virtio-ports").glob("*/name"):
        if named.read_text(encoding="ascii").strip() == NAME:
            return f"/dev/{named.parent.name}"
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), NAME)
