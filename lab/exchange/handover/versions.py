"""What a bundle was made with: Hoplab, the kernel, and the programs that a lab needs, each as it says itself."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata

from lab import printable

PROGRAMS = (
    ("iptables", "--version"),
    ("nft", "--version"),
    ("ip", "-V"),
    ("ipset", "--version"),
    ("dnsmasq", "--version"),
    ("crun", "--version"),
)
SECONDS = 5.0
MISSING = "not there"


def hoplab() -> str:
    """The version of this package, "" where nobody installed it."""
    try:
        return metadata.version("hoplab")
    except metadata.PackageNotFoundError:
        return ""


def versions() -> dict[str, str]:
    """By name; the first line of what a program says."""
    system = platform.uname()
    found = {
        "hoplab": hoplab() or "a checkout",
        "kernel": f"{system.system} {system.release} {system.machine}",
        "python": platform.python_version(),
    }
    return found | {argv[0]: _said(argv) for argv in PROGRAMS}


def _said(argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return MISSING
    lines = (done.stdout or done.stderr).splitlines()
    return printable.line(lines[0])[:200] if lines else MISSING
