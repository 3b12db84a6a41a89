"""The two kinds of tables that calicoctl prints, space by space: Go's tabwriter's, and boxes (olekukonko/tablewriter
0.0.5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

_LEAST, _BETWEEN = 5, 3
WRAPPED_AT = 30
_OVERLONG = 100_000  # what a line that is too long costs
_NUMBER = re.compile(r"-?(\d{1,3}(,\d{3})*|\d+)(\.\d+)?")

Row = Sequence[str]


def columns(headings: Row, rows: Sequence[Row]) -> str:
    """Every cell is padded, the last of a line too."""
    lines = (headings, *rows)
    wide = [max(_LEAST, max(len(cell) for cell in column) + _BETWEEN) for column in zip(*lines, strict=True)]
    return "".join("".join(c.ljust(w) for c, w in zip(line, wide, strict=True)) + "\n" for line in lines)


def box(headings: Row, rows: Sequence[Row]) -> str:
    """Headings in the middle, numbers to the right, what is longer than 30 characters on several lines."""
    wrapped = [[_wrapped(cell) for cell in row] for row in rows]
    wide = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    rule = "+".join(("", *("-" * (width + 2) for width in wide), "")) + "\n"
    head = _line([_centred(text, width) for text, width in zip(headings, wide, strict=True)])
    body = "".join(
        _line([_aligned(text, width) for text, width in zip(line, wide, strict=True)])
        for row in wrapped
        for line in zip_longest(*row, fillvalue="")
    )
    return f"{rule}{head}{rule}{body}{rule}"


def _width(cell: str) -> int:
    """What it takes: 30 where it is longer, however its lines break; or its longest word."""
    return max(min(len(cell), WRAPPED_AT), *map(len, cell.split()), 0)


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |\n"


def _centred(text: str, width: int) -> str:
    left = (width - len(text)) // 2
    return f"{' ' * left}{text}".ljust(width)


def _aligned(text: str, width: int) -> str:
    return text.rjust(width) if _NUMBER.fullmatch(text.strip()) else text.ljust(width)


def _wrapped(cell: str) -> list[str]:
    """The words on lines of at most 30 characters, or of the longest word, as evenly as can be."""
    words = cell.split()
    if not words:
        return [""]
    limit = _width(cell)
    count = len(words)
    lengths = [[len(" ".join(words[i : j + 1])) for j in range(count)] for i in range(count)]
    cost, breaks = [0.0] * (count + 1), [count] * (count + 1)
    for i in reversed(range(count)):
        if lengths[i][count - 1] <= limit:
            continue
        cost[i] = float("inf")
        for j in range(i + 1, count):
            left = limit - lengths[i][j - 1]
            each = left * left + cost[j] + (_OVERLONG if left < 0 else 0)
            if each < cost[i]:
                cost[i], breaks[i] = each, j
    lines, at = [], 0
    while at < count:
        lines.append(" ".join(words[at : breaks[at]]))
        at = breaks[at]
    return lines
