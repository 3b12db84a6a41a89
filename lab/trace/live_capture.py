"""Shows what passes a place, packet by packet, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from lab.errors import UsageError
from lab.kernel.sandbox.life import Life
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.run import enter
from lab.trace.show import wording
from lab.trace.witness.capture import Captures
from lab.trace.witness.filter.bpf import compiled
from lab.trace.witness.observation import observed
from lab.trace.witness.pcapng import Stream, Writer

TICK = 0.5  # seconds; how soon is noticed that the lab has ended, or a Ctrl-C that came between two packets


def watch(
    sandbox: Sandbox,
    life: Life,
    labmap: LabMap,
    where: str,
    say: Callable[[str], None],
    *,
    expression: str = "",
    write: Stream | None = None,
    count: int = 0,
) -> int:
    """Say a line for every packet at `PLACE` or `PLACE/DEVICE`, until Ctrl-C, `count` packets, or the end of the lab's
    life; gives how many.

    `expression` is a filter in tcpdump's language; `write` gets a pcapng file, which is complete whenever it ends.
    For a process of its own: joins the lab's user namespace for good.
    """
    place, interface = split(labmap, where)
    program = compiled(expression) if expression else ()
    number = 0
    with ExitStack() as stack:
        writer = Writer(write) if write else None
        enter(sandbox)
        captures = stack.enter_context(Captures(sandbox))
        captures.open([place], interface, program)
        try:
            # Whoever listens keeps the place's namespace alive: that the lab has ended is not to be seen there.
            while (not count or number < count) and not life.has_ended():
                for observation in observed(captures.read(TICK), labmap):
                    say(wording.line(observation))
                    if writer:
                        writer.write(observation.capture)
                    number += 1
                    if number == count:
                        break
        except KeyboardInterrupt:
            pass
    return number


def split(labmap: LabMap, where: str) -> tuple[str, str]:
    """Place and interface ("" for all) of `node-0`, `node-0/eth0`, `pod-0`, `namespace001/pod-0/eth0`. UsageError."""
    try:
        return labmap.find(where).name, ""
    except UsageError:
        name, slash, interface = where.rpartition("/")
        if not slash:
            raise
        place = labmap.find(name)
        return place.name, interface
