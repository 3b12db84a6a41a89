"""Filters in tcpdump's language, compiled by tcpdump itself."""

from __future__ import annotations

import subprocess

from lab.errors import MachineError, UsageError
from lab.kernel.netlink.socketfilter import Instruction


def compiled(expression: str) -> tuple[Instruction, ...]:
    """The classic BPF program (code, true, false, k) of a filter. UsageError in tcpdump's words when it is wrong."""
    argv = ["tcpdump", "-y", "EN10MB", "-ddd", "--", expression]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MachineError("filters need tcpdump, which is not installed", "apt-get install tcpdump") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it is not a filter"]
        raise UsageError(f"the filter {expression!r}: {said[0].removeprefix('tcpdump: ')}", "man 7 pcap-filter")
    numbers = [tuple(int(word) for word in line.split()) for line in done.stdout.splitlines()[1:]]
    return tuple((code, true, false, k) for code, true, false, k in numbers)
