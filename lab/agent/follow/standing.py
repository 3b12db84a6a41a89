"""What of a lab stands: the file that was read last, what the kernel follows, and what DNS servers were given."""

from __future__ import annotations

from dataclasses import dataclass

from lab.agent.design.blueprint import ReadFile
from lab.control.plane import Picture
from lab.network.dns.coredns import NOTHING, Given


@dataclass(slots=True)
class Standing:
    """Nothing at first; all of it from the first `up` that succeeds."""

    read: ReadFile | None = None
    picture: Picture | None = None
    given: Given = NOTHING
