"""Prefixes as nft prints a set of them: those that touch become one, and a set of one that was given as several stays a
set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lab.network.ipv4 import Prefix, dotted, number

_ALL = 32
_SET_OF_ONE = re.compile(r" != \{ ([0-9.]+)(?:/(\d+)|-([0-9.]+))? \}")


def one_of(prefixes: Sequence[str]) -> str:
    """`203.0.113.0/25`, or `{ 5.6.7.8, 10.0.0.0/8 }`: in order, as `nft list` (1.0.6) prints what it was given.

    Addresses alone stay apart; as soon as there is a prefix among them, neighbours are joined to prefixes or ranges.
    """
    given = sorted({(one.network, one.network + one.size - 1) for one in map(Prefix.of, prefixes)})
    ranges = _joined(given) if any("/" in one for one in prefixes) else given
    written = [_written(first, last) for first, last in ranges]
    return written[0] if len(prefixes) == 1 else f"{{ {', '.join(written)} }}"


def as_loaded(text: str) -> str:
    """A rule that nft will print as `text` is. What is in braces alone it would take out of them; in two parts it stays
    a set.
    """
    found = _SET_OF_ONE.search(text) if " != { " in text else None
    if found is None:
        return text
    whole = Prefix.of(f"{found[1]}/{found[2]}") if found[2] else None
    last = whole.network + whole.size - 1 if whole else number(found[3] or found[1])
    rest = min(number(found[1]) + 1, last)
    parts = f"{found[1]}/{_ALL}, {dotted(rest)}{f'-{dotted(last)}' if rest < last else ''}"
    return f"{text[: found.start()]} != {{ {parts} }}{text[found.end() :]}"


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted ranges, each with both its ends, of which none touches another."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _written(first: int, last: int) -> str:
    size = last - first + 1
    if size == 1:
        return dotted(first)
    if size & (size - 1) == 0 and first % size == 0:
        return f"{dotted(first)}/{_ALL + 1 - size.bit_length()}"
    return f"{dotted(first)}-{dotted(last)}"
