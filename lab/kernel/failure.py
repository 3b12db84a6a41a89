"""What a step that failed says: whose it was, the kernel's words, and the line to try by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lab.errors import KernelError
from lab.plan import AnyStep
from lab.plan.commands import commands

T = TypeVar("T")


def guarded(step: AnyStep, action: Callable[[T], None], subject: T) -> None:
    """`action(subject)`, which is what the step does. KernelError in place of an OSError."""
    try:
        action(subject)
    except OSError as error:
        raise failure(step, error) from error


def failure(step: AnyStep, error: OSError) -> KernelError:
    """The error as it is told."""
    return KernelError(f"{step.place}: {error.strerror or error}", f"by hand in `./inv shell`: {commands(step)}")
