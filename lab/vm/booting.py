"""Booting a lab's virtual machine, and what is said of one that does not come up."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError, MachineError
from lab.kernel.sandbox.confinement import Confinement
from lab.vm import machine
from lab.vm.options import Options

_SIGN_SECONDS = 15.0
"""so long a machine with KVM may say nothing: stock guests do not run with every KVM"""
_LOOK_EVERY_SECONDS = 0.02
_LAST_LINES = 12


class _UnstartedError(Exception):
    """QEMU ended at once. With KVM that may be KVM's fault."""


@dataclass(frozen=True, slots=True)
class Boot:
    """Of one lab, with what is its own of the machine in `folder`."""

    lab: str
    options: Options
    folder: Path

    @contextlib.contextmanager
    def line(self, say: Callable[[str], None], is_awaited: Callable[[], bool]) -> Iterator[socket.socket]:
        """The line to a machine that shows signs of life; it ends at the end. `say` is told how it is tried. LabError
        when it does not run, MachineError when QEMU does not.
        """
        for kvm in (True, False) if machine.may_use_kvm() else (False,):
            say(f"kernel {self.options.kernel.release}, {'with KVM' if kvm else 'emulated'}")
            process = self._start(kvm=kvm)
            try:
                with self._connected(process) as line:
                    if not kvm or self._shows_life(process, is_awaited):
                        yield line
                        return
            except _UnstartedError as error:
                if not kvm:
                    raise MachineError(str(error)) from error
            finally:
                process.kill()
                process.wait()
        raise self.not_up("does not run")

    def not_up(self, what: str) -> LabError:
        """That, and the end of what its console says."""
        try:
            text = (self.folder / machine.CONSOLE).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        lines = [line for line in text.splitlines() if line.strip()][-_LAST_LINES:]
        said = "; the last that its console says:\n  " + "\n  ".join(lines) if lines else ""
        return LabError(f"the virtual machine of lab {self.lab!r} {what}{said}", "another kernel may: --kernel")

    def _start(self, *, kvm: bool) -> subprocess.Popen[bytes]:
        for name in (machine.CONSOLE, machine.INITRAMFS, machine.LINE):
            (self.folder / name).unlink(missing_ok=True)
        options = self.options
        inside = [sys.executable, "-m", "lab.guest", self.lab, options.confinement, *options.modules]
        shared = Confinement.from_json(options.confinement).shared
        return machine.start(machine.command(options.kernel, options.size, self.folder, inside, shared, kvm=kvm))

    def _connected(self, process: subprocess.Popen[bytes]) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end = time.monotonic() + _SIGN_SECONDS
        while True:
            try:
                line.connect(str(self.folder / machine.LINE))
            except OSError as error:
                if process.poll() is None and time.monotonic() < end:
                    time.sleep(_LOOK_EVERY_SECONDS)
                    continue
                raise _UnstartedError(f"QEMU does not start: {_last_words(process) or error.strerror}") from error
            return line

    def _shows_life(self, process: subprocess.Popen[bytes], is_awaited: Callable[[], bool]) -> bool:
        end = time.monotonic() + _SIGN_SECONDS
        console = self.folder / machine.CONSOLE
        while process.poll() is None and time.monotonic() < end and is_awaited():
            if console.exists() and b"Linux version" in console.read_bytes()[:4096]:
                return True
            time.sleep(_LOOK_EVERY_SECONDS)
        return False


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """What it said of itself; "" while it lives."""
    if process.poll() is None or process.stderr is None:
        return ""
    return process.stderr.read().decode(errors="replace").strip()[-400:]
