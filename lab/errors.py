"""Everything Hoplab says went wrong, split by who must act on it.

`FileError`: the author of a topology or manifest. `MachineError`: whoever runs the machine.
`UsageError`: who typed the command. Anything else that reaches the user is a defect of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


class HoplabError(Exception):
    """Root of the family; str() is what the user reads, `hint` is what they can do about it."""

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that cannot be right in a file: where it stands, what is wrong, what would be right."""

    file: str
    line: int
    column: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        field = f" {self.field}:" if self.field else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}:{field} {self.problem}{remedy}"


class FileError(HoplabError):
    """A topology or manifest cannot be right. Nothing was built, or whatever `outcome` says. Exit status 2."""

    exit_status = 2

    def __init__(self, mistakes: tuple[Mistake, ...], outcome: str = "nothing was built") -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes
        self.outcome = outcome


class UsageError(HoplabError):
    """The command names something that does not exist or cannot be asked. Exit status 2."""

    exit_status = 2


class MachineError(HoplabError):
    """The machine or its kernel lacks or forbids something. The hint says how to get it."""


class KernelError(HoplabError):
    """A step failed: the hint is the command to try by hand."""


class LabError(HoplabError):
    """The lab's agent is not running, died, or refused."""
