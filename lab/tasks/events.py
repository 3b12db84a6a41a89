"""`events`: what happened in a lab, and what followed from it."""

from __future__ import annotations

import json as json_module
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lab import printable, terminal
from lab.agent.client import calls
from lab.tasks.commandline.task import LAB, Context, command

if TYPE_CHECKING:
    from lab.agent.protocol import Message


@command(
    help={
        **LAB,
        "follow": "Go on telling what happens, until Ctrl-C.",
        "json": "One JSON object a line.",
    }
)
def events(_: Context, follow: bool = False, json: bool = False, lab: str = "") -> None:
    """Tell what happened and what followed: which endpoint slices, which nodes' rules and how soon, DNS."""

    def tell(event: Message) -> None:
        entry = event["entry"]
        terminal.out(json_module.dumps(entry) if json else sentence(entry))
        terminal.flush()

    with calls.connect(lab or None) as connected:
        connected.request("events", tell, follow=follow)


def sentence(entry: dict[str, Any]) -> str:
    """`20:15:03.120  namespace001/pod-3 unready → endpoint slice … → rules on node-0, node-1 in 40 ms → DNS …`."""
    when = datetime.fromtimestamp(entry["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return printable.line(f"{when}  {' → '.join([', '.join(entry['what']) or 'the kernel', *entry['followed']])}")
