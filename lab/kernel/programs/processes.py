"""The programs that run in places: pods' commands, DNS servers in their containers, the internet's resolver."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from lab import spans
from lab.errors import KernelError
from lab.kernel.cell import cell
from lab.kernel.cell.cell import Cell
from lab.kernel.cell.launch import Launch
from lab.kernel.host import interpreter
from lab.kernel.programs import logfile, succession
from lab.kernel.programs.outputs import Outputs
from lab.kernel.programs.running import END_SECONDS, Started
from lab.kernel.programs.takeover import Takeover
from lab.kernel.sandbox import capabilities
from lab.kernel.sandbox.confinement import USUAL, Confinement
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.dns.oci import RUNTIME, STATES, run_command
from lab.network.objects import Key, Process
from lab.network.place_names import netns_name

LOGS = Path("/run/hoplab/log")
BUILT_IN = "built-in"  # the name of the built-in server's log of a pod
RETIRE_SECONDS = 2.0  # so long a server whose port another one has taken may answer what it was asked before


class Processes:
    """What was started and still lives. All of it ends with the sandbox, whatever happens to the agent."""

    def __init__(self, namespaces: Namespaces, confinement: Confinement = USUAL) -> None:
        self._confinement = confinement
        self.files_in: Callable[[str], Mapping[str, str]] = nothing_in
        self.is_outlived: Callable[[str], bool] = nobody_asks  # whether a place's logs stay when it goes
        self._outlived: set[str] = set()  # such places
        self._namespaces = namespaces
        self._started: dict[Key, Started] = {}
        self._coming: dict[Key, Started] = {}  # beside the one that runs, whose place they have not taken yet
        self._retiring: set[int] = set()
        self._generations = itertools.count(2)
        self._outputs = Outputs()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids inside the sandbox, by "place name"."""
        return {f"{s.process.place} {s.process.name}": s.pid for s in self._alive()}

    @property
    def children(self) -> frozenset[int]:
        """All that was started here and is waited for here, by process id."""
        coming = (started.pid for started in tuple(self._coming.values()))
        own = (started.pids for started in tuple(self._started.values()) if started.running.returncode is None)
        return frozenset({*coming, *tuple(self._retiring)}).union(*own)

    def _alive(self) -> list[Started]:
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

    def refusal(self, process: Process) -> str:
        """Why one that has ended never began; "" where it did."""
        started = self._started.get(process.key)
        return started.refusal if started else ""

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
        """The place is gone, and with it all that was said there, unless somebody may still ask for that."""
        for key in [key for key, started in self._started.items() if started.process.place == place]:
            del self._started[key]
        cell.end(place)
        self._outlived.add(place)
        self.let_go_of_logs()

    @property
    def has_old_logs(self) -> bool:
        """Whether there are logs of places that are gone for which nobody may ask any more."""
        return not all(map(self.is_outlived, tuple(self._outlived)))

    def let_go_of_logs(self) -> None:
        """Remove those. Before a place of such a name is made anew, whose programs have logs of their own."""
        for place in [place for place in self._outlived if not self.is_outlived(place)]:
            logfile.remove_all(str(_folder(place)))
            self._outlived.discard(place)

    def is_entering(self, process: Process) -> bool:
        """Whether it is still on the way into its place: the program itself has not begun."""
        started = self._started.get(process.key)
        return started is not None and started.running.poll() is None and started.is_entering

    def ended_places(self) -> frozenset[str]:
        """Where something that was started, and not stopped, is no more."""
        return frozenset(s.process.place for s in tuple(self._started.values()) if s.running.poll() is not None)

    def dead(self) -> tuple[Process, ...]:
        """What was started, and not stopped, and is no more."""
        return tuple(s.process for s in tuple(self._started.values()) if s.running.poll() is not None)

    def start(self, process: Process) -> None:
        """Run it in its place; what it prints goes to a log of its own, and that of the one before it is put aside."""
        name = netns_name(process.place)
        with spans.span(f"starting {process.name} in {process.place}"):
            if process.container:
                self._forget_container(name)  # one of that name may be left of a runtime that died
            self._started[process.key] = self._begin(process, process.argv)

    def _begin(self, process: Process, argv: tuple[str, ...], stdin: int = subprocess.DEVNULL) -> Started:
        self._outputs.catch_up()
        logfile.put_aside(str(log(process)))
        output = self._outputs.into(str(log(process)))
        try:
            if process.node:
                # What it wrote when it last ran, and whoever was with it, goes before it begins anew.
                cell.end(process.place)
                return Started(process, Launch(self._cell(process), argv, (stdin, output, output), process.environment))
            # The OCI runtime enters the namespaces itself.
            given = (word for variable in process.environment for word in ("--env", variable))
            entering = interpreter.command("lab.kernel.cell.enter", *given, process.place, *argv)
            running = subprocess.Popen(
                argv if process.container else entering,
                bufsize=0,
                stdin=stdin,
                stdout=output,
                stderr=output,
                env=interpreter.environment(),
            )
        finally:
            os.close(output)
        return Started(process, running)

    def _cell(self, process: Process) -> Cell:
        kept = capabilities.of(process.added, process.dropped)
        return Cell.within(self._confinement, process.place, process.node, kept, self.files_in)

    def reload(self, process: Process) -> None:
        """Have the program that runs read its configuration again; from now on it counts as this one. The signal has
        arrived when this returns: what the program is asked after that it answers from what it reads now.
        """
        started = self._started[process.key]
        started.process = process
        program = started.program
        if program:  # else it has just died, and will read the same when it is started anew
            with suppress(ProcessLookupError):
                os.kill(program, signal.Signals[process.reload_signal])

    def succeed(self, process: Process) -> Takeover | None:
        """Start it beside the program of the same key that runs, whose port it takes. None where that is not to be had:
        nothing runs, or the kernel does not let one process touch another's sockets.
        """
        before = self._started.get(process.key)
        if before is None or before.running.poll() is not None:
            return None
        try:
            listeners = succession.Listeners(before.program, process.ready_udp)
        except OSError:
            return None
        argv = process.argv
        if process.container:
            argv = run_command(process.place, f"{netns_name(process.place)}.{next(self._generations)}")
        after = self._coming[process.key] = self._begin(process, argv, subprocess.PIPE)
        return Takeover(process, before, after, listeners, self)

    def entered(self, place: str) -> AbstractContextManager[None]:
        """The calling thread is in the place's network namespace for the block."""
        return self._namespaces.entered(place)

    def give_up(self, process: Process) -> None:
        """The one that was to succeed is of no use: it ends."""
        self._coming.pop(process.key).end()

    def replace(self, process: Process) -> None:
        """The one that was to succeed is the program of its key from now on. The one before it may answer what it was
        asked, and then ends; nobody waits for that.
        """
        before, self._started[process.key] = self._started[process.key], self._coming[process.key]
        del self._coming[process.key]
        self._retiring.add(before.pid)

        def work() -> None:
            succession.wait_until_idle(before.program, process.ready_udp, RETIRE_SECONDS)
            before.end()
            self._retiring.discard(before.pid)

        threading.Thread(target=work, name="retiring", daemon=True).start()

    def stop(self, process: Process) -> None:
        """End it, by its process id: asked first, then killed."""
        started = self._started.pop(process.key, None)
        if started is None or started.running.poll() is not None:
            return
        started.end()

    def require_alive(self, process: Process) -> None:
        """KernelError with the last lines it printed, if it ended, or the one that is to succeed it."""
        started = self._coming.get(process.key) or self._started.get(process.key)
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

    @staticmethod
    def _forget_container(name: str) -> None:
        state = Path(STATES, name)
        if state.exists():
            command = [*RUNTIME, "delete", "--force", name]
            deadline = time.monotonic() + END_SECONDS
            while state.exists() and time.monotonic() < deadline:
                subprocess.run(command, capture_output=True, check=False)


def nothing_in(_place: str) -> Mapping[str, str]:
    """Where nobody puts files into places."""
    return {}


def nobody_asks(_place: str) -> bool:
    """Where nobody reads the logs of places that are gone."""
    return False


def log(process: Process) -> Path:
    """Where its output goes, inside the sandbox."""
    return log_path(process.place, process.name)


def log_path(place: str, name: str) -> Path:
    """Where what the program of that name in that place says is kept, inside the sandbox."""
    return _folder(place) / f"{name}.log"


def _folder(place: str) -> Path:
    return LOGS / netns_name(place)
