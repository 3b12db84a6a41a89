"""Watches a pod instead of asking in its name: the journeys of its own new connections, as they happen.

Nothing is sent. All places that a request of the pod may come through are listened on from the beginning.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from lab.errors import UsageError
from lab.kernel.netlink.rtnetlink import address, interface
from lab.kernel.sandbox.life import Life
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.trace.explain.explanation import Agent
from lab.trace.explain.queries.inquiry import Inquiry, asking
from lab.trace.follow.hearing import Hearing
from lab.trace.follow.lookout import Lookout, Sampling
from lab.trace.journey import Journey
from lab.trace.run import enter
from lab.trace.whereabouts import LISTENED
from lab.trace.witness.filter.selection import Selection, selection
from lab.trace.witness.witnesses import Witnesses


class Audience(Protocol):
    """Who is told."""

    def begun(self, places: int) -> None:
        """So many are listened on from now."""

    def told(self, journey: Journey) -> None:
        """One of the connections."""

    def sampled(self, sampling: Sampling) -> None:
        """From now on more or fewer of them are told."""


@dataclass(frozen=True, slots=True)
class Following:
    """A pod that is to be watched."""

    sandbox: Sandbox
    life: Life
    labmap: LabMap
    source: Place
    agent: Agent

    def run(self, audience: Audience, count: int = 0) -> None:
        """Tell each journey, until Ctrl-C, SIGTERM, or so many. LabError when the lab ends before. For a process of its
        own: it joins the lab's user namespace for good.
        """
        enter(self.sandbox)
        named = places(self.labmap, self.source)
        chosen = self._selection()
        with _terminable(), Witnesses(self.sandbox, self.labmap, chosen.matches) as witnesses:
            try:
                witnesses.open(named)
                with Hearing(witnesses) as hearing:
                    audience.begun(len(named))
                    lookout = Lookout(
                        self.sandbox,
                        self.life,
                        self.labmap,
                        self.source,
                        self.agent,
                        witnesses,
                        hearing,
                        chosen,
                        audience.sampled,
                    )
                    for number, journey in enumerate(lookout.journeys(), 1):
                        audience.told(journey)
                        if number == count:
                            break
            except KeyboardInterrupt:
                pass

    def _selection(self) -> Selection:
        with asking(self.sandbox, self.source.name) as inquiry:
            held = own_addresses(inquiry)
        return selection(self.labmap, tuple(dict.fromkeys((self.source.address, *held))))


def own_addresses(inquiry: Inquiry) -> tuple[str, ...]:
    """All that the place may send from, as the kernel has them now; those of the loopback network stay in the place."""
    names = {index: name for name, index in interface.read(inquiry.netlink, inquiry.place).indexes.items()}
    found = (one.address.partition("/")[0] for one in address.read(inquiry.netlink, inquiry.place, names))
    return tuple(one for one in found if not one.startswith("127."))


def following(sandbox: Sandbox, life: Life, labmap: LabMap, source: str, agent: Agent) -> Following:
    """UsageError when the source is not a pod."""
    place = labmap.find(source)
    if place.kind != "pod":
        raise UsageError(f"{source} is no pod, and what is followed is one", "./inv get pods lists them")
    return Following(sandbox, life, labmap, place, agent)


def places(labmap: LabMap, source: Place) -> tuple[str, ...]:
    """Where to listen: all that is not a pod, and of the others first those that Services lead to.

    In a large lab not all pods: another is opened when a connection goes there.
    """
    common = [place.name for place in labmap.places if place.kind not in ("pod", "underlay")]
    led_to = [one.pod for service in labmap.services for port in service.ports for one in port.preferred]
    pods = dict.fromkeys((*labmap.dns.pods, *led_to, *(place.name for place in labmap.of_kind("pod"))))
    wanted = [pod for pod in pods if pod in labmap.by_name and pod != source.name]
    return tuple(dict.fromkeys((source.name, *common, *wanted[:LISTENED])))


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
