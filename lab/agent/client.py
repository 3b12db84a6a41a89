"""The commands' end of the agent's socket."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from lab.agent import folder
from lab.agent.protocol import Message, encode, error_from
from lab.errors import LabError, UsageError
from lab.kernel import interpreter
from lab.kernel.places import Sandbox

START_SECONDS = 20.0
END_SECONDS = 10.0

OnEvent = Callable[[Message], None]


def _ignore(_event: Message) -> None:
    """For requests whose progress nobody watches."""


class Client:
    """A connection to the agent of one lab."""

    def __init__(self, lab: str, connection: socket.socket) -> None:
        self.lab = lab
        self._connection = connection
        self._lines = connection.makefile("rb")
        # The kernel says who is at the other end, in our own process ids.
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.sandbox = Sandbox(struct.unpack("=iII", credentials)[0])

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._connection.close()

    def request(self, operation: str, on_event: OnEvent = _ignore, **parameters: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
        """Ask and wait. Gives the result; raises what the agent raised, or LabError when the agent died meanwhile."""
        for line in self._conversation(encode({"operation": operation, **parameters})):
            message: Message = json.loads(line)
            if "error" in message:
                raise error_from(message)
            if "result" in message:
                return message["result"]
            on_event(message)  # what fails in it is no matter of the agent's
        raise LabError(
            f"the agent of lab {self.lab!r} died", "everything of the lab went with it; `./inv up` builds it again"
        )

    def _conversation(self, request: bytes) -> Iterator[bytes]:
        """The lines with which the agent answers; they end early when it has died."""
        with contextlib.suppress(OSError):
            self._connection.sendall(request)
            while line := self._lines.readline():
                yield line

    def is_heard(self) -> bool:
        """False when the agent was just ending; once it has heard us it lives as long as we are connected."""
        try:
            self.request("hear")
        except LabError:
            self.__exit__()
            return False
        return True

    def down(self) -> None:
        """End the lab and wait until its init is gone."""
        ended = os.pidfd_open(self.sandbox.pid)
        try:
            with contextlib.suppress(LabError):  # that it died meanwhile is what was asked for
                self.request("down")
            if not select.select([ended], [], [], END_SECONDS)[0]:
                raise LabError(
                    f"the agent of lab {self.lab!r} does not end", f"kill -9 {self.sandbox.pid} ends all of it"
                )
        finally:
            os.close(ended)
        folder.running()


def connect(lab: str | None = None) -> Client:
    """To the agent of the named lab, of HOPLAB_LAB, or of the only one running. UsageError if there is none."""
    name = folder.choose(lab)
    client = _reach(name)
    if client is None:
        raise UsageError(f"lab {name!r} is just starting or ending", "try again")
    return client


def connect_or_start(lab: str) -> Client:
    """To the agent of that lab, started if there is none. Two that start at once: one wins, the other is connected to
    it.
    """
    folder.of(lab)
    deadline = time.monotonic() + START_SECONDS
    while True:
        client = _reach(lab) or _start(lab)
        if client and client.is_heard():
            return client
        if time.monotonic() > deadline:
            raise LabError(
                f"lab {lab!r} is held by another process that does not answer",
                f"see who has {folder.of(lab) / folder.LOCK} open",
            )
        select.select([], [], [], 0.02)


def _reach(lab: str) -> Client | None:
    """A connection, or None if nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Through the folder's descriptor: a socket's path may not be longer than 107 bytes.
    try:
        directory = os.open(folder.of(lab), os.O_PATH | os.O_CLOEXEC)
    except OSError:
        connection.close()
        return None
    try:
        connection.connect(f"/proc/self/fd/{directory}/{folder.SOCKET}")
    except OSError:
        connection.close()
        return None
    finally:
        os.close(directory)
    return Client(lab, connection)


def _start(lab: str) -> Client | None:
    """Start an agent and connect; None if somebody else has the lab's lock just now. Raises what kept the agent from
    starting.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.agent", lab],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env=interpreter.environment(),
    )
    assert process.stdout is not None
    with process.stdout:
        line = process.stdout.readline()
    process.wait()
    message: Message = json.loads(line) if line.strip() else {}
    if "error" in message:
        raise error_from(message)
    if message.get("held"):
        return None
    if not message.get("listening"):
        raise LabError(f"the agent of lab {lab!r} did not start", "its own words are above")
    with contextlib.suppress(OSError):
        return _reach(lab)
    return None
