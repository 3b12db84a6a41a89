"""What somebody who mistyped a name has probably meant: tasks, options, fields, labs, topologies, places, targets."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 80  # of a word that is longer only the beginning is compared: the time grows with its square
ALIKE = 0.6


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that looks most like the word, upper and lower case being the same; "" if none does."""
    from difflib import get_close_matches  # noqa: PLC0415  # only who mistyped waits for it

    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word[:LONGEST].lower(), list(by_lower), n=1, cutoff=ALIKE)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean 'subnets'?`; `otherwise` when nothing known looks like the word."""
    found = nearest(word, known)
    return f"did you mean '{found}'?" if found else otherwise
