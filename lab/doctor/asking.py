"""Runs errands as programs of the places would, many at once and without listening: whether each is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.doctor.errand import Errand
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.apart import Begun
from lab.trace.ask import target as targets
from lab.trace.ask.attempt import Ask
from lab.trace.ask.exchange import ANSWERED, OPENED
from lab.trace.ask.reference import asker
from lab.trace.ask.requester import Probe
from lab.trace.run import enter
from lab.trace.several import Several

SECONDS = 0.6  # what an answer of a lab that is well takes a hundredth of
TOKEN = b"hoplab doctor"
Answered = dict[Errand, bool]


@dataclass(frozen=True, slots=True)
class _Round:
    """The errands of one place, in a process of its own."""

    sandbox: Sandbox
    labmap: LabMap
    errands: Sequence[Errand]

    def run(self, tell: Callable[[list[bool]], None]) -> None:
        enter(self.sandbox)
        tell([self._is_answered(one) for one in self.errands])

    def _is_answered(self, errand: Errand) -> bool:
        source = asker(self.labmap, errand.source)
        target = targets.aim(self.labmap, source, errand.to, None, errand.protocol)
        probe = Probe(self.sandbox, source)
        address = target.address
        if target.name:
            resolution = probe.resolve(target.name)
            address = resolution.addresses[0] if resolution.addresses else ""
        if not address:
            return False
        dns = errand.protocol == "dns"
        payload = probe.message(f"kubernetes.default.svc.{self.labmap.dns.domain}") if dns else TOKEN
        ask = Ask(address, target.port, payload, target.text, errand.size, target.path)
        attempt = probe.begin("udp" if dns else errand.protocol, ask, dns=dns)
        return probe.finish(attempt, SECONDS).outcome in (ANSWERED, OPENED)


def run(sandbox: Sandbox, labmap: LabMap, errands: Sequence[Errand]) -> Answered:
    """Of each whether it was answered."""
    by_place: dict[str, list[Errand]] = {}
    for one in errands:
        by_place.setdefault(one.source, []).append(one)
    left = list(by_place.values())
    answered: Answered = {}
    with Several[list[Errand], list[bool]]() as going:
        while left or going:
            while left and going.has_room:
                mine = left.pop()
                going.add(mine, Begun(_Round(sandbox, labmap, mine).run))
            for mine, begun in going.ended():
                answered.update(zip(mine, begun.result(), strict=True))
    return answered
