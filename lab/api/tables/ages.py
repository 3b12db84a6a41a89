"""How long ago something was, as kubectl writes it: in the figures that matter. Source: apimachinery, duration."""

from __future__ import annotations

from datetime import datetime

UNKNOWN = "<unknown>"

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400

# Below so many seconds: the unit, its letter, and the smaller unit that is shown beside it, if any.
_STEPS = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (48 * _HOUR, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)


def duration(seconds: float) -> str:
    """`90s`, `5m10s`, `3h`, `2d4h`, …; clocks that differ by less than two seconds are the same."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    for below, unit, letter, lesser, lesser_letter in _STEPS:
        if whole < below:
            rest = whole % unit // lesser if lesser else 0
            return f"{whole // unit}{letter}" + (f"{rest}{lesser_letter}" if rest else "")
    return f"{whole // _YEAR}y"


def age(then: str | None, now: str) -> str:
    """From one time of the API (RFC 3339) to another; `<unknown>` when there is none."""
    if not then:
        return UNKNOWN
    try:
        return duration((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())
    except (ValueError, TypeError):
        return UNKNOWN
