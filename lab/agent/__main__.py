"""`python -m lab.agent LAB`: takes the lab's lock, makes the sandbox, and lives in it as its init.

Says one line on standard output: {"listening": true}, {"held": true} when another agent has the lab, or an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys

from lab.agent import folder
from lab.agent.apiserver.outside import Outside
from lab.agent.presence import witness
from lab.agent.presence.home import BACKLOG, Home
from lab.agent.protocol import error_message
from lab.errors import HoplabError, MachineError
from lab.kernel import limits, programs, sandbox
from lab.kernel.processes import LOGS
from lab.refusal import refusal


def _say(message: dict[str, object]) -> None:
    """One line for the process that started us. That it has died meanwhile is for the service to notice."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _home(lab: str, lock: int) -> Home:
    try:
        return Home(lab, folder.new(lab), folder.candidates(), lock)
    except OSError as error:
        told = f"the folder of lab {lab!r} cannot be used: {error.strerror or error}"
        raise MachineError(told, f"ls -la {folder.new(lab)}") from error


def _outside(home: Home) -> Outside:
    """What the API server has of the host: its loopback, at a port that is free, and the lab's folder."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: as in apiserver.serving
    made.bind(("127.0.0.1", 0))
    made.listen(64)
    made.setblocking(False)
    return Outside(made, home)


def _quiet() -> None:
    """Let go of whoever started us: a pipe behind their output must not stay open for as long as the lab lives."""
    LOGS.mkdir(parents=True, exist_ok=True)
    output = os.open(LOGS / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)


def main(lab: str) -> None:
    """Ends when the lab ends. In the parent of the sandbox's init: as soon as that lives."""
    name = witness.take(lab)
    try:
        lock = folder.lock(lab) if name else None
        if name is None or lock is None:
            _say({"held": True})
            return
        programs.require()
        home = _home(lab, lock)
    except HoplabError as error:
        _say(error_message(error))
        return
    limits.allow_many_files()
    outside = _outside(home)

    def life() -> None:
        # Only now, and only in the sandbox: what the agent is made of is imported while the caller reads its own file.
        from lab.agent.service import serve  # noqa: PLC0415

        # Whoever connects is told who listens: from now on that is this process.
        home.listening.listen(BACKLOG)
        witness.announce(name)
        try:
            _say({"listening": True})
        except BrokenPipeError:
            return  # whoever started us was killed meanwhile
        _quiet()
        serve(lab, name, outside)

    try:
        sandbox.start(lab, life, refused=lambda error: _say(error_message(error)))
    except HoplabError as error:
        _say(error_message(error))


def begin(lab: str) -> None:
    """The same, with what the machine refuses told like any other error."""
    try:
        main(lab)
    except (OSError, MemoryError) as error:
        told = refusal(error)
        if told is None:
            raise
        _say(error_message(told))


if __name__ == "__main__":
    begin(sys.argv[1])
