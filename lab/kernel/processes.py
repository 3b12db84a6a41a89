"""The programs that run in places: pods' commands, DNS servers in their containers, the internet's resolver."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab.errors import KernelError
from lab.kernel import interpreter
from lab.kernel.namespaces import Namespaces
from lab.network.objects import Key, Process, netns_name
from lab.network.oci import RUNTIME, STATES

LOGS = Path("/run/hoplab/log")
END_SECONDS = 2.0


@dataclass(slots=True)
class _Started:
    process: Process
    running: subprocess.Popen[bytes]


class Processes:
    """What was started and still lives. All of it ends with the sandbox, whatever happens to the agent."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._started: dict[Key, _Started] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids inside the sandbox, by "place name"."""
        return {f"{s.process.place} {s.process.name}": s.running.pid for s in self._alive()}

    def _alive(self) -> list[_Started]:
        return [started for started in tuple(self._started.values()) if started.running.poll() is None]

    def read(self) -> tuple[Process, ...]:
        """The programs that are alive, as they were asked for."""
        return tuple(started.process for started in self._alive())

    def is_entering(self, process: Process) -> bool:
        """Whether it is still on the way into its place: the program itself has not begun."""
        started = self._started.get(process.key)
        if started is None or started.running.poll() is not None:
            return False
        return b"\0lab.kernel.enter\0" in Path(f"/proc/{started.running.pid}/cmdline").read_bytes()

    def ended_places(self) -> frozenset[str]:
        """Where something that was started, and not stopped, is no more."""
        return frozenset(s.process.place for s in self._started.values() if s.running.poll() is not None)

    def start(self, process: Process) -> None:
        """Run it in its place; what it prints goes to its log."""
        argv = list(process.argv)
        if process.container:
            # The OCI runtime enters the namespaces itself; a container of that name may be left of one that died.
            self._forget_container(process)
        else:
            argv = interpreter.command("lab.kernel.enter", process.place, *argv)
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(log(process), "ab") as output:
            running = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=interpreter.environment()
            )
        self._started[process.key] = _Started(process, running)

    def stop(self, process: Process) -> None:
        """End it, by its process id: asked first, then killed."""
        started = self._started.pop(process.key, None)
        if started is None or started.running.poll() is not None:
            return
        started.running.send_signal(signal.SIGTERM)
        try:
            started.running.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            started.running.kill()
            started.running.wait()

    def require_alive(self, process: Process) -> None:
        """KernelError with the last lines it printed, if it ended."""
        started = self._started.get(process.key)
        if started is None or started.running.poll() is None:
            return
        said = log(process).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        told = f"{process.place}: {process.name} ended at once with status {started.running.returncode}"
        raise KernelError(": ".join([told, *said]), "by hand: " + " ".join(process.argv))

    def _forget_container(self, process: Process) -> None:
        state = Path(STATES, netns_name(process.place))
        if state.exists():
            command = [*RUNTIME, "delete", "--force", netns_name(process.place)]
            deadline = time.monotonic() + END_SECONDS
            while state.exists() and time.monotonic() < deadline:
                subprocess.run(command, capture_output=True, check=False)


def log(process: Process) -> Path:
    """Where its output goes, inside the sandbox."""
    return LOGS / f"{netns_name(process.place)}.{process.name}.log"
