"""The commands' end of the agent's socket. Nothing here waits for ever for an agent that says nothing."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from lab import terminal
from lab.agent.client import unanswered
from lab.agent.client.unanswered import (
    EMULATED_SECONDS,
    PATIENCE_SECONDS,
    SAID_OF_EMULATED_SECONDS,
    SAID_SECONDS,
    UnansweredError,
)
from lab.agent.json_lines import Line
from lab.agent.presence import folder, witness
from lab.agent.protocol import AGAIN, WORKING, EndedError, Message, encode, error_from
from lab.errors import LabError, UsageError
from lab.kernel.sandbox.life import Life
from lab.kernel.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from lab.agent.client.spawn import Started
    from lab.kernel.cell.visitor import Visit
    from lab.kernel.sandbox.confinement import Confinement

LOOK_EVERY_SECONDS = 0.02

OnEvent = Callable[[Message], None]
Begin = Callable[[], "Started | None"]
"""Starts the agent of a lab, which listens when it returns; None if somebody else has the lab just now."""
Say = Callable[[str], None]
T = TypeVar("T")


def _ignore(_event: Message) -> None:
    """For requests whose progress nobody watches."""


class Client:
    """A connection to the agent of one lab. `say` is told what a person is to know while the agent says nothing."""

    def __init__(self, lab: str, connection: socket.socket, say: Say = terminal.warn) -> None:
        """LabError when the agent has just ended."""
        self.lab = lab
        # The kernel says who is at the other end, in our own process ids.
        self.sandbox = Sandbox(witness.Peer.of(connection).pid)
        self.life = Life(self.sandbox.pid)
        self._line = Line(connection)
        self._say = say
        self._said_after = SAID_SECONDS

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self.life.close()

    def request(self, operation: str, on_event: OnEvent = _ignore, **parameters: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
        """Ask and wait. Gives the result; raises what the agent raised, or LabError when it ended meanwhile or does not
        answer.
        """
        left = memoryview(encode({"operation": operation, **parameters}))
        try:
            while left:
                left = self._patiently(self._sending(left))
        except OSError:  # it has ended: its last words are read
            left = memoryview(b"")
        return self._result(lambda: self._patiently(self._line.receive), on_event)

    def begin(self, operation: str, **parameters: Any) -> None:  # noqa: ANN401
        """Ask without waiting for the answer, for which there is `finish`. LabError when the agent has ended."""
        try:
            self._line.send(memoryview(encode({"operation": operation, **parameters})), 0.0)
        except OSError as error:
            raise self._ended() from error

    def finish(self, deadline: float) -> Any:  # noqa: ANN401
        """The answer to what was begun, if it comes until then (in the time of time.monotonic()); else LabError."""

        def receive() -> bytes:
            line = self._line.receive(deadline - time.monotonic())
            if line is None:
                raise unanswered.error(self.lab, self.sandbox.pid, SAID_SECONDS)
            return line

        return self._result(receive, _ignore)

    def _sending(self, left: memoryview) -> Callable[[float], memoryview | None]:
        return lambda seconds: self._line.send(left, seconds)

    def _patiently(self, attempt: Callable[[float], T | None]) -> T:
        """What the attempt gives: it is told how long it may take, and gives None when nothing came of it so soon."""
        waited = self._said_after
        found = attempt(waited)
        if found is not None:
            return found
        pid, patience = self.sandbox.pid, PATIENCE_SECONDS
        if unanswered.is_stopped(pid):
            raise unanswered.error(self.lab, pid, waited)
        if folder.is_in_machine(self.lab):
            patience = EMULATED_SECONDS
            found = attempt(SAID_OF_EMULATED_SECONDS - waited)
            if found is not None:
                return found
            waited = SAID_OF_EMULATED_SECONDS
        self._say(f"{unanswered.sentence(self.lab, pid, waited)}; waiting")
        found = attempt(patience - waited)
        if found is None:
            raise unanswered.error(self.lab, pid, patience)
        return found

    def _result(self, receive: Callable[[], bytes], on_event: OnEvent) -> Any:  # noqa: ANN401
        while line := receive():
            message: Message = json.loads(line)
            if "error" in message:
                raise error_from(message)
            if "result" in message:
                return message["result"]
            if message != WORKING:
                on_event(message)  # what fails in it is no matter of the agent's
        raise self._ended()

    def _ended(self) -> LabError:
        told = f"lab {self.lab!r} has ended: its agent (process {self.sandbox.pid}) is gone"
        return LabError(told, AGAIN)

    def visit(self, place: str) -> Visit:
        """Where a command in that place runs, named as people name it. UsageError if there is no such place."""
        from lab.kernel.cell.visitor import Visit  # noqa: PLC0415  10 ms that only `exec` and its like need

        told = self.request("cell", name=place)
        return Visit(
            self.sandbox,
            told["place"],
            told["init"],
            tuple(told["capabilities"]),
            tuple(told["shared"]),
            told["variables"],
        )

    def is_heard(self, said_after: float = SAID_SECONDS) -> bool:
        """False when the agent was just ending; once it has heard us it lives as long as we are connected. So many
        seconds it may say nothing before a person is told. EndedError when somebody ends the lab while we are there.
        """
        self._said_after = said_after
        try:
            self.request("hear")
        except UnansweredError:
            raise
        except LabError as error:
            self.__exit__()
            if isinstance(error, EndedError):
                raise
            return False
        finally:
            self._said_after = SAID_SECONDS
        return True

    def require_lab(self) -> None:
        """LabError when the lab has ended: who ended it, where its agent has told."""
        with suppress(UnansweredError):  # then it lives
            self.request("hear")

    def down(self) -> str:
        """End the lab and wait until its init is gone. Gives "", or what had to be done where asking was not enough."""
        from lab.agent.client import ending  # noqa: PLC0415  few commands end a lab

        try:
            return ending.see_it_end(self.lab, self.life, asked=self._is_asked_to_end(ending.DOWN_SECONDS))
        finally:
            folder.running()

    def _is_asked_to_end(self, patience: float) -> bool:
        """Whether it has heard, or has ended anyway, in so many seconds."""
        try:
            self.begin("down", pid=os.getpid())
        except LabError:
            return True
        if self._line.receive(SAID_SECONDS) is not None:
            return True
        told = unanswered.sentence(self.lab, self.sandbox.pid, SAID_SECONDS)
        self._say(f"{told}; it is killed if it does not within {patience:.0f} s")
        return self._line.receive(patience - SAID_SECONDS) is not None


class GoneError(UsageError):
    """It was there when it was chosen."""


def connect(lab: str | None = None, say: Say = terminal.warn) -> Client:
    """To the agent of the named lab, of HOPLAB_LAB, or of the only one running. UsageError if there is none."""
    name = folder.choose(lab)
    return _reached(name, say)


def _reached(name: str, say: Say) -> Client:
    """To the agent of a lab that runs. One that is just making its socket is waited for, but not for long."""
    deadline = time.monotonic() + SAID_SECONDS
    while True:
        client = reach(name, say)
        if client is not None:
            return client
        if name not in folder.running():
            raise GoneError(f"lab {name!r} has just ended", "./inv up builds it again")
        if time.monotonic() > deadline:
            raise unreachable(name)
        select.select([], [], [], LOOK_EVERY_SECONDS)


def unreachable(name: str) -> LabError:
    """What is told of a lab that lives, and to whose agent there is no way."""
    holder = witness.holder(name)
    if holder is not None:
        return unanswered.error(name, holder.pid, SAID_SECONDS)
    told = f"lab {name!r} is held by another process that does not answer"
    return LabError(told, f"see who has {folder.of(name) / folder.LOCK} open")


def connect_or_start(
    lab: str, say: Say = terminal.warn, confinement: Confinement | None = None, begin: Begin | None = None
) -> Client:
    """To the agent of that lab, started, so confined, if there is none, or as `begin` does it. Two that start at once:
    one wins, the other is connected to it. EndedError when somebody ends the lab meanwhile: it is not started again.
    """
    from lab.agent.client.spawn import START_SECONDS, start  # noqa: PLC0415  few commands start one

    begin = begin or (lambda: start(lab, confinement))

    folder.require_name(lab)
    deadline = time.monotonic() + START_SECONDS
    patient = time.monotonic() + SAID_SECONDS
    while True:
        client = reach(lab, say)
        if client is None and (started := begin()):
            with started:
                return _first(lab, started, say, START_SECONDS)
        if client and client.is_heard():
            return client
        now = time.monotonic()
        if now > deadline or (now > patient and _is_held_by_a_stopped_one(lab)):
            raise unreachable(lab)
        select.select([], [], [], LOOK_EVERY_SECONDS)


def _first(lab: str, started: Started, say: Say, patience: float) -> Client:
    """Connected to an agent that we have started, which has heard us."""
    deadline = time.monotonic() + patience
    while True:
        client = reach(lab, say)
        if client and client.is_heard(patience):
            return client
        why = started.ended(patience if client else LOOK_EVERY_SECONDS)  # one that did not hear us is ending
        if why is not None:
            raise why
        if time.monotonic() > deadline:
            raise unreachable(lab)


def _is_held_by_a_stopped_one(lab: str) -> bool:
    holder = witness.holder(lab)
    return holder is not None and unanswered.is_stopped(holder.pid)


def end(lab: str, say: Say = terminal.warn) -> str:
    """End that lab and wait until it is gone, whether or not its agent can be asked. Gives "", or what had
    to be done.
    """
    from lab.agent.client import ending  # noqa: PLC0415  as in Client.down

    try:
        with _reached(lab, say) as client:
            return client.down()
    except GoneError:  # which is what was asked for
        return ""
    except UnansweredError:
        holder = witness.holder(lab)
        if holder is None:
            raise
        with Life(holder.pid) as life:
            if witness.holder(lab) != holder:  # its number may be somebody else's by now
                return end(lab, say)
            told = ending.see_it_end(lab, life, asked=False)
        if witness.holder(lab) == holder:  # its child, which is about to be the lab's init, holds it as well
            return end(lab, say)
        folder.running()
        return told


def reach(lab: str, say: Say) -> Client | None:
    """A connection, or None if nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    # Through the folder's descriptor: a socket's path may not be longer than 107 bytes.
    try:
        directory = os.open(folder.of(lab), os.O_PATH | os.O_CLOEXEC)
    except OSError:
        connection.close()
        return None
    try:
        connection.connect(f"/proc/self/fd/{directory}/{folder.SOCKET}")
        return Client(lab, connection, say)
    except (OSError, LabError):  # nobody, or nobody any more; or one who has taken no connection for long
        connection.close()
        return None
    finally:
        os.close(directory)
