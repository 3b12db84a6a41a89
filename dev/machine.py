"""Tests in a virtual machine with a distribution's own kernel: `./inv test --vm`."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dev import ROOT
from lab.errors import MachineError
from lab.vm import kernels, machine

TESTS = "tests/vm"
SIZE = machine.Size(memory=4096, processors=2)
STATUS = b"\0status "
"""What is said last: pytest's exit status follows, and a line's end."""
_CONNECT_SECONDS = 10.0


def run(arguments: Sequence[str], kernel: str = "") -> int:
    """pytest with these arguments inside, its words on standard output; gives its exit status."""
    machine.require()
    found = kernels.find(kernel)
    argv = [sys.executable, "-m", "dev.inside", *arguments]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hoplab-vm-") as made:
        folder = Path(made)
        print(f"--- tests, in a virtual machine with Linux {found.release} (emulated)", flush=True)
        process = machine.start(machine.command(found, SIZE, folder, argv, kvm=False, shown=(str(ROOT),)))
        try:
            with _connected(process, folder) as line:
                status = _relay(line)
        finally:
            process.kill()
            process.wait()
        if status is None:
            console = (folder / machine.CONSOLE).read_text(encoding="utf-8", errors="replace")
            print("the machine ended before the tests did; its console:", *console.splitlines()[-30:], sep="\n  ")
            return 1
    print(f"{time.monotonic() - began:.0f} s, of which booting is a part")
    return status


def _connected(process: subprocess.Popen[bytes], folder: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            line.connect(str(folder / machine.LINE))
        except OSError as error:
            if process.poll() is None and time.monotonic() < end:
                select.select([], [], [], 0.02)
                continue
            raise MachineError(f"QEMU does not start: {error.strerror}", "is there enough memory?") from error
        return line


def _relay(line: socket.socket) -> int | None:
    """None when it ends without a status."""
    said = b""
    while piece := line.recv(65536):
        said += piece
        told, found, rest = said.partition(STATUS)
        os.write(1, told)
        if found and rest.endswith(b"\n"):
            return int(rest)
        said = found + rest
    return None
