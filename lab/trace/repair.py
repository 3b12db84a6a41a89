"""Mends what a trace found: runs the commands that it named, in their place, and asks again."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab import terminal
from lab.agent.client import kubectl
from lab.errors import HoplabError
from lab.kernel.cell import visitor
from lab.kernel.cell.visitor import Visit
from lab.map.labmap import LabMap
from lab.trace.ask.target import service_at
from lab.trace.journey import DATA, DELIVERED, REQUEST, Journey, Loss, Mending
from lab.trace.show import reasons, wording

_FAILED = 1


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run, as it is typed outside of the lab, and its exit status."""

    command: str
    status: int


def mend(
    visit_to: Callable[[str], Visit], fix: Sequence[Mending], lab: str, *, say: Callable[[str], None], output: int = 1
) -> Iterator[Ran]:
    """Run the commands one after the other, as `./inv exec` or `./inv kubectl` does: without a shell, each in a process
    of its own.

    Each is said before; what it prints goes to the file descriptor `output`. One that fails does not keep the next from
    being run: what counts is the next trace.
    """
    for one in fix:
        typed = reasons.typed(one, lab)
        say(f"$ {reasons.begun(typed)}")
        yield Ran(typed, _run(visit_to(one.place) if one.place else None, one.command, lab, output))


def _run(where: Visit | None, command: str, lab: str, output: int) -> int:
    """In a child, because going into a place is for good."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code
    code = _FAILED
    try:
        os.dup2(output, 1)
        words = shlex.split(command)
        if where is None:
            kubectl.become(kubectl.program(), lab, words[1:])
        code = visitor.run(where, words, {})
    except HoplabError as error:
        terminal.warn(f"hoplab: {error.message}")
    except Exception:  # whatever it is ends here: this process must not go on as its parent
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def chosen(labmap: LabMap, journey: Journey) -> str:
    """The pod that the asked Service chose, so that the same is asked again; "" where no choice was seen."""
    there = journey.part(DATA, REQUEST)
    if not there or there[0].packet.dst == there[-1].packet.dst:
        return ""
    asked, address = there[0].packet, there[-1].packet.dst
    _, port = service_at(labmap, asked.dst, asked.dport, asked.protocol) or (None, None)
    return next((one.pod for one in port.preferred if one.address == address), "") if port else ""


def tell(before: Journey, after: Journey, *, failed: bool = False) -> tuple[str, ...]:
    """Whether it is mended now, and if not, what is still in the way. `failed`: some command was not carried out."""
    if after.verdict == DELIVERED:
        mended = "not all was mended, but it is" if failed else "mended:"
        return (f"{mended} delivered by {after.answered_by} in {after.duration_us / 1000:.1f} ms",)
    lost = after.lost
    if lost is None:
        return (f"not mended: {after.verdict}",)
    lines = [f"not mended: {wording.ending(after.verdict, lost)}", lost.why]
    if before.lost is not None and _same(before.lost, lost):
        lines.append("It is the same loss as before.")
    elif lost.fix:
        lines.append("It is another loss; --fix again runs:")
        lines += (f"  {reasons.begun(command)}" for command in reasons.mending(lost, after.lab))
    return tuple(lines)


def nothing(journey: Journey) -> str:
    """Why there is nothing to run."""
    if journey.verdict == DELIVERED:
        return f"nothing to mend: delivered by {journey.answered_by}"
    if journey.stopped:
        return "nothing to run inside the lab: what is stopped is started from outside, as said"
    return "nothing to run: no command is known that mends it"


def _same(one: Loss, other: Loss) -> bool:
    return _identity(one) == _identity(other)


def _identity(lost: Loss) -> tuple[str, ...]:
    return (lost.object_place or lost.place, lost.direction, lost.phase, lost.cause, lost.object)
