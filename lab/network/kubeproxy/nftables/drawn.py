"""Which of several ends a rule of nft chose that translates by a number: it says among which, the packet shows it.

`… dnat ip to numgen random mod 2 map { 0 : 10.244.0.66 . 8080, 1 : 10.244.0.130 . 8080 }`
"""

from __future__ import annotations

import re

_MAP = re.compile(r" map \{ (\d+ : [^{}]+) \}$")
_CHOSEN = re.compile(r"(.* map \{ .+ \}) \{ (\d+) : (\S+) \. (\d+) \}$")


def with_choice(text: str, address: str, port: int) -> str:
    """The rule with the element behind it that leads to this end: `… map { … } { 1 : 10.244.0.130 . 8080 }`.

    As it is, if it is no such rule or none of its ends is this one.
    """
    among = _MAP.search(text)
    end = f" : {address} . {port}"
    found = next((one for one in among[1].split(", ") if one.endswith(end)), "") if among else ""
    return f"{text} {{ {found} }}" if found else text


def choice(text: str) -> tuple[str, int] | None:
    """The rule and the number of what it chose, of a text that `with_choice` made."""
    found = _CHOSEN.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def without_choice(text: str) -> str:
    """The rule as its table has it."""
    found = choice(text)
    return found[0] if found else text


def chosen_address(text: str) -> str:
    """The address that it chose; "" where `with_choice` did not say."""
    found = _CHOSEN.fullmatch(text)
    return found[3] if found else ""
