"""Reads back the JSON of a journey, as `trace --json` wrote it; also one that another program made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.errors import UsageError
from lab.trace.journey import SCHEMA, Candidate, Decision, Hop, Journey, Loss, Mending, Request
from lab.trace.witness.packet import Outer, Packet

Json = Mapping[str, Any]


def read_journey(text: str, file: str) -> Journey:
    """The journey; without what is not part of the JSON. UsageError naming the file for what is no journey."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{file}: not JSON: {error}", "./inv trace … --json FILE writes a journey") from error
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise UsageError(f"{file}: not a journey of {SCHEMA}", "./inv trace … --json FILE writes one")
    try:
        return _journey(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{file}: not a whole journey: {type(error).__name__}: {error}",
            "docs/trace-v2.schema.json says what belongs to one",
        ) from error


def _journey(told: Json) -> Journey:
    asked, lost = told["request"], told["lost"]
    return Journey(
        lab=str(told["lab"]),
        request=Request(
            str(asked["from"]), str(asked["to"]), int(asked["port"]), str(asked["protocol"]), asked.get("packet", "")
        ),
        verdict=str(told["verdict"]),
        hops=tuple(_hop(one) for one in told["hops"]),
        answered_by=told["answered_by"] or "",
        duration_us=int(told["duration_us"]),
        lost=_loss(lost) if lost else None,
        candidates=tuple(Candidate(**one) for one in told.get("endpoints", ())),
    )


def _loss(told: Json) -> Loss:
    fix = tuple(Mending(one["place"], one["command"], one["held_by"] or "") for one in told["fix"])
    return Loss(**{**told, "fix": fix})


def _hop(told: Json) -> Hop:
    packet, outer = told["packet"], told["packet"]["outer"]
    carried = Packet(
        protocol=packet["protocol"],
        src=packet["src"],
        sport=int(packet["sport"]),
        dst=packet["dst"],
        dport=int(packet["dport"]),
        outer=Outer(**outer) if outer else None,
    )
    decisions = tuple(Decision(**one) for one in told["decisions"])
    return Hop(**{**told, "packet": carried, "decisions": decisions})
