"""Real traces, recorded once: the map, what the client lived, and the frames that were captured."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from lab.map.labmap import LabMap
from lab.trace.ask.exchange import Exchange
from lab.trace.explain.verdict import judge
from lab.trace.journey import Journey, Request, Resolution
from lab.trace.witness.observation import Capture, observed

GOLDEN = Path(__file__).parents[2] / "golden" / "trace"
TOKEN = 7  # its place among an exchange's fields
SUFFIX = ".recording.json"
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in GOLDEN.glob(f"*{SUFFIX}"))


@cache
def labmap(name: str) -> LabMap:
    """The map of the lab that a recording was made in: `two-subnet`, `two-subnet-bridge` or `two-subnet-node-port`."""
    return LabMap.from_json(_read(f"{name}.map.json"))


@cache
def journey(name: str) -> Journey:
    """The journey that follows from a recording."""
    told = _read(name + SUFFIX)
    map_ = labmap(told["map"])
    captures = [
        Capture(place, interface, way, t_ns, bytes.fromhex(frame), len(frame) // 2, hardware, unfinished, foreign)
        for place, interface, way, t_ns, frame, hardware, unfinished, foreign in told["captures"]
    ]
    return judge(
        map_,
        Request(*told["request"]),
        [_exchange(fields) for fields in told["exchanges"]],
        observed(captures, map_),
        _resolution(*told["resolution"]) if told["resolution"] else None,
    )


def _exchange(fields: list[Any]) -> Exchange:
    values: list[Any] = [bytes.fromhex(value) if place == TOKEN else value for place, value in enumerate(fields)]
    return Exchange(*values)


def _resolution(name: str, status: str, addresses: list[str], questions: int) -> Resolution:
    return Resolution(name, status, tuple(addresses), questions)


def _read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))
