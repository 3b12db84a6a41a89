"""Has netfilter report on a request in many places at once, for as long as the block lasts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from lab.errors import KernelError, UsageError
from lab.kernel.netfilter import NetfilterSocket
from lab.kernel.places import Sandbox, inside
from lab.trace.netfilter import event, legacy
from lab.trace.netfilter.event import TraceEvent
from lab.trace.netfilter.match import Match
from lab.trace.netfilter.table import TABLE, removal, trace_table

NFTRACE = 9  # NFNLGRP_NFTRACE


class NetfilterWitness:
    """The tables and the sockets that hear of them; used as a context manager.

    Closing takes the kernel some 10 ms a place: whoever is in a hurry tells first what he has.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        places: Iterable[str],
        matches: Sequence[Match],
        vxlan_ports: Iterable[int] = (),
        *,
        ipip: bool = False,
    ) -> None:
        self._sandbox = sandbox
        self._places = tuple(dict.fromkeys(places))
        self._name = f"{TABLE}-{os.urandom(4).hex()}"
        self._table = trace_table(matches, vxlan_ports, ipip=ipip, name=self._name)
        self._sockets: dict[str, NetfilterSocket] = {}
        self._logs: dict[str, NetfilterSocket] = {}
        self._loggers: dict[str, str] = {}
        self._events: list[TraceEvent] = []
        self._missed: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self.open(self._places)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, places: Iterable[str]) -> None:
        """Have these places reported on too. UsageError where there is no such place, KernelError when refused."""
        for place in places:
            if place not in self._sockets:
                with self._inside(place):
                    self._open(place)

    @contextmanager
    def _inside(self, place: str) -> Iterator[None]:
        netns = self._sandbox.open_netns(place)
        try:
            with inside(netns):
                yield
        finally:
            os.close(netns)

    def _open(self, place: str) -> None:
        netlink = self._sockets[place] = NetfilterSocket()
        netlink.execute(self._table, f"{place}: making the trace table")
        netlink.listen([NFTRACE])
        if legacy.tables():
            log = self._logs[place] = NetfilterSocket()
            self._loggers[place] = legacy.bind(log)
            log.listen()

    def close(self) -> None:
        """Take everything away."""
        for place, logger in self._loggers.items():
            with suppress(OSError, UsageError), self._inside(place):  # the lab may have ended meanwhile
                legacy.release(logger)
        for place, netlink in self._sockets.items():
            with suppress(OSError, KernelError):  # what cannot be done here happens when the socket closes
                netlink.execute(removal(self._name), f"{place}: removing the trace table")
        for netlink in (*self._logs.values(), *self._sockets.values()):
            netlink.close()
        self._logs, self._sockets, self._loggers = {}, {}, {}

    def events(self) -> list[TraceEvent]:
        """All events so far, place by place in the order in which they were told."""
        for sockets in (self._sockets, self._logs):
            for place, netlink in sockets.items():
                self._collect(place, netlink)
        return list(self._events)

    def news(self) -> list[TraceEvent]:
        """The events since the last time; neither this nor `events` tells them again."""
        found, self._events = self.events(), []
        return found

    def _collect(self, place: str, netlink: NetfilterSocket) -> None:
        while True:
            try:
                for answer in netlink.heard():
                    found = event.read(place, answer)
                    if found:
                        self._events += self._ours(found)
            except OSError:  # ENOBUFS: more was told than the socket could hold
                self._missed.add(place)
            else:
                return

    def _ours(self, one: TraceEvent) -> Iterator[TraceEvent]:
        """The event, but for what another trace's table tells of; its own table is called TABLE from here on."""
        if one.table == self._name:
            yield replace(one, table=TABLE)
        elif not one.table.startswith(TABLE):
            yield one

    @property
    def missed(self) -> frozenset[str]:
        """Places whose socket could not hold all that was told: of these the later events are missing."""
        return frozenset(self._missed)
