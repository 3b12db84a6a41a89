"""How one of our own programs is started: the same Python, with nothing but the standard library and this package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab.kernel.host.packages import search_path

_PACKAGE = Path(__file__).resolve().parents[2]
_PACKAGE_FOLDER = _PACKAGE.parent


def command(module: str, *arguments: str) -> list[str]:
    """The argument list that runs `module` without site-packages: half the start-up time."""
    return [sys.executable, "-S", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment in which `module` is found, wherever the command was typed, and the system's programs by
    whoever typed it.
    """
    return {**os.environ, "PYTHONPATH": str(_PACKAGE_FOLDER), "PATH": search_path()}


def needed() -> tuple[str, ...]:
    """Files and folders of the machine without which nothing of ours runs: the package, the interpreter with its
    libraries, and the programs that `setup` made.
    """
    from lab.kernel.host import coredns  # noqa: PLC0415  who only starts a program of ours does not ask for it

    found = coredns.find()
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix} - {"/", "/usr"}
    return (str(_PACKAGE), os.path.dirname(os.path.realpath(sys.executable)), *prefixes, *((found,) if found else ()))
