"""What holds packets back or drops them at a device: queueing disciplines and filters, as `tc` tells them.

RTM_GETQDISC says quickly whether a device has another discipline than usual; only then `tc` is asked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink.tcmsg import HEADER, ROOT, RTM_GETQDISC, TCA_KIND, USUAL
from lab.kernel.netlink.transport import RouteSocket, attributes
from lab.kernel.rules.running import start

HOOKS = ("clsact", "ingress")
INGRESS, EGRESS = "ingress", "egress"

_STATS2, _QUEUE = 7, 3  # TCA_STATS2, TCA_STATS_QUEUE
_COUNTS = struct.Struct("=IIIII")  # gnet_stats_queue: length, backlog, drops, requeues, overlimits


@dataclass(frozen=True, slots=True)
class Discipline:
    """A queueing discipline that is not the kernel's usual one. `text` is as `tc qdisc show` prints it.

    `dropped` packets since it was made, and `waiting` in it now.
    """

    device: str
    kind: str
    text: str
    dropped: int = 0
    waiting: int = 0

    @property
    def stops(self) -> bool:
        """Whether something did not pass it."""
        return bool(self.dropped or self.waiting)


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of tc at a device's ingress or egress, `text` as `tc filter show` prints it in one line."""

    device: str
    hook: str
    text: str
    preference: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Queueing:
    """All of a place."""

    disciplines: tuple[Discipline, ...] = ()
    filters: tuple[Filter, ...] = ()


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Queueing:
    """Of the calling thread's namespace, which is the place's."""
    odd = [one for one in _disciplines(netlink, names) if one.kind not in USUAL]
    if not odd:
        return Queueing()
    showing = start(place, "tc qdisc show")
    filtering = {
        (one.device, hook): start(place, f"tc filter show dev {one.device} {hook}")
        for one in odd
        if one.kind in HOOKS
        for hook in ((INGRESS, EGRESS) if one.kind == "clsact" else (INGRESS,))
    }
    printed = {words[4]: line for line in showing.result().splitlines() if len(words := line.split()) > 4}
    disciplines = tuple(
        Discipline(one.device, one.kind, printed.get(one.device, one.text), one.dropped, one.waiting)
        for one in odd
        if one.kind not in HOOKS
    )
    filters = (one for where, running in filtering.items() for one in _filters(*where, running.result()))
    return Queueing(disciplines, tuple(filters))


def dropped(netlink: RouteSocket) -> Iterator[tuple[int, int]]:
    """How much each root discipline has dropped, by the number of its device."""
    for body in netlink.dump(RTM_GETQDISC, HEADER.pack(0, 0, 0, 0, 0)):
        _, index, _, parent, _ = HEADER.unpack_from(body)
        counted = attributes(attributes(body, HEADER.size).get(_STATS2, b"")).get(_QUEUE, b"")
        if parent == ROOT and len(counted) >= _COUNTS.size:
            yield index, _COUNTS.unpack_from(counted)[2]


def are_holding(netlink: RouteSocket) -> bool:
    """Whether any queue of the socket's namespace has packets in it now."""
    return any(one.waiting for one in _disciplines(netlink, {}))


def _disciplines(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[Discipline]:
    for body in netlink.dump(RTM_GETQDISC, HEADER.pack(0, 0, 0, 0, 0)):
        index = HEADER.unpack_from(body)[1]
        told = attributes(body, HEADER.size)
        kind = bytes(told[TCA_KIND]).rstrip(b"\0").decode()
        counted = attributes(told[_STATS2]).get(_QUEUE) if _STATS2 in told else None
        whole = counted is not None and len(counted) >= _COUNTS.size
        waiting, _, dropped, *_ = _COUNTS.unpack_from(counted) if whole and counted is not None else (0, 0, 0)
        device = names.get(index, "")
        yield Discipline(device, kind, f"qdisc {kind} dev {device}", dropped, waiting)


def _filters(device: str, hook: str, printed: str) -> Iterator[Filter]:
    """tc prints a line for the classifier, a second one with what it matches, and more for its actions."""
    blocks: list[list[str]] = []
    for line in printed.splitlines():
        if line.startswith("filter "):
            blocks.append([])
        if blocks:
            blocks[-1].append(line.strip())
    by_handle = [" ".join(filter(None, block)) for block in blocks if " handle " in block[0] or " fh " in block[0]]
    for text in by_handle:
        words = text.split()
        yield Filter(device, hook, text, _behind(words, "pref"), _behind(words, "protocol"))


def _behind(words: list[str], name: str) -> str:
    return words[words.index(name) + 1] if name in words[:-1] else ""
