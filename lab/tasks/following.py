"""`trace --follow`: the journeys of a pod's own connections, told as they happen."""

from __future__ import annotations

import json as json_module
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from lab import terminal
from lab.agent import client
from lab.errors import UsageError
from lab.tasks import outputs

if TYPE_CHECKING:
    from lab.trace.journey import Journey


def follow(
    lab: str, source: str, *, count: int = 0, json: str = "", minimal: bool = False, verbose: bool = False
) -> None:
    """Tell them on standard output, until Ctrl-C or so many: as stories, as lines, or as one JSON object a line."""
    from lab.network.labmap import LabMap  # noqa: PLC0415
    from lab.trace.following import following  # noqa: PLC0415

    if count < 0:
        raise UsageError(f"{count} journeys cannot be told", "--count 20")
    with client.connect(lab or None) as connected, ExitStack() as stack:
        labmap = LabMap.from_json(connected.request("read", what="map"))
        watched = following(connected.sandbox, labmap, source, connected)
        stream = _opened(json, stack)

        def begun(places: int) -> None:
            terminal.warn(f"following {watched.source.name} at {places} places of lab {labmap.lab}, until Ctrl-C")

        def tell(journey: Journey) -> None:
            if stream is not None:
                stream.write(f"{json_module.dumps(journey.to_json())}\n".encode())
                stream.flush()
            if json != "-":
                _show(journey, minimal=minimal, verbose=verbose)

        for what in watched.run(tell, begun, count):
            terminal.warn(f"missed: {what}; they came faster than they could be read")


def _opened(file: str, stack: ExitStack) -> BinaryIO | None:
    return stack.enter_context(outputs.opened(file)) if file else None


def _show(journey: Journey, *, minimal: bool, verbose: bool) -> None:
    from lab.trace.minimal import tell  # noqa: PLC0415
    from lab.trace.story import show  # noqa: PLC0415

    if minimal:
        terminal.out("\n".join(tell(journey)))
    else:
        show(journey, verbose=verbose)
    terminal.out("")
    terminal.flush()
