"""Hears connection tracking in many places at once: a netlink socket in each, from before the first packet on.

The kernel tells only of connections that begin while somebody listens (net.netfilter.nf_conntrack_events=2).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from lab.kernel.netlink.conntrack_entry import GROUPS, Event, read
from lab.kernel.netlink.netfilter import NetfilterSocket
from lab.kernel.sandbox.sandbox import Sandbox, inside


class Translations:
    """The open sockets; used as a context manager."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sockets: dict[str, NetfilterSocket] = {}
        self._wanted = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets.values():
            one.close()

    def open(self, places: Iterable[str]) -> None:
        """Listen in these places as well. UsageError if there is no such place."""
        for place in places:
            if place not in self._sockets:
                netns = self._sandbox.open_netns(place)
                try:
                    with inside(netns):
                        self._sockets[place] = NetfilterSocket()
                finally:
                    os.close(netns)
                self._sockets[place].listen(GROUPS if self._wanted else ())

    def listen(self, *, wanted: bool) -> None:
        """Listen from now on or do not, also in places that are opened later. What was not read yet is thrown away."""
        if wanted != self._wanted:
            self._wanted = wanted
            for listener in self._sockets.values():
                if wanted:
                    listener.listen(GROUPS)
                else:
                    listener.leave(GROUPS)
                listener.discard()

    def read(self, most: int = 0) -> list[Event]:
        """What has come since the last time, in the kernel's order of each place; of each `most` if given. What was
        missed is not waited for.
        """
        found = []
        for place, listener in self._sockets.items():
            with suppress(OSError):  # ENOBUFS: events were dropped; those that are told are still true
                for answer in listener.heard(most):
                    event = read(place, answer.kind, answer.body)
                    if event is not None:
                        found.append(event)
        return found
