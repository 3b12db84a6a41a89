"""Queueing disciplines at the root of a device: netem and tbf are made, whatever else is there is read.

Source of the layouts: uapi/linux/pkt_sched.h and rtnetlink.h. The kernel counts time in ticks of 64 ns.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.rtnetlink.tcmsg import (
    HEADER,
    ROOT,
    RTM_DELQDISC,
    RTM_GETQDISC,
    RTM_NEWQDISC,
    TCA_KIND,
    TCA_OPTIONS,
    USUAL,
)
from lab.kernel.netlink.transport import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Request,
    RequestError,
    RouteSocket,
    attribute,
    attributes,
    nested,
    text,
    u32,
)
from lab.network.objects.qdisc import NETEM, TBF, Qdisc

LOOPBACK = 1
NANOSECONDS_PER_TICK = 64

_NETEM = struct.Struct("=IIIIII")  # tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
NETEM_REORDER, NETEM_CORRUPT, NETEM_RATE, NETEM_RATE64, NETEM_LATENCY64, NETEM_JITTER64 = 3, 4, 6, 8, 10, 11
_PROBABILITY = struct.Struct("=II")  # the share, its correlation
_NETEM_RATE = struct.Struct("=IiIi")  # bytes a second, overheads and cells
_RATESPEC = struct.Struct("=BBHhHI")  # cell_log, linklayer, overhead, cell_align, mpu, rate
_TBF = struct.Struct(f"={_RATESPEC.size}s{_RATESPEC.size}sIII")  # rate, peak rate, limit, buffer, mtu
TBF_PARMS, TBF_RATE64, TBF_BURST = 1, 4, 6
ETHERNET = 1  # a link layer that needs no table of times
_MOST = 0xFFFFFFFF


def add(item: Qdisc, indexes: Mapping[str, int]) -> Request:
    """What puts it on its device, which has the usual one."""
    options = _netem(item) if item.kind == NETEM else _tbf(item)
    body = HEADER.pack(0, indexes[item.device], 0, ROOT, 0) + text(TCA_KIND, item.kind) + options
    return Request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, body)


def remove(item: Qdisc, indexes: Mapping[str, int]) -> Request:
    """What takes it off, whatever it is; the kernel puts the usual one back."""
    return Request(RTM_DELQDISC, 0, HEADER.pack(0, indexes[item.device], 0, ROOT, 0))


def _netem(item: Qdisc) -> bytes:
    # A gap of one packet is what tc means by a reorder without one.
    head = _NETEM.pack(
        _ticks(item.delay), item.limit, item.loss, int(item.reorder > 0), item.duplicate, _ticks(item.jitter)
    )
    more = attribute(NETEM_LATENCY64, struct.pack("=q", item.delay))
    more += attribute(NETEM_JITTER64, struct.pack("=q", item.jitter))
    if item.reorder:
        more += attribute(NETEM_REORDER, _PROBABILITY.pack(item.reorder, 0))
    if item.corrupt:
        more += attribute(NETEM_CORRUPT, _PROBABILITY.pack(item.corrupt, 0))
    if item.rate:
        more += attribute(NETEM_RATE, _NETEM_RATE.pack(item.rate, 0, 0, 0))
    return attribute(TCA_OPTIONS, head + more)


def _tbf(item: Qdisc) -> bytes:
    rate = _RATESPEC.pack(0, ETHERNET, 0, 0, 0, item.rate)
    parameters = _TBF.pack(rate, bytes(_RATESPEC.size), item.limit, 0, 0)
    return nested(TCA_OPTIONS, attribute(TBF_PARMS, parameters), u32(TBF_BURST, item.burst))


def _ticks(nanoseconds: int) -> int:
    return min(nanoseconds // NANOSECONDS_PER_TICK, _MOST)


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Qdisc]:
    """Those of the namespace in which `netlink` was made, at the root of these devices, that are not the usual ones."""
    for body in netlink.dump(RTM_GETQDISC, HEADER.pack(0, 0, 0, 0, 0)):
        _, index, _, parent, _ = HEADER.unpack_from(body)
        told = attributes(body, HEADER.size)
        kind = bytes(told[TCA_KIND]).rstrip(b"\0").decode()
        if parent == ROOT and kind not in USUAL and index in names:
            yield _read(place, names[index], kind, told.get(TCA_OPTIONS, memoryview(b"")))


def _read(place: str, device: str, kind: str, options: memoryview) -> Qdisc:
    if kind == NETEM and len(options) >= _NETEM.size:
        return _read_netem(place, device, options)
    parameters = attributes(options).get(TBF_PARMS, b"") if kind == TBF else b""
    if len(parameters) >= _TBF.size:
        rate, _, limit, buffer, _ = _TBF.unpack_from(parameters)
        bytes_ = _RATESPEC.unpack(rate)[-1]
        burst = bytes_ * buffer * NANOSECONDS_PER_TICK // 1_000_000_000
        return Qdisc(place, device, TBF, rate=bytes_, limit=limit, burst=burst)
    return Qdisc(place, device, kind)


def _read_netem(place: str, device: str, options: memoryview) -> Qdisc:
    latency, limit, loss, _, duplicate, jitter = _NETEM.unpack_from(options)
    more = attributes(options, _NETEM.size)
    delay, late = (
        struct.unpack("=q", more[name])[0] if name in more else ticks * NANOSECONDS_PER_TICK
        for name, ticks in ((NETEM_LATENCY64, latency), (NETEM_JITTER64, jitter))
    )
    rate = _NETEM_RATE.unpack_from(more[NETEM_RATE])[0] if NETEM_RATE in more else 0
    reorder, corrupt = (
        _PROBABILITY.unpack_from(more[one])[0] if one in more else 0 for one in (NETEM_REORDER, NETEM_CORRUPT)
    )
    return Qdisc(place, device, NETEM, delay, late, loss, duplicate, reorder, corrupt, rate, limit)


def has_netem() -> bool:
    """Whether the kernel puts a netem on the loopback device of the calling thread's namespace; it is taken off again.

    OSError for any other refusal than that it knows no such thing.
    """
    there = {"lo": LOOPBACK}
    tried = Qdisc("", "lo", NETEM, limit=1000)
    with RouteSocket() as netlink:
        try:
            netlink.execute([add(tried, there)])
        except RequestError as error:
            if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
                return False
            raise
        netlink.execute([remove(tried, there)])
    return True
