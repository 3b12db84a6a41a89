"""Commands as an attacker types them, and whether their end is one that a person can do something with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import ROOT
from bench.attack.tally import DONE, REFUSED

PATIENCE_SECONDS = 60.0
CLEAR = (0, 1, 2, 3, 130, 141)
NO_SUCH_PROGRAM = 127  # what `exec` and `shell` say of it, as a shell does
NEVER = ("Traceback (most recent call last)", "internal error", "defect in the agent", "Segmentation fault")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended: its status, None if it hung and was killed, and what it said."""

    status: int | None
    out: str
    err: str

    @property
    def outcome(self) -> str:
        """For a tally. Refused is refused clearly: with a sentence of ours."""
        told = next((one for one in NEVER if one in self.err or one in self.out), "")
        if self.status is None:
            return f"hangs: {self._words}"
        if told or self.status not in (*CLEAR, NO_SUCH_PROGRAM):
            return f"status {self.status}: {self._words}"
        if self.status in (1, 2) and not self.err and not self.out:
            return f"status {self.status} without a word"
        return REFUSED if self.status in (1, 2) else DONE

    @property
    def _words(self) -> str:
        return self.err.strip()[-600:] or self.out.strip()[-200:]


def started(words: Sequence[str], extra: Mapping[str, str] | None = None, before: str = "") -> subprocess.Popen[bytes]:
    """`./inv WORDS`, begun in a group of its own; by a shell that has said `before`, if that is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOPLAB_")}
    line = [sys.executable, str(ROOT / "tasks.py"), *words]
    return subprocess.Popen(
        ["sh", "-c", f'{before}; exec "$@"', "sh", *line] if before else line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**inherited, "NO_COLOR": "1", **(extra or {})},
        cwd=ROOT,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[bytes], seconds: float = PATIENCE_SECONDS) -> Answer:
    """Its answer; one that takes longer is killed with all that it started."""
    status: int | None
    try:
        out, err = process.communicate(timeout=seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status = None
    return Answer(status, out.decode(errors="replace"), err.decode(errors="replace"))


def asked(*words: str, extra: Mapping[str, str] | None = None, before: str = "") -> Answer:
    """`./inv WORDS` from beginning to end."""
    return ended(started(words, extra, before))
