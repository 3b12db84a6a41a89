"""What a command says, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes to standard output and to standard error, and the exit status."""

    out: str = ""
    err: str = ""
    status: int = 0


def failed(told: str, out: str = "") -> Answer:
    """As calicoctl ends when something was wrong, in its own words."""
    return Answer(out, f"{told}\n", 1)


def refused(told: str, instead: str) -> Answer:
    """What calicoctl has and the lab has not, and what there is instead: our words, marked as ours."""
    return Answer("", f"hoplab: error: {told}\nhint: {instead}\n", 1)
