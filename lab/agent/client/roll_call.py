"""Several labs asked at once, as `list` does."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from lab import terminal
from lab.agent.client.calls import reach, unreachable
from lab.agent.client.client import LOOK_EVERY_SECONDS, Client
from lab.agent.client.unanswered import SAID_SECONDS
from lab.agent.presence import witness
from lab.errors import HoplabError, LabError


@dataclass(frozen=True, slots=True)
class Answered:
    """What one of several labs said, or why it did not; `pid` is its agent's, 0 where that is not known."""

    lab: str
    pid: int
    answer: Any


def ask_all(labs: Sequence[str], operation: str, **parameters: Any) -> list[Answered]:  # noqa: ANN401
    """Ask all of these labs side by side. Whoever does not answer within 2 s holds up nobody."""
    deadline = time.monotonic() + SAID_SECONDS
    asked: dict[str, Client] = {}
    with ExitStack() as stack:
        while True:
            for lab in labs:
                client = None if lab in asked else reach(lab, terminal.warn)
                if client is not None:
                    asked[lab] = stack.enter_context(client)
                    with suppress(LabError):  # it has just ended: that is found out when the answer is read
                        client.begin(operation, **parameters)
            # One that is just making its socket, anew perhaps, lives: it is waited for.
            coming = (lab for lab in labs if lab not in asked and witness.holder(lab) is not None)
            if time.monotonic() > deadline or next(coming, None) is None:
                return [_answered(lab, asked.get(lab), deadline) for lab in labs]
            select.select([], [], [], LOOK_EVERY_SECONDS)


def _answered(lab: str, client: Client | None, deadline: float) -> Answered:
    if client is None:
        error = unreachable(lab)
        holder = witness.holder(lab)
        return Answered(lab, holder.pid if holder else 0, error)
    try:
        return Answered(lab, client.sandbox.pid, client.finish(deadline))
    except HoplabError as error:
        return Answered(lab, client.sandbox.pid, error)
