"""How the program was called, so that what people are told to type is what works for them.

The lab's texts say `./inv TASK`, as in a checkout; whoever shows one to a person passes it through `spoken`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import PurePath

CHECKOUT = "./inv"
VARIABLE = "HOPLAB_CALLED"  # what was typed in place of ./inv; the script of that name sets it
TASKS_FILE = "tasks.py"
PROGRAMS = ("hoplab", "inv", "invoke")
DEVELOPERS = ("bench", "lint", "setup", "test")  # tasks that a checkout alone has: they are told as they are there
_MENTIONED = re.compile(rf"(?<![\w./-])\./inv(?= (?!(?:{'|'.join(DEVELOPERS)})\b))")


def called(argv0: str, environment: Mapping[str, str]) -> str:
    """What the person typed before the task, by the process's own first word: `./inv`, `hoplab`, `invoke`, a path …"""
    path = PurePath(argv0)
    name = path.parent.name if path.name == "__main__.py" else path.name  # `python -m invoke`
    if name == TASKS_FILE:
        return environment.get(VARIABLE) or CHECKOUT
    return name if name in PROGRAMS else "hoplab"


def program() -> str:
    """What this process was called."""
    return called(sys.argv[0], os.environ)


def spoken(text: str, name: str = "") -> str:
    """The text with `./inv TASK` as this process, or the program of that name, is called."""
    return _MENTIONED.sub(name or program(), text) if CHECKOUT in text else text
