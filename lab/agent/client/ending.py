"""Ending a lab: its agent is asked to, and killed where it does not answer. The kernel takes the rest with it."""

from __future__ import annotations

from lab.agent.client import unanswered
from lab.errors import LabError
from lab.kernel.sandbox.holdouts import Holdouts
from lab.kernel.sandbox.life import Life

DOWN_SECONDS = 5.0  # so long an agent that was asked to end may say nothing
SOON_SECONDS = 1.0
END_SECONDS = 10.0


def see_it_end(lab: str, life: Life, *, asked: bool) -> str:
    """Returns when the agent is gone: "", or what had to be done. `asked`: it has heard that it shall end. LabError
    when even the kernel cannot end it.
    """
    holdouts = Holdouts.of(life.pid)
    if asked and _ends(life, holdouts):
        return ""
    told = f"{unanswered.sentence(lab, life.pid, DOWN_SECONDS)}, and was killed"
    life.kill()
    if not _ends(life, holdouts):
        why = f"lab {lab!r}: its agent (process {life.pid}) does not end, though it was killed"
        keeping = " ".join(map(str, holdouts.wake()))
        looking = f"`ps -o pid,stat,wchan,args {keeping or life.pid}` tells what is waited for"
        raise LabError(why, looking)
    return told


def _ends(life: Life, holdouts: Holdouts) -> bool:
    if life.has_ended(SOON_SECONDS):
        return True
    holdouts.wake()
    return life.has_ended(END_SECONDS - SOON_SECONDS)
