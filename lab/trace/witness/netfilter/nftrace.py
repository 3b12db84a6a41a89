"""Has netfilter report on a request in many places at once, for as long as the block lasts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from lab.errors import KernelError, UsageError
from lab.kernel.netlink.netfilter import NetfilterSocket
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.trace.witness.filter.match import NO_TUNNELS, Match, Tunnels
from lab.trace.witness.netfilter import legacy, trace_message
from lab.trace.witness.netfilter.trace_message import TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE, other_rules, removal, tables, trace_table

NFTRACE = 9  # NFNLGRP_NFTRACE
MOST_LINES = 5000  # of iptables-legacy in a place, of one request and whatever else its match means


class NetfilterWitness:
    """The tables and the sockets that hear of them; used as a context manager.

    Closing takes the kernel some 10 ms a place: whoever is in a hurry tells first what he has.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        places: Iterable[str],
        matches: Sequence[Match],
        tunnels: Tunnels = NO_TUNNELS,
    ) -> None:
        self._sandbox = sandbox
        self._places = tuple(dict.fromkeys(places))
        self._name = f"{TABLE}-{os.urandom(4).hex()}"
        self._tunnels = tunnels
        self._table = trace_table(matches, tunnels, self._name)
        self._owners: dict[str, NetfilterSocket] = {}
        self._sockets: dict[str, NetfilterSocket] = {}
        self._logs: dict[str, NetfilterSocket] = {}
        self._loggers: dict[str, str] = {}
        self._events: list[TraceEvent] = []
        self._missed: set[str] = set()
        self.deaf: set[str] = set()  # where another trace hears of iptables-legacy
        self.others = False  # whether another trace had something reported where this one listens
        self._silent: set[str] = set()

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
        owner = self._owners[place] = NetfilterSocket()
        owner.execute(self._table, f"{place}: making the trace table")
        self._sockets[place] = NetfilterSocket()
        self._sockets[place].listen([NFTRACE])
        if legacy.tables():
            log = NetfilterSocket()
            before = legacy.bind(log)
            if before is None:
                log.close()
                self.deaf.add(place)
            else:
                self._logs[place], self._loggers[place] = log, before
                log.listen()

    def close(self) -> None:
        """Take everything away."""
        self._close_logs()
        for place, netlink in self._owners.items():
            with suppress(OSError, KernelError):  # what cannot be done here happens when the socket closes
                netlink.execute(removal(self._name), f"{place}: removing the trace table")
        for netlink in (*self._sockets.values(), *self._owners.values()):
            netlink.close()
        self._sockets, self._owners = {}, {}

    def end(self) -> None:
        """Have nothing more reported; `events` goes on telling what was."""
        self.pause()
        self.release()

    def release(self) -> None:
        """Let others hear of iptables-legacy: of each place only one can. `events` tells what was heard up to now."""
        for place, log in self._logs.items():
            self._collect(place, log, MOST_LINES)
        self._close_logs()

    def _close_logs(self) -> None:
        for place, logger in self._loggers.items():
            with suppress(OSError, UsageError), self._inside(place):  # the lab may have ended meanwhile
                legacy.release(logger)
        for log in self._logs.values():
            log.close()
        self._logs, self._loggers = {}, {}

    def select(self, matches: Sequence[Match]) -> None:
        """From now on have these packets reported on instead, also in places that are opened later. What has not been
        read yet is thrown away. Of a sample, a place without rules is not asked to report: that costs every packet's
        time, and there is nothing to report. KernelError.
        """
        rules = other_rules(matches, self._tunnels, self._name)
        self._table = trace_table(matches, self._tunnels, self._name)
        sampled = any(match.sample.of > 1 for match in matches)
        for place, owner in self._owners.items():
            what = f"{place}: changing the trace table"
            silent = sampled and not self._has_rules(place)
            if place in self._silent:
                if not silent:
                    owner.execute(self._table, what)
                    self._silent.discard(place)
            elif silent:
                owner.execute(removal(self._name), what)
                self._silent.add(place)
            else:
                owner.execute(rules, what)
        for heard in (*self._sockets.values(), *self._logs.values()):
            heard.discard()

    def pause(self) -> None:
        """Report on nothing, and listen to nothing: even that nobody has anything reported costs every packet time."""
        for place, owner in self._owners.items():
            if place not in self._silent:
                owner.execute(removal(self._name), f"{place}: removing the trace table")
            self._sockets[place].leave([NFTRACE])

    def resume(self) -> None:
        """The same as before `pause`. What was not read before is thrown away. KernelError."""
        for place, owner in self._owners.items():
            self._sockets[place].discard()
            self._sockets[place].listen([NFTRACE])
            if place not in self._silent:
                owner.execute(self._table, f"{place}: making the trace table")

    def _has_rules(self, place: str) -> bool:
        """Whether there is a table in the place of which something could be reported."""
        return place in self._logs or any(not name.startswith(TABLE) for name in tables(self._owners[place]))

    def events(self, most: int = 0) -> list[TraceEvent]:
        """All events so far, place by place in the order in which they were told; of each place some `most` if given,
        so that this ends where they come faster than they are read.
        """
        for sockets in (self._sockets, self._logs):
            for place, netlink in sockets.items():
                self._collect(place, netlink, most)
        return list(self._events)

    def news(self, most: int = 0) -> list[TraceEvent]:
        """The events since the last time; neither this nor `events` tells them again."""
        found, self._events = self.events(most), []
        return found

    def forget_missed(self) -> None:
        """Begin to count anew."""
        self._missed.clear()

    def _collect(self, place: str, netlink: NetfilterSocket, most: int) -> None:
        while True:
            try:
                for answer in netlink.heard(most):
                    found = trace_message.read(place, answer)
                    if found:
                        self._events.append(self._known(found))
            except OSError:  # ENOBUFS: more was told than the socket could hold
                self._missed.add(place)
            else:
                return

    def _known(self, one: TraceEvent) -> TraceEvent:
        """The event; every trace's table is called TABLE from here on: where one tells of a packet, a visit begins."""
        if not one.table.startswith(TABLE):
            return one
        self.others |= one.table != self._name
        return replace(one, table=TABLE)

    @property
    def missed(self) -> frozenset[str]:
        """Places whose socket could not hold all that was told: of these the later events are missing."""
        return frozenset(self._missed)
