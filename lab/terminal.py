"""The one module that writes on the terminal, apart from the story of a journey: progress while waiting, tables,
plain lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.calling import spoken
from lab.errors import MachineError

WIDTH = 24
REFRESH_SECONDS = 0.05
USUAL_COLUMNS = 80


class Progress:
    """One line on a terminal that is written over while work goes on; nothing where the output is not a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._last = 0.0

    def __enter__(self) -> Progress:
        self.show(0, 1, "")
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def show(self, done: int, of: int, place: str) -> None:
        """So many steps of so many are done, the last ones in that place."""
        now = time.monotonic()
        if not self._shown or (now - self._last < REFRESH_SECONDS and done < of):
            return
        self._last = now
        filled = WIDTH * done // max(of, 1)
        sys.stderr.write(f"\r\033[K{self._what} {'█' * filled}{'░' * (WIDTH - filled)} {done}/{of} {place}")
        sys.stderr.flush()

    def say(self, text: str) -> None:
        """A line that stays, above the progress."""
        if self._shown:
            sys.stderr.write("\r\033[K")
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def out(text: str) -> None:
    """A line, or several, on standard output. Commands in it begin as this program is called."""
    data(f"{spoken(text)}\n")


def data(text: str) -> None:
    """What other programs read, on standard output, exactly as it is."""
    with _written():
        sys.stdout.write(text)


def flush() -> None:
    """All that was told so far is on its way."""
    with _written():
        sys.stdout.flush()


@contextmanager
def _written() -> Iterator[None]:
    """A reader that went away has seen enough (BrokenPipeError); a disk that is full is for the machine's owner."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineError(f"standard output cannot be written: {error.strerror}") from error


def warn(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{spoken(text)}\n")


def width() -> int:
    """How many characters a line of standard output has: the terminal's, or COLUMNS, or 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL_COLUMNS
    except (OSError, ValueError):
        return USUAL_COLUMNS


def shortened(text: str, width: int = 160) -> str:
    """The beginning of a line that is too long to be read."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As kubectl prints it: headings in capitals, three spaces between columns, no lines."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return "\n".join(row(each, widths) for each in (columns, *rows))


def row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table whose columns are that wide."""
    return "   ".join(cell.ljust(wide) for cell, wide in zip(cells, widths, strict=True)).rstrip()


def age(seconds: float) -> str:
    """As kubectl writes an age: 42s, 3m10s, 61m, 3h5m, 12h, 2d3h, 9d (apimachinery: HumanDuration)."""
    whole = int(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"


def _two(large: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{large}{unit}{small}{smaller_unit}" if small else f"{large}{unit}"
