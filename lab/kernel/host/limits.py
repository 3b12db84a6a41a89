"""What a process of this shell is allowed to have (setrlimit), where a lab needs more than most programs do."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import MachineError

_MIB = 1 << 20
_FILES = "ulimit -n 4096"


@dataclass(frozen=True, slots=True)
class Least:
    """So much of one limit is needed; how it is told, and how the shell gives more."""

    limit: int
    amount: int
    told: str
    remedy: str


# Measured with the topologies that come with Hoplab, and rounded up: under less, libraries abort without a word.
COMMAND = (
    Least(resource.RLIMIT_AS, 96 * _MIB, "a command needs {} MiB of address space", "ulimit -v unlimited"),
    Least(resource.RLIMIT_DATA, 48 * _MIB, "a command needs {} MiB of memory", "ulimit -d unlimited"),
)
LAB = (
    Least(resource.RLIMIT_AS, 400 * _MIB, "a lab needs {} MiB of address space", "ulimit -v unlimited"),
    Least(resource.RLIMIT_DATA, 200 * _MIB, "a lab needs {} MiB of memory", "ulimit -d unlimited"),
    Least(resource.RLIMIT_FSIZE, 16 * _MIB, "a lab needs files of {} MiB", "ulimit -f unlimited"),
)
_LEAST_FILES = 128
MOST_FILES = 1 << 20


def require(needed: Iterable[Least]) -> None:
    """MachineError if this process, and so what it starts, may have less than that."""
    for one in needed:
        soft, _ = resource.getrlimit(one.limit)
        if soft != resource.RLIM_INFINITY and soft < one.amount:
            told = f"{one.told.format(one.amount // _MIB)}, and no more than {soft // _MIB} are allowed here"
            raise MachineError(told, f"{one.remedy}, in a new shell")


def require_for_lab() -> None:
    """MachineError if no agent could live under the limits that it would inherit from us."""
    require(LAB)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _LEAST_FILES:
        told = f"a lab needs {_LEAST_FILES} open files, and no more than {hard} are allowed here"
        raise MachineError(told, f"{_FILES}, in a new shell")


def allow_many_files() -> None:
    """As many open files as this process may allow itself: every place of a lab is one, every capture another."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
