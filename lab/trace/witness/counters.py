"""What a place's counters say: read before and after a request, the differences tell of packets that were dropped.

The files of /proc/net belong to the namespace in which they were opened and are read again and again; RTM_GETSTATS
tells each link's statistics without its many attributes (uapi/linux/if_link.h). softnet_stat is the whole machine's,
and is left out.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lab.kernel.netlink.transport import RouteSocket, attributes
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.trace.witness import tc

LINK = (  # struct rtnl_link_stats64; what only hardware counts is left out below
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "multicast",
    "collisions",
    "rx_length_errors",
    "rx_over_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_fifo_errors",
    "rx_missed_errors",
    "tx_aborted_errors",
    "tx_carrier_errors",
    "tx_fifo_errors",
    "tx_heartbeat_errors",
    "tx_window_errors",
    "rx_compressed",
    "tx_compressed",
    "rx_nohandler",
    "rx_otherhost_dropped",
)
TOLD = tuple(name for name in LINK if not name.endswith(("bytes", "compressed")))
_RTM_GETSTATS = 94
_STATS_LINK_64 = 1  # IFLA_STATS_LINK_64, and the first bit of the filter
_IF_STATS = struct.Struct("=BxxxII")
_COUNTERS = struct.Struct(f"={len(LINK)}Q")
_MOST = 1 << 16

Values = dict[str, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """By how much the counters of a place grew; those that did not are left out.

    `protocols` by `Ip.InAddrErrors`, `TcpExt.IPReversePathFilter`, `Xfrm.InTmplMismatch`, `Conntrack.insert_failed`;
    `links` by device and name: `tx_dropped`; `queues` by device: what its queueing discipline dropped.
    """

    place: str
    protocols: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    queues: Mapping[str, int] = field(default_factory=dict)

    def grew(self, name: str) -> int:
        return self.protocols.get(name, 0)

    def link(self, device: str, name: str) -> int:
        return self.links.get(device, {}).get(name, 0)

    def dropped(self, device: str) -> int:
        """By the device's queue, where those are looked at."""
        return self.queues.get(device, 0)


class _Place:
    """The open files and socket of one place, and what they said first."""

    def __init__(self, *, queues: bool) -> None:
        """Inside the place. `queues`: those of its devices count as well."""
        self._with_queues = queues
        self._files = {name: file for name in FILES if (file := _opened(name)) is not None}
        self._netlink = RouteSocket()
        self._end: tuple[dict[str, bytes], dict[int, tuple[int, ...]], dict[int, int]] | None = None
        self.begin()

    def begin(self) -> None:
        """What is read now is what growth is counted from."""
        self.protocols = self._text()
        self.links = self._links()
        self.queues = self._queues()

    def settle(self) -> None:
        """What is read now is where growth ends."""
        self._end = self._text(), self._links(), self._queues()

    def is_holding(self) -> bool:
        """Whether a device of it has packets in its queue now."""
        return tc.are_holding(self._netlink)

    def close(self) -> None:
        self._netlink.__exit__()
        for file in self._files.values():
            os.close(file)

    def grown(self, place: str, names: Mapping[int, str]) -> Counted:
        """Since it was opened."""
        text, statistics, queues = self._end or (self._text(), self._links(), self._queues())
        before, after = _protocols(self.protocols), _protocols(text)
        links = {}
        for index, values in statistics.items():
            first = self.links.get(index, (0,) * len(LINK))
            more = {
                name: value - was
                for name, value, was in zip(LINK, values, first, strict=True)
                if value > was and name in TOLD
            }
            if more:
                links[names.get(index, str(index))] = more
        return Counted(
            place,
            {name: value - before.get(name, 0) for name, value in after.items() if value > before.get(name, 0)},
            links,
            {
                names.get(index, str(index)): value - self.queues.get(index, 0)
                for index, value in queues.items()
                if value > self.queues.get(index, 0)
            },
        )

    def _text(self) -> dict[str, bytes]:
        return {name: os.pread(file, _MOST, 0) for name, file in self._files.items()}

    def _queues(self) -> dict[int, int]:
        return dict(tc.dropped(self._netlink)) if self._with_queues else {}

    def _links(self) -> dict[int, tuple[int, ...]]:
        found = {}
        for body in self._netlink.dump(_RTM_GETSTATS, _IF_STATS.pack(socket.AF_UNSPEC, 0, _STATS_LINK_64)):
            index = _IF_STATS.unpack_from(body)[1]
            told = attributes(body, _IF_STATS.size).get(_STATS_LINK_64)
            if told is not None and len(told) >= _COUNTERS.size:
                found[index] = _COUNTERS.unpack_from(told)
        return found


class Counters:
    """Counters of many places; used as a context manager. What `open` reads is the beginning. `queues` count only
    where somebody asks for it.
    """

    def __init__(self, sandbox: Sandbox, *, queues: bool = False) -> None:
        self._sandbox = sandbox
        self._queues = queues
        self._places: dict[str, _Place] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for place in self._places.values():
            place.close()

    def open(self, places: Iterable[str]) -> None:
        """Begin in these places as well. UsageError if there is no such place."""
        for place in places:
            if place not in self._places:
                netns = self._sandbox.open_netns(place)
                try:
                    with inside(netns):
                        self._places[place] = _Place(queues=self._queues)
                finally:
                    os.close(netns)

    def settle(self) -> None:
        """What grows from now on is somebody else's, in all that are open."""
        for place in self._places.values():
            place.settle()

    def are_holding(self) -> bool:
        """Whether a device of any of them has packets in its queue now."""
        return any(place.is_holding() for place in self._places.values())

    def begin_again(self) -> None:
        """Count from now on, in all of them."""
        for place in self._places.values():
            place.begin()

    def grown(self, names: Mapping[str, Mapping[int, str]]) -> dict[str, Counted]:
        """What has grown since, by place; `names` are each place's interfaces by number."""
        return {place: opened.grown(place, names.get(place, {})) for place, opened in self._places.items()}


def _opened(name: str) -> int | None:
    """A file of the calling thread's namespace; None where the kernel was built without what it counts."""
    try:
        return os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _protocols(told: Mapping[str, bytes]) -> Values:
    found: Values = {}
    for name, text in told.items():
        found.update(FILES[name](text.decode("ascii")))
    return found


def _by_protocol(text: str) -> Values:
    """snmp and netstat: a line of names, a line of values, both beginning with the protocol."""
    found: Values = {}
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        protocol, *rest = names.split()
        prefix = f"{protocol.removesuffix(':')}."
        found.update((prefix + name, int(value)) for name, value in zip(rest, values.split()[1:], strict=False))
    return found


def _transformed(text: str) -> Values:
    """xfrm_stat: `XfrmInTmplMismatch  3` a line."""
    pairs = (line.split() for line in text.splitlines())
    return {f"Xfrm.{pair[0].removeprefix('Xfrm')}": int(pair[1]) for pair in pairs if len(pair) == 2}


def _tracked(text: str) -> Values:
    """stat/nf_conntrack: a line of names, then for each processor a line of hexadecimal values."""
    names, *lines = (line.split() for line in text.splitlines())
    rows = [[int(value, 16) for value in line] for line in lines]
    return {f"Conntrack.{name}": sum(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


FILES: Mapping[str, Callable[[str], Values]] = {
    "snmp": _by_protocol,
    "netstat": _by_protocol,
    "xfrm_stat": _transformed,
    "stat/nf_conntrack": _tracked,
}
"""Below /proc/net, each with what reads it."""
