"""Starting the agent of a lab, as its first `up` does."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Protocol

from lab import spans
from lab.agent.protocol import AGAIN, EndedError, Message, error_from
from lab.errors import HoplabError, LabError
from lab.kernel.host import interpreter, limits

if TYPE_CHECKING:
    from lab.kernel.sandbox.confinement import Confinement

START_SECONDS = 20.0
STARTING = "starting the agent"
PLAIN = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Pydantic's plugins are not for the agent: to look for them among all packages takes it as long as to read a file."""


class Beginning(Protocol):
    """The process that starts an agent, and then ends."""

    def wait(self) -> int:
        """Its status, below zero the signal that ended it."""

    def kill(self) -> None:
        """End it; it is still to be waited for."""


Run = Callable[[Sequence[str], Mapping[str, str]], tuple[Beginning, IO[bytes]]]
"""Starts a process with these words and this environment, and gives what it says."""


class Started:
    """An agent of ours that listens. It lives for us, without a connection too, until this is closed."""

    def __init__(self, lab: str, words: IO[bytes]) -> None:
        self._lab = lab
        self._words = words

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        self._words.close()

    def ended(self, seconds: float) -> HoplabError | None:
        """Why it has ended, or does within that time; None while it lives."""
        if not select.select([self._words], [], [], seconds)[0]:
            return None
        line = self._words.readline()
        if line:
            return error_from(json.loads(line))
        return EndedError(f"lab {self._lab!r} has ended: its agent was killed", AGAIN)


def start(
    lab: str, confinement: Confinement | None, patience: float = START_SECONDS, run: Run | None = None
) -> Started | None:
    """Start an agent; it listens when this returns, in so many seconds. None if somebody else has the lab just now.
    Raises what kept it from starting. `run` has it begin in another way than with an interpreter of its own.
    """
    limits.require_for_lab()
    command = [sys.executable, "-m", "lab.agent", lab, *((confinement.to_json(),) if confinement else ())]
    with spans.span(STARTING):
        return listening(lab, *(run or _execute)(command, {**interpreter.environment(), **PLAIN}), patience)


def _execute(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Beginning, IO[bytes]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        bufsize=0,  # a second line is for whoever asks for it
        env=environment,
    )
    assert process.stdout is not None
    return process, process.stdout


def listening(lab: str, process: Beginning, words: IO[bytes], patience: float) -> Started | None:
    """The same of an agent that `process`, whose words these are, is about to start."""
    with ExitStack() as unless_it_listens:
        started = unless_it_listens.enter_context(Started(lab, words))
        if not _listens(lab, process, words, patience):
            return None
        unless_it_listens.pop_all()
        return started


def _listens(lab: str, process: Beginning, words: IO[bytes], patience: float) -> bool:
    """Its first word; False when somebody else has the lab."""
    if not select.select([words], [], [], patience)[0]:
        process.kill()
        process.wait()
        raise LabError(f"the agent of lab {lab!r} did not start within {patience:.0f} s", "is the machine busy?")
    line = words.readline()
    status = process.wait()
    message: Message = json.loads(line) if line.strip() else {}
    if "error" in message:
        raise error_from(message)
    if status < 0 and not message:
        raise EndedError(f"lab {lab!r} has ended: its agent was killed while it started", AGAIN)
    if not message.get("listening") and not message.get("held"):
        raise LabError(f"the agent of lab {lab!r} did not start", "its own words are above")
    return bool(message.get("listening"))
