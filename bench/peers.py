"""What a pod is measured beside: the C floor, compiled here and now, and Mininet where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

from bench import ROOT

# Namespaces that end with the process in them, for whoever may make user namespaces; root may anyway.
SANDBOX = ("unshare", "-Urnmpf", "--mount-proc", "--kill-child")
SYSTEM_PYTHON = "/usr/bin/python3"  # a distribution's Mininet is for the distribution's Python
MOST_OF_MININET = 100  # at 20 to 100 ms a pod, more would take longer than all the rest
SETTLE_PODS, SETTLE_SECONDS = 20, 60.0
IDLE_LOOK_SECONDS = 0.3
IDLE, IOWAIT = 3, 4  # in the first line of /proc/stat


class Floor:
    """floor.c: what the kernel itself charges for pods. Without a compiler or namespaces, `missing` says so."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "floor"
        self.missing = self._compile()
        self._idle = idle()
        self._calm = 0.0 if self.missing else min(self._run(SETTLE_PODS) for _ in range(3))

    def _compile(self) -> str:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            return "no C compiler"
        source = ROOT / "bench" / "floor.c"
        subprocess.run([compiler, "-O2", "-o", self._program, source], check=True)
        tried = subprocess.run([*SANDBOX, self._program, "1"], capture_output=True, text=True, check=False)
        return tried.stderr.strip()

    def _run(self, pods: int, nodes: int = 1) -> float:
        command = [*SANDBOX, str(self._program), str(pods), str(nodes)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(json.loads(done.stdout)["ms_per_pod"])

    def measure(self, pods: int, nodes: int) -> tuple[float, ...]:
        """Milliseconds per pod, once; nothing if it is missing."""
        if self.missing:
            return ()
        self.settle()
        return (self._run(pods, nodes),)

    def settle(self) -> None:
        """Wait until the processors have as little to do as at the beginning, and a few pods cost what they did then.

        The kernel takes namespaces apart after whoever used them has ended, for seconds after 1,000 pods and for half a
        minute after 10,000, and makes new ones slowly meanwhile.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if idle() >= 0.9 * self._idle and (not self._calm or self._run(SETTLE_PODS) <= 1.3 * self._calm):
                return


def idle() -> float:
    """The share of the processors' time in which they had nothing to do, just now (proc_stat(5))."""
    before = _spent()
    time.sleep(IDLE_LOOK_SECONDS)
    spent = [now - then for now, then in zip(_spent(), before, strict=True)]
    return (spent[IDLE] + spent[IOWAIT]) / max(1, sum(spent))


def _spent() -> list[int]:
    return [int(ticks) for ticks in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]]


class Mininet:
    """Hosts of Mininet, each with a link to one that plays the node. Without it, `missing` says so."""

    def __init__(self) -> None:
        asked = subprocess.run([SYSTEM_PYTHON, "-c", "import mininet.net"], capture_output=True, check=False)
        self.missing = "Mininet is not installed" if asked.returncode or not shutil.which("mnexec") else ""

    def measure(self, pods: int) -> tuple[float, ...]:
        """Milliseconds per host, once; nothing if it is missing."""
        script = str(ROOT / "bench" / "inside" / "mininet_hosts.py")
        done = subprocess.run([*SANDBOX, SYSTEM_PYTHON, script, str(pods)], check=False, capture_output=True, text=True)
        if done.returncode:
            self.missing = f"Mininet failed: {done.stderr.strip().rpartition(chr(10))[2]}"
            return ()
        return (float(json.loads(done.stdout)["ms"]) / pods,)
