"""Every linter at once; the output of those that complain."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from dev import ROOT

PROGRAMS = Path(sys.executable).parent  # the environment's, whether it is activated or not


@dataclass(frozen=True, slots=True)
class Linter:
    """A program of the environment, and what it says when it is content is of no interest."""

    name: str
    arguments: tuple[str, ...]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (PROGRAMS / self.arguments[0], *self.arguments[1:]),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


LINTERS = (
    Linter("mypy --strict", ("mypy", "--strict")),
    Linter("import-linter", ("lint-imports",)),
    Linter("ruff check", ("ruff", "check", ".")),
    Linter("ruff format", ("ruff", "format", "--check", ".")),
)


def lint() -> int:
    """Run them side by side. Gives the exit status: 0 when none complains, else 1."""
    began = time.monotonic()
    running = [(linter, linter.start()) for linter in LINTERS]
    failed = False
    for linter, process in running:
        output, _ = process.communicate()
        if process.returncode:
            failed = True
            print(f"--- {linter.name}: `{' '.join(linter.arguments)}`\n{output.rstrip()}")
        print(f"{'FAILED' if process.returncode else 'ok':>6}  {linter.name}", flush=True)
    print(f"{time.monotonic() - began:.1f} s")
    return int(failed)
