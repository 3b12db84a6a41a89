"""Commands inside of a lab's places, run as `./inv exec` runs them, without a process for each `./inv`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.errors import HoplabError
from lab.kernel.cell import visitor
from lab.kernel.cell.visitor import Visit

NO_VARIABLES: Mapping[str, str] = {}
MACHINES_PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")
"""What runs a program of ours in a place, given as its text: nothing of this checkout is seen there."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and all that it printed."""

    status: int
    output: str


def run(where: Visit, command: str | Sequence[str], extra: Mapping[str, str] = NO_VARIABLES) -> Done:
    """A command, given as one line or in words, from beginning to end. `extra` is added to its environment."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(reading)
        _become(where, words, extra, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        output = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Done(code if code >= 0 else 128 - code, output)


def _become(where: Visit, words: Sequence[str], extra: Mapping[str, str], output: int) -> None:
    """In the child: going into a place is for good."""
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = visitor.run(where, words, extra)
    except HoplabError as error:
        sys.stderr.write(f"hoplab: {error.message}\n")
    except Exception:  # whatever it is ends here: this process must not go on as its parent
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)
