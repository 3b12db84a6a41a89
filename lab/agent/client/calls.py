"""The commands' end of the agent's socket. Nothing here waits for ever for an agent that says nothing."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent.client import unanswered
from lab.agent.client.client import LOOK_EVERY_SECONDS, Client, Say
from lab.agent.client.unanswered import (
    SAID_SECONDS,
    UnansweredError,
)
from lab.agent.presence import folder, witness
from lab.errors import LabError, UsageError
from lab.kernel.sandbox.life import Life

if TYPE_CHECKING:
    from lab.agent.client.spawn import Started
    from lab.kernel.sandbox.confinement import Confinement

Begin = Callable[[], "Started | None"]
"""Starts the agent of a lab, which listens when it returns; None if somebody else has the lab just now."""


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
