"""Who had an address before, as far as the lab's chronicle remembers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from lab.map.labmap import LabMap

_DELETED = re.compile(r"Service (?P<name>\S+) deleted, which had (?P<addresses>[0-9., ]+)$")


class Chronicler(Protocol):
    """The lab's agent: `events` tells what has happened so far."""

    def request(self, operation: str, on_event: Callable[[dict[str, Any]], None], **parameters: Any) -> Any:  # noqa: ANN401
        """Its answer, and what it tells meanwhile."""


def had(agent: Chronicler, labmap: LabMap, address: str) -> Mapping[str, str]:
    """By the address, `Service shop/cart had it until 09:12:40`; empty where it is not a Service's, or never was."""
    if not labmap.could_be_a_services(address):
        return {}
    found: dict[str, str] = {}

    def hear(message: dict[str, Any]) -> None:
        entry = message.get("entry", {})
        for line in entry.get("what", ()):
            told = _DELETED.match(line)
            if told and address in told["addresses"].split(", "):
                moment = datetime.fromtimestamp(entry["time"]).astimezone().strftime("%H:%M:%S")
                found[address] = f"Service {told['name']} had it until {moment}"

    agent.request("events", hear, follow=False)
    return found
