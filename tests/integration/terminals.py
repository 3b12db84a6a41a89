"""A program on a real pseudo-terminal, as a person has it: what is typed, and what appears."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.labs import PATIENCE_SECONDS, environment

_CONTROL = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[()][0-9A-Z]|\x1b[=>]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x07")


def shown(text: str) -> str:
    """The lines that a terminal shows after this output, wide enough for each of them."""
    lines: list[list[str]] = [[]]
    column = 0
    for char in _CONTROL.sub("", text):
        line = lines[-1]
        if char == "\n":
            lines.append([])
        if char in "\r\n":
            column = 0
        elif char == "\b":
            column = max(column - 1, 0)
        else:
            line[column : column + 1] = [char]
            column += 1
    return "\n".join("".join(line) for line in lines)


class Terminal:
    """One program on one terminal; it is killed at the end of the block."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, extra: Mapping[str, str] | None = None, columns: int = 200
    ) -> None:
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            told = {**environment(), "TERM": "dumb", **(extra or {}), "COLUMNS": str(columns), "LINES": "50"}
            os.execvpe(argv[0], list(argv), told)  # noqa: S606  no shell but the one that is asked for
        self._seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    @property
    def seen(self) -> str:
        """What has appeared."""
        return shown(self._seen)

    @property
    def raw(self) -> str:
        """What the program has written, letter by letter."""
        return self._seen

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def suspend(self) -> None:
        """Stop the job in front, as another terminal's `kill -STOP` does."""
        os.killpg(os.tcgetpgrp(self._descriptor), signal.SIGSTOP)

    def until(self, wanted: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Read until the wanted text (a regular expression) has appeared."""
        deadline = time.monotonic() + seconds
        while not re.search(wanted, self.seen):
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {wanted!r}; the terminal shows:\n{self.seen}"
            if not select.select([self._descriptor], [], [], min(left, 0.2))[0]:
                continue
            try:
                self._seen += os.read(self._descriptor, 65536).decode(errors="replace")
            except OSError:  # the program has ended
                assert re.search(wanted, self.seen), f"it ended without {wanted!r}; the terminal shows:\n{self.seen}"
