"""What a trace said of a break, against what is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.losses.breakage import Break, Command

DELIVERED = "delivered"
_COUNTED = re.compile(r"\+\d")


@dataclass(frozen=True, slots=True)
class Said:
    """What the JSON of a journey says of its loss."""

    verdict: str
    place: str = ""
    object: str = ""
    cause: str = ""
    why: str = ""
    fix: tuple[Command, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Nothing is named, and no counter that rose is told either."""
        return self.cause == "unknown" and not _COUNTED.search(f"{self.object} {self.why}")


def said(journey: Mapping[str, Any]) -> Said:
    """Of a journey's JSON."""
    lost = journey["lost"]
    if lost is None:
        return Said(journey["verdict"])
    fix = tuple((one["place"], one["command"]) for one in lost["fix"])
    return Said(journey["verdict"], lost["object_place"], lost["object"], lost["cause"], lost["why"], fix)


def is_named(broken: Break, told: Said) -> bool:
    """Whether the place and the object are those of the break."""
    return any(one.is_named_by(told.place, told.object) for one in broken.names)
