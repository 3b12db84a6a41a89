"""The lines of `iptables-restore` by which the rules that a chain has become others, with the fewest touched."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence


def edits(name: str, have: Sequence[str], want: Sequence[str]) -> Iterator[str]:
    """What is new comes first, what is old goes after that: nothing is let through or lost for want of a rule in
    between.
    """
    stays = {there: here for here, there in kept(have, want)}
    come = [0] * (len(have) + 1)  # how many new rules stand right before each of the old ones
    passed, new = 0, 0
    for number, text in enumerate(want):
        if number in stays:
            passed = stays[number] + 1
            continue
        if passed == len(have):
            yield f"-A {name} {text}\n"
        else:
            yield f"-I {name} {passed + new + 1} {text}\n"
        come[passed] += 1
        new += 1
    left = {*stays.values()}
    at = 0
    for number in range(len(have)):
        at += come[number]
        if number in left:
            at += 1
        else:
            yield f"-D {name} {at + 1}\n"


def by_text(have: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    """The edits of a chain, of which those that take a rule out name it by its text where that says which."""
    there = list(have)
    for line in lines:
        verb, name, rest = line.rstrip().split(" ", 2)
        if verb == "-D":
            text = there.pop(int(rest) - 1)
            yield f"-D {name} {rest if text in there else text}"
            continue
        place, text = (int(rest.partition(" ")[0]) - 1, rest.partition(" ")[2]) if verb == "-I" else (len(there), rest)
        there.insert(place, text)
        yield line.rstrip()


def kept(have: Sequence[str], want: Sequence[str]) -> list[tuple[int, int]]:
    """Places in both, from first to last, of rules that stay as they are and in the same order: all that stand at the
    beginning and at the end, and as many as possible of those between that are there once.
    """
    shorter = min(len(have), len(want))
    head = next((at for at in range(shorter) if have[at] != want[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if have[-1 - at] != want[-1 - at]), rest)
    old, new = have[head : len(have) - tail], want[head : len(want) - tail]
    return [
        *((at, at) for at in range(head)),
        *((head + here, head + there) for here, there in _in_order(_once_in_both(old, new))),
        *((len(have) - at, len(want) - at) for at in range(tail, 0, -1)),
    ]


def _once_in_both(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places in both of what is there once, by the place in the first."""
    there = {text: at for at, text in enumerate(new)}
    olds, news = Counter(old), Counter(new)
    return [(at, there[text]) for at, text in enumerate(old) if olds[text] == 1 and news[text] == 1]


def _in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest row of pairs whose second places increase too (by patience sorting)."""
    ends: list[int] = []  # the smallest second place that a row of each length can end with
    last: list[int] = []  # the pair that it ends with
    before: list[int] = []  # the pair before each in its row, -1 for none
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [number]
    row = []
    number = last[-1] if last else -1
    while number >= 0:
        row.append(pairs[number])
        number = before[number]
    return row[::-1]
