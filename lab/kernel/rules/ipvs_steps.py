"""What kube-proxy in ipvs mode does with the kernel's IPVS of a node: steps carried out, and what there is read back.

A real server that goes is kept with weight 0 for as long as it has connections, and gets no new ones. Source:
kube-proxy's graceful termination; of UDP and SCTP it takes a real server away at once, and so it does with all real
servers of a virtual server that goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.kernel.failure import guarded
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Key, RealServer, VirtualServer
from lab.plan import Step

if TYPE_CHECKING:
    from lab.kernel.netlink.ipvs import IpvsSocket

_LISTED = Path("/proc/thread-self/net/ip_vs")
_COUNTED = 2
"""Of a real server's line, the last columns are connections, which come and go."""


class Balancing:
    """Of one lab. Real servers that wait for their last connections are known here, and nowhere told."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self.places: set[str] = set()
        """where there ever was a virtual server"""
        self._leaving: dict[Key, RealServer] = {}

    @property
    def waits(self) -> bool:
        """Whether real servers wait for their last connections."""
        return bool(self._leaving)

    def carry_out(self, place: str, steps: Sequence[Step]) -> None:
        """Add and change, in this order."""
        if not steps:
            return
        from lab.kernel.netlink.ipvs import IpvsSocket  # noqa: PLC0415  pyroute2 for this mode alone

        with self._namespaces.entered(place), IpvsSocket() as kernel:
            for step in steps:
                item = step.object
                assert isinstance(item, VirtualServer | RealServer)
                if self._leaving.pop(item.key, None) is not None:  # it comes back: as kube-proxy does, anew
                    guarded(step, kernel.remove, item)
                guarded(step, kernel.change if step.action == "change" else kernel.add, item)

    def remove(self, steps: Sequence[Step]) -> None:
        """Take away, but for TCP's real servers with connections: those wait."""
        if not steps:
            return
        from lab.kernel.netlink.ipvs import IpvsSocket  # noqa: PLC0415

        for place in dict.fromkeys(step.place for step in steps):
            with self._namespaces.entered(place), IpvsSocket() as kernel:
                for step in (one for one in steps if one.place == place):
                    item = step.object
                    if isinstance(item, RealServer) and item.protocol == "tcp" and _is_busy(kernel, item):
                        resting = replace(item, weight=0)
                        guarded(step, kernel.change, resting)
                        self._leaving[item.key] = resting
                        continue
                    assert isinstance(item, VirtualServer | RealServer)
                    guarded(step, kernel.remove, item)
                    self._forget(item)

    def end_leaving(self) -> None:
        """Take away those whose last connection has ended. OSError does not come of what is gone already."""
        from lab.kernel.netlink.ipvs import IpvsSocket  # noqa: PLC0415

        for place in {item.place for item in self._leaving.values()}:
            if place not in self._namespaces:
                self._leaving = {key: item for key, item in self._leaving.items() if item.place != place}
                continue
            with self._namespaces.entered(place), IpvsSocket() as kernel:
                there = {one.server.key: one for one in kernel.read(place) if not isinstance(one, VirtualServer)}
                for key, item in tuple(self._leaving.items()):
                    if item.place != place:
                        continue
                    held = there.get(key)
                    if held is not None and held.server.weight == 0 and not held.active + held.inactive:
                        kernel.remove(item)
                        held = None
                    if held is None or held.server.weight:
                        del self._leaving[key]

    def read(self, place: str) -> Iterator[VirtualServer | RealServer]:
        """What the place has, without those that only wait for their last connections."""
        from lab.kernel.netlink.ipvs import IpvsSocket  # noqa: PLC0415

        with self._namespaces.entered(place), IpvsSocket() as kernel:
            for one in kernel.read(place):
                item = one if isinstance(one, VirtualServer) else one.server
                if self._leaving.get(item.key) != item:
                    yield item

    def _forget(self, gone: VirtualServer | RealServer) -> None:
        self._leaving.pop(gone.key, None)
        if isinstance(gone, VirtualServer):
            self._leaving = {key: item for key, item in self._leaving.items() if item.server != gone.key}


def _is_busy(kernel: IpvsSocket, item: RealServer) -> bool:
    at = VirtualServer(item.place, item.protocol, item.address, item.port)
    return any(one.server.key == item.key and one.active + one.inactive for one in kernel.held(at))


def fingerprint() -> tuple[str, ...]:
    """Of the calling thread's namespace: equal when its IPVS has the same servers, whatever their connections."""
    try:
        lines = _LISTED.read_text(encoding="ascii").splitlines()
    except OSError:
        return ()
    return tuple(_without_counts(lines))


def _without_counts(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield " ".join(line.split()[:-_COUNTED]) if line.startswith("  ->") else line
