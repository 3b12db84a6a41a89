"""The one module that writes on the terminal: progress while waiting, tables, lines, plain or in colours.

Whatever it is given may have come from a pod or the network, so nothing of it is obeyed: `lab.printable`. Only what a
program in the lab writes itself, and packets that are asked for as packets, reach the terminal as they are.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lab import printable
from lab.errors import MachineError
from lab.program_name import spoken

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
            _tell("\r\033[K")

    def show(self, done: int, of: int, place: str) -> None:
        """So many steps of so many are done, the last ones in that place."""
        now = time.monotonic()
        if not self._shown or (now - self._last < REFRESH_SECONDS and done < of):
            return
        self._last = now
        filled = WIDTH * done // max(of, 1)
        told = f"{self._what} {'█' * filled}{'░' * (WIDTH - filled)} {done}/{of} {place}"
        _tell(f"\r\033[K{printable.line(told)}")

    def say(self, text: str) -> None:
        """A line that stays, above the progress."""
        if self._shown:
            _tell("\r\033[K")
        warn(text)


def out(text: str) -> None:
    """A line, or several, on standard output. Commands in it begin as this program is called."""
    data(f"{spoken(text)}\n")


def data(text: str) -> None:
    """What other programs read, on standard output, with nothing added."""
    with _written():
        sys.stdout.write(printable.text(text))


def binary(data: bytes) -> None:
    """What is no text (packets), on standard output, after all that was told before."""
    with _written():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def styled(lines: Iterable[tuple[str, str]]) -> None:
    """Lines, each with its style in Rich's words, on standard output: coloured if it is a terminal that can."""
    if not sys.stdout.isatty():
        out("\n".join(printable.line(one) for one, _ in lines))
        return
    from rich.console import Console  # noqa: PLC0415  50 ms that only a terminal needs
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    with _written():
        for one, style in lines:
            console.print(Text(printable.line(spoken(one)), style), soft_wrap=True)


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
    """A line, or several, on standard error."""
    _tell(f"{printable.text(spoken(text))}\n")


def _tell(text: str) -> None:
    """When nobody can be told (a full disk behind `2>`), the work goes on all the same: its status says how it went."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        return


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
    """One line; the beginning of one that is too long to be read."""
    text = printable.line(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As kubectl prints it: headings in capitals, three spaces between columns, no lines."""
    wide = widths((columns, *rows))
    return "\n".join(row(each, wide) for each in (columns, *rows))


def widths(rows: Iterable[Sequence[str]]) -> tuple[int, ...]:
    """How wide the columns of these rows are, as they are shown."""
    return tuple(max(len(printable.cell(one)) for one in column) for column in zip(*rows, strict=True))


def row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table whose columns are that wide."""
    return "   ".join(printable.cell(one).ljust(wide) for one, wide in zip(cells, widths, strict=True)).rstrip()


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
