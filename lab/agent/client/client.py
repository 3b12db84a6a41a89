"""A connection to the agent of one lab. Nothing here waits for ever for an agent that says nothing."""

from __future__ import annotations

import json
import os
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
from lab.errors import LabError
from lab.kernel.sandbox.life import Life
from lab.kernel.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from lab.kernel.cell.visitor import Visit

LOOK_EVERY_SECONDS = 0.02

OnEvent = Callable[[Message], None]
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
        return self.ask(operation, on_event, **parameters)()

    def ask(self, operation: str, on_event: OnEvent = _ignore, **parameters: Any) -> Callable[[], Any]:  # noqa: ANN401
        """Ask; what this gives waits, as `request` does. Nothing else can be asked until then."""
        left = memoryview(encode({"operation": operation, **parameters}))
        try:
            while left:
                left = self._patiently(self._sending(left))
        except OSError:  # it has ended: its last words are read
            left = memoryview(b"")
        return lambda: self._result(lambda: self._patiently(self._line.receive), on_event)

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
