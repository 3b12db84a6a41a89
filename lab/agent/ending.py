"""Ending a lab: its agent is asked to, and killed where it does not answer. The kernel takes the rest with it."""

from __future__ import annotations

from lab.agent import silence
from lab.errors import LabError
from lab.kernel.life import Life

DOWN_SECONDS = 5.0  # so long an agent that was asked to end may say nothing
END_SECONDS = 10.0


def see_it_end(lab: str, life: Life, *, asked: bool) -> str:
    """Returns when the agent is gone: "", or what had to be done. `asked`: it has heard that it shall end. LabError
    when even the kernel cannot end it.
    """
    if asked and life.has_ended(END_SECONDS):
        return ""
    told = f"{silence.sentence(lab, life.pid, DOWN_SECONDS)}, and was killed"
    life.kill()
    if not life.has_ended(END_SECONDS):
        why = f"lab {lab!r}: its agent (process {life.pid}) does not end, though it was killed"
        raise LabError(why, f"ps -o pid,stat,wchan {life.pid} tells what it waits for")
    return told
