"""The programs that load rules: several places' side by side, those of one place one after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from lab import spans
from lab.errors import KernelError
from lab.kernel.rules import iptables, nft
from lab.kernel.rules.running import Running
from lab.kernel.sandbox.namespaces import Namespaces
from lab.plan import NftStep, RuleStep
from lab.plan.nft_input import ROOM, ROOM_OF_ROOT, transactions
from lab.plan.restore import restore_input

TRIES = 100  # how often what is in use for a moment longer is tried to be removed; each takes some milliseconds


@dataclass(frozen=True, slots=True)
class _Load:
    """What one program is given. It may be tried so many times when the kernel says that something is still in use."""

    place: str
    text: str
    native: bool = False
    tries: int = 1


class Loading:
    """All loading of one plan."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._waiting: deque[_Load] = deque()
        self._last: deque[_Load] = deque()  # removals: first every place gets what is new
        self._running: list[tuple[_Load, Running, int]] = []

    def add(self, step: RuleStep | NftStep) -> None:
        """Have the step's rules loaded; nothing begins yet."""
        if isinstance(step, RuleStep):
            self._waiting.append(_Load(step.place, restore_input(step.changes)))
            return
        needed = transactions(step.changes, room())
        self._waiting.extend(_Load(step.place, text, native=True) for text in needed.changes)
        self._last.extend(_Load(step.place, text, native=True, tries=TRIES) for text in needed.removals)

    def advance(self, beside: int) -> None:
        """Have at most so many programs at work at this moment, starting those that wait. KernelError of one that
        failed.
        """
        for one in [one for one in self._running if one[1].process.poll() is not None]:
            self._running.remove(one)
            self._take(*one)
        for queue in (self._waiting, self._last):
            for load in tuple(queue):
                if len(self._running) >= beside:
                    return
                if all(load.place != other.place for other, _, _ in self._running):
                    queue.remove(load)
                    begun = spans.now()
                    self._running.append((load, self._start(load), begun))

    def finish(self, beside: int) -> None:
        """Return when all are done. KernelError of the first that failed."""
        with spans.span("waiting for rules"):
            self.advance(beside)
            while self._running:
                self._take(*self._running.pop(0))
                self.advance(beside)

    def end(self) -> None:
        """Kill what is at work."""
        for _, program, _ in self._running:
            program.process.kill()
            program.process.communicate()

    def _start(self, load: _Load) -> Running:
        starter = nft.start_load if load.native else iptables.start_restore
        return starter(self._namespaces, load.place, load.text)

    def _take(self, load: _Load, program: Running, begun: int) -> None:
        try:
            program.result()
            spans.note(program.command, begun, f"rules of {load.place}")
        except KernelError as error:
            if nft.BUSY not in str(error) or load.tries == 1:
                raise
            self._last.appendleft(replace(load, tries=load.tries - 1))


def room() -> int:
    """Bytes of netlink that a transaction may have here: for the machine's own root our sockets take as much as they
    like (SO_SNDBUFFORCE).
    """
    first, outside, _ = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[:3]
    return ROOM_OF_ROOT if first == outside == "0" else ROOM
