"""`trace --follow`: the journeys of a pod's own connections, told as they happen."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import printable, terminal
from lab.agent.client import calls
from lab.errors import UsageError
from lab.tasks.commandline import outputs

if TYPE_CHECKING:
    from lab.tasks.commandline.outputs import Outputs
    from lab.trace.follow.lookout import Sampling
    from lab.trace.journey import Journey


def follow(
    lab: str, source: str, *, count: int = 0, json: str = "", minimal: bool = False, verbose: bool = False
) -> None:
    """Tell them on standard output, until Ctrl-C or so many: as stories, as lines, or as one JSON object a line."""
    from lab.map.labmap import LabMap  # noqa: PLC0415
    from lab.trace.follow.follower import following  # noqa: PLC0415

    if count < 0:
        raise UsageError(f"{count} journeys cannot be told", "--count 20")
    with outputs.opened(json=json) as opened, calls.connect(lab or None) as connected:
        labmap = LabMap.from_json(connected.request("read", what="map"))
        watched = following(connected.sandbox, connected.life, labmap, source, connected)
        words = None if opened.on_standard else _Words(minimal, verbose)
        watched.run(_Terminal(watched.source.name, labmap.lab, opened, words), count)


@dataclass(frozen=True, slots=True)
class _Words:
    """How a journey is shown."""

    minimal: bool
    verbose: bool

    def show(self, journey: Journey) -> None:
        from lab.trace.show.minimal import tell  # noqa: PLC0415
        from lab.trace.show.story import show  # noqa: PLC0415

        if self.minimal:
            terminal.out("\n".join(map(printable.line, tell(journey))))
        else:
            show(journey, verbose=self.verbose)
        terminal.out("")
        terminal.flush()


@dataclass(frozen=True, slots=True)
class _Terminal:
    """Who is told: journeys on standard output or in a file, the rest on standard error."""

    pod: str
    lab: str
    outputs: Outputs
    words: _Words | None

    def begun(self, places: int) -> None:
        terminal.warn(f"following {self.pod} at {places} places of lab {self.lab}, until Ctrl-C")

    def told(self, journey: Journey) -> None:
        self.outputs.write_text("json", f"{json_module.dumps(journey.to_json())}\n")
        if self.words is not None:
            self.words.show(journey)

    def sampled(self, sampling: Sampling) -> None:
        terminal.warn(f"{self.pod} begins about {sampling.rate:.0f} connections a second; {_told(sampling)}")


def _told(sampling: Sampling) -> str:
    near = f"1 of {sampling.near} connections is told" if sampling.near > 1 else "all of them are told"
    if sampling.hidden <= sampling.near:
        return near
    return f"{near}, but 1 of {sampling.hidden} of those that a NAT gives another address"
