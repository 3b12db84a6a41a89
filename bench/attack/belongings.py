"""What a lab has on the machine, found without asking it: processes by a mark in their environment, and by descent."""

from __future__ import annotations

import os
from pathlib import Path

MARK = "HOPLAB_ATTACK"  # in the environment of whatever a command of the attacked lab starts


def processes(mark: str) -> dict[int, str]:
    """All that live: marked ones, all in their PID namespaces, and all below these; with their command lines."""
    wanted = f"{MARK}={mark}".encode()
    everyone = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    found = {pid for pid in everyone if wanted in _read(pid, "environ").split(b"\0")}
    spaces = {_link(pid) for pid in found} - {_link(os.getpid()), ""}
    found |= {pid for pid in everyone if spaces and _link(pid) in spaces}
    parents = {pid: _parent(pid) for pid in everyone}
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    told = {pid: _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip() for pid in sorted(found)}
    return {pid: words for pid, words in told.items() if words and pid != os.getpid()}


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _link(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0
