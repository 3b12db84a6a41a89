"""`trace --fix`: what was found is mended, and asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent.client import calls

if TYPE_CHECKING:
    from lab.trace.journey import Journey


def mended(journey: Journey, again: Callable[[str], Journey], say: Callable[[str], None], output: int) -> Journey:
    """The journey after the commands of the first one's loss were run; the first one where there are none.

    `again` asks once more, of the pod of that name if a Service had chosen it. `output` is the file descriptor for what
    the commands print.
    """
    from lab.map.labmap import LabMap  # noqa: PLC0415
    from lab.trace import repair  # noqa: PLC0415

    lost = journey.lost
    if lost is None or not lost.fix:
        say(repair.nothing(journey))
        return journey
    with calls.connect(journey.lab) as connected:
        labmap = LabMap.from_json(connected.request("read", what="map"))
        failed = False
        for ran in repair.mend(connected.visit, lost.fix, journey.lab, say=say, output=output):
            if ran.status:
                failed = True
                say(f"it ended with status {ran.status}")
        connected.request("settled")  # what a kubectl has changed
    after = again(repair.chosen(labmap, journey))
    for line in repair.tell(journey, after, failed=failed):
        say(line)
    terminal.flush()
    return after
