"""The programs that run in places: pods' commands, DNS servers in their containers, the internet's resolver."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab.errors import KernelError
from lab.kernel import interpreter, logfile
from lab.kernel.namespaces import Namespaces
from lab.kernel.outputs import Outputs
from lab.network.objects import Key, Process, netns_name
from lab.network.oci import RUNTIME, STATES, signal_command

LOGS = Path("/run/hoplab/log")
BUILT_IN = "built-in"  # the name of the built-in server's log of a pod
END_SECONDS = 2.0


@dataclass(slots=True)
class _Started:
    process: Process
    running: subprocess.Popen[bytes]
    told: bool = False  # that it has ended


class Processes:
    """What was started and still lives. All of it ends with the sandbox, whatever happens to the agent."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._started: dict[Key, _Started] = {}
        self._outputs = Outputs()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids inside the sandbox, by "place name"."""
        return {f"{s.process.place} {s.process.name}": s.running.pid for s in self._alive()}

    def _alive(self) -> list[_Started]:
        return [started for started in tuple(self._started.values()) if started.running.poll() is None]

    def read(self) -> tuple[Process, ...]:
        """The programs that are alive, as they were asked for."""
        return tuple(started.process for started in self._alive())

    def ended(self) -> list[tuple[Process, int]]:
        """The programs that have ended by themselves since this was last asked, and how: a status, or a signal's
        number below zero.
        """
        found = []
        for started in tuple(self._started.values()):
            status = started.running.poll()
            if status is not None and not started.told:
                started.told = True
                found.append((started.process, status))
        return found

    def restart(self, process: Process) -> None:
        """End it if it lives, and run it anew."""
        self.stop(process)
        self.start(process)

    def ask_to_end(self, place: str) -> bool:
        """Send what runs in the place its stop signal, without waiting. Whether anything does."""
        alive = [started for started in self._alive() if started.process.place == place]
        for started in alive:
            started.running.send_signal(signal.Signals[started.process.stop_signal])
        return bool(alive)

    def forget(self, place: str) -> None:
        """The place is gone, and with it all that was said there."""
        for key in [key for key, started in self._started.items() if started.process.place == place]:
            del self._started[key]
        logfile.remove_all(str(_folder(place)))

    def is_entering(self, process: Process) -> bool:
        """Whether it is still on the way into its place: the program itself has not begun."""
        started = self._started.get(process.key)
        if started is None or started.running.poll() is not None:
            return False
        return b"\0lab.kernel.enter\0" in Path(f"/proc/{started.running.pid}/cmdline").read_bytes()

    def ended_places(self) -> frozenset[str]:
        """Where something that was started, and not stopped, is no more."""
        return frozenset(s.process.place for s in tuple(self._started.values()) if s.running.poll() is not None)

    def start(self, process: Process) -> None:
        """Run it in its place; what it prints goes to a log of its own, and that of the one before it is put aside."""
        argv = list(process.argv)
        if process.container:
            # The OCI runtime enters the namespaces itself; a container of that name may be left of one that died.
            self._forget_container(process)
        else:
            argv = interpreter.command("lab.kernel.enter", process.place, *argv)
        self._outputs.catch_up()
        logfile.put_aside(str(log(process)))
        output = self._outputs.into(str(log(process)))
        try:
            running = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=interpreter.environment()
            )
        finally:
            os.close(output)
        self._started[process.key] = _Started(process, running)

    def reload(self, process: Process) -> None:
        """Have the program that runs read its configuration again; from now on it counts as this one."""
        started = self._started[process.key]
        if process.container:
            # The container's first process is another one than the runtime, which stays with it.
            told = subprocess.run(
                signal_command(process.place, process.reload_signal), capture_output=True, text=True, check=False
            )
            if told.returncode != 0:
                raise KernelError(
                    f"{process.place}: {process.name} cannot be told to read its configuration: {told.stderr.strip()}",
                    f"by hand in `./inv shell`: {' '.join(signal_command(process.place, process.reload_signal))}",
                )
        else:
            started.running.send_signal(signal.Signals[process.reload_signal])
        started.process = process

    def stop(self, process: Process) -> None:
        """End it, by its process id: asked first, then killed."""
        started = self._started.pop(process.key, None)
        if started is None or started.running.poll() is not None:
            return
        # A container's runtime hands it on to the program.
        started.running.send_signal(signal.Signals[started.process.stop_signal])
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
        said = self.last_words(process, 3)
        told = f"{process.place}: {process.name} ended at once with status {started.running.returncode}"
        raise KernelError(": ".join([told, *said]), "by hand: " + " ".join(process.argv))

    def last_words(self, process: Process, lines: int) -> list[str]:
        """The last lines that it has printed until now."""
        self._outputs.catch_up()
        return logfile.last_lines(str(log(process)), lines)

    def said(self, place: str, lines: int) -> dict[str, list[tuple[str, str]]]:
        """The last lines of every program that was started in the place, with their times, by the program's name."""
        self._outputs.catch_up()
        names = [started.process.name for started in tuple(self._started.values()) if started.process.place == place]
        return {name: logfile.last_said(str(log_path(place, name)), lines) for name in names}

    def _forget_container(self, process: Process) -> None:
        state = Path(STATES, netns_name(process.place))
        if state.exists():
            command = [*RUNTIME, "delete", "--force", netns_name(process.place)]
            deadline = time.monotonic() + END_SECONDS
            while state.exists() and time.monotonic() < deadline:
                subprocess.run(command, capture_output=True, check=False)


def log(process: Process) -> Path:
    """Where its output goes, inside the sandbox."""
    return log_path(process.place, process.name)


def log_path(place: str, name: str) -> Path:
    """Where what the program of that name in that place says is kept, inside the sandbox."""
    return _folder(place) / f"{name}.log"


def _folder(place: str) -> Path:
    return LOGS / netns_name(place)
