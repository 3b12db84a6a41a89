"""Labs as a person has them: every command is a process of its own, typed as on a terminal, its output kept."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
TOPOLOGIES = tuple(sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml")))
# A test machine may have two cores and many tests at once; a command of ours that takes this long hangs.
PATIENCE_SECONDS = 120.0
INTERRUPTED = 130  # the status of a command that Ctrl-C ended
PYTHON = "python3"  # of the machine: a place shows nothing of this checkout
MARK = "HOPLAB_TEST_LAB"  # in the environment of whatever a lab starts

T = TypeVar("T")
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended: what was typed, how it ended, what it said."""

    command: tuple[str, ...]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"$ {' '.join(self.command)}\nended with {self.status}\n{self.out}{self.err}"

    def ok(self) -> str:
        """What it printed; the test fails with the whole story if the command did not end well."""
        assert self.status == 0, str(self)
        return self.out

    def refused(self, status: int = 2) -> str:
        """What it said on standard error; the test fails if it did not end with that status, or with a traceback."""
        assert self.status == status, str(self)
        assert "Traceback" not in self.err, str(self)
        assert "internal error" not in self.err, str(self)
        return self.err


def until(condition: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """Ask again and again until the answer is true, and give it. Fails saying what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}"
        select.select([], [], [], 0.01)


def with_node_port(two_subnet: str) -> str:
    """The text of two-subnet.yaml with the Service answering on node port 30080."""
    typed = two_subnet.replace("  clusterIP: 172.16.10.10\n", "  clusterIP: 172.16.10.10\n  type: NodePort\n")
    return typed.replace("targetPort: 8080}", "targetPort: 8080, nodePort: 30080}")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without what would name a lab."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOPLAB_")}
    return {**inherited, "NO_COLOR": "1", **(extra or {})}


def start(*arguments: str, extra: Mapping[str, str] | None = None, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
    """`./inv ARGUMENT…`, begun, with pipes on all three sides."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tasks.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(extra),
        cwd=cwd,
    )


def finish(process: subprocess.Popen[bytes], given: str = "", seconds: float = PATIENCE_SECONDS) -> Done:
    """Wait for a command that was begun; one that hangs is killed and fails the test with what it had said."""
    assert isinstance(process.args, list)
    command = ("./inv", *(str(word) for word in process.args[2:]))
    try:
        out, err = process.communicate(given.encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        told = f"{out.decode(errors='replace')}{err.decode(errors='replace')}"
        raise AssertionError(f"$ {' '.join(command)}\nhangs; so far it said:\n{told}") from None
    return Done(command, process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def inv(*arguments: str, given: str = "", extra: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Done:
    """`./inv ARGUMENT…`, from beginning to end."""
    return finish(start(*arguments, extra=extra, cwd=cwd), given)


@dataclass
class Lab:
    """A lab under a name that no other test has, of a topology's name or file."""

    topology: str
    name: str = field(default_factory=lambda: f"test-{os.getpid()}-{next(_numbers)}")

    @property
    def mark(self) -> dict[str, str]:
        """What everything that this lab starts has in its environment."""
        return {MARK: self.name}

    def up(self, *options: str, topology: str = "", extra: Mapping[str, str] | None = None) -> Done:
        return finish(self.start_up(*options, topology=topology, extra=extra))

    def start_up(
        self, *options: str, topology: str = "", extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        arguments = ("up", "--topology", topology or self.topology, "--lab", self.name, *options)
        return start(*arguments, extra={**self.mark, **(extra or {})})

    def plan(self, *options: str, topology: str = "") -> str:
        """What `up --plan` prints: "# no changes" when there is nothing to do."""
        return self.up("--plan", *options, topology=topology).ok().strip()

    def down(self) -> Done:
        return inv("down", "--lab", self.name)

    def exec_(self, place: str, *command: str, given: str = "") -> Done:
        return inv("exec", place, "--lab", self.name, "--", *command, given=given)

    def start_exec(self, place: str, *command: str) -> subprocess.Popen[bytes]:
        return start("exec", place, "--lab", self.name, "--", *command)

    def in_(self, place: str, command: str) -> str:
        """What a command, given as one line, printed in a place; it must end well."""
        return self.exec_(place, *command.split()).ok()

    def in_sandbox(self, command: str) -> None:
        """Run a command among the agent's own mounts; those of the lab's shell are its alone. It must end well."""
        within = ["nsenter", "--target", str(self.pid()), "--user", "--mount", "--pid"]
        if os.geteuid():
            within.append("--preserve-credentials")  # with one id nobody may change groups
        subprocess.run([*within, *command.split()], check=True)

    def inspect(self) -> str:
        return inv("inspect", "--lab", self.name).ok()

    def drift(self) -> list[str]:
        """The lines under "not as in the file" of `inspect`."""
        _, _, told = self.inspect().partition("not as in the file")
        return [line.strip() for line in told.splitlines()[1:]]

    def map(self) -> dict[str, Any]:
        """What `inspect --json` tells of the network."""
        told: dict[str, Any] = json.loads(inv("inspect", "--json", "--lab", self.name).ok())
        return told

    def get(self, *arguments: str) -> str:
        return inv("get", *arguments, "--lab", self.name).ok()

    def is_listed(self) -> bool:
        """Whether `list` shows it as a lab that stands."""
        rows = [line.split() for line in inv("list").ok().splitlines()]
        return any(row and row[0] == self.name and row[1] != "-" for row in rows)

    def processes(self) -> dict[int, tuple[str, ...]]:
        """Everything of it that lives, as the host sees it: its agent, what has our mark, and who shares their PID or
        user namespace.
        """
        mark = f"{MARK}={self.name}".encode()
        agent = ("-m", "lab.agent", self.name)
        marked = {
            pid
            for pid in every_process()
            if mark in _read(pid, "environ").split(b"\0") or command_line(pid)[1:4] == agent
        }
        found = set(marked)
        for kind in ("ns/pid", "ns/user"):
            own = {_link(pid, kind) for pid in marked} - {_link(os.getpid(), kind), ""}
            found |= {pid for pid in every_process() if own and _link(pid, kind) in own}
        # A container has a PID namespace of its own below the sandbox's, and an environment without our mark.
        parents = {pid: _parent(pid) for pid in every_process()}
        while below := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= below
        return {pid: command_line(pid) for pid in sorted(found) if command_line(pid)}

    def pid_of(self, namespace: str, words: str) -> int:
        """The process id, as the host has it, of the program in this network namespace (as `ip netns` names it; "" for
        any) whose command line has these words.
        """
        there = Path(f"/proc/{self.pid()}/root/run/netns/{namespace}").stat().st_ino if namespace else 0
        running = {pid: " ".join(line) for pid, line in self.processes().items()}
        for pid, line in running.items():
            if words in line and (not there or _link(pid, "ns/net") == f"net:[{there}]"):
                return pid
        raise AssertionError(f"nothing runs {words!r} in {namespace or 'the lab'}: {running}")

    def names(self) -> list[str]:
        """The namespaces' names as `ip netns` inside would list them, looked at without asking the agent."""
        try:
            return [path.name for path in Path(f"/proc/{self.pid()}/root/run/netns").iterdir()]
        except (OSError, StopIteration):
            return []  # not begun yet, or ended

    def pid(self) -> int:
        """Its init, as the host sees it."""
        return next(pid for pid, words in self.processes().items() if words[1:4] == ("-m", "lab.agent", self.name))

    def require_nothing_left(self) -> None:
        """No process, no name under `list`, no folder."""
        until(lambda: not self.processes(), f"no process of lab {self.name} is left: {self.processes()}")
        listed = inv("list").ok()
        assert self.name not in listed, listed

    def end(self) -> None:
        """Take it down, in whatever state a test has left it."""
        self.down()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def standstill(lab: Lab) -> Iterator[None]:
    """No `up` that changes something comes to its end in this block: the cluster's DNS servers are stopped."""
    servers = [pid for pid, words in lab.processes().items() if words[:2] == ("dnsmasq", "--keep-in-foreground")]
    assert servers, lab.processes()
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in servers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def every_process() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def command_line(pid: int) -> tuple[str, ...]:
    """Its words; () for one that has ended, even if nobody has waited for it yet."""
    return tuple(word.decode(errors="replace") for word in _read(pid, "cmdline").split(b"\0")[:-1])


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # ended, or somebody else's


def _parent(pid: int) -> int:
    told = _read(pid, "stat").rpartition(b")")[2].split()
    return int(told[1]) if told else 0


def _link(pid: int, name: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink())
    except OSError:
        return ""


@contextmanager
def standing(topology: str, *options: str) -> Iterator[Lab]:
    """A lab of that topology for the length of the block, up at its beginning and taken down however it ends."""
    one = Lab(topology)
    try:
        one.up(*options).ok()
        yield one
    finally:
        one.end()
