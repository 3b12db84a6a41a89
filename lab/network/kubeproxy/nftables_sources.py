"""Prefixes as nft prints a set of them: those that touch become one."""

from __future__ import annotations

from collections.abc import Iterable

from lab.network.ipv4 import Prefix, dotted

_ALL = 32


def one_of(prefixes: Iterable[str]) -> str:
    """`203.0.113.0/25`, or `{ 5.6.7.8, 10.0.0.0/8 }`: in order, as `nft list` (1.0.6) prints what it was given.

    Addresses alone stay apart; as soon as there is a prefix among them, neighbours are joined to prefixes or ranges.
    """
    given = sorted({(one.network, one.network + one.size - 1) for one in map(Prefix.of, prefixes)})
    ranges = given if all(first == last for first, last in given) else _joined(given)
    written = [_written(first, last) for first, last in ranges]
    return written[0] if len(written) == 1 else f"{{ {', '.join(written)} }}"


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
