"""Moments as the API writes them: RFC 3339, in UTC."""

from __future__ import annotations

from datetime import datetime


def seconds_between(earlier: str, later: str) -> float:
    """How long after the one the other is, in seconds; negative when it is not."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
