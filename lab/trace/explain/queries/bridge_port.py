"""A bridge's ports as the bridge treats them: RTM_GETLINK of the bridge family, as `bridge -d link` (if_link.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink.interface import AF_BRIDGE, IFLA_MASTER, IFLA_PROTINFO, RTM_GETLINK
from lab.kernel.netlink.transport import RouteSocket, attributes

_HEADER = struct.Struct("=BxHiII")
_STATE, _MODE, _LEARNING, _FLOOD, _BROADCASTS, _ISOLATED, _LOCKED = 1, 4, 8, 9, 30, 33, 39  # IFLA_BRPORT_*
STATES = ("disabled", "listening", "learning", "forwarding", "blocking")
FORWARDING = "forwarding"


@dataclass(frozen=True, slots=True)
class BridgePort:
    """A device and what its bridge lets it do."""

    device: str
    master: str
    state: str = FORWARDING
    hairpin: bool = False
    learning: bool = True
    flood: bool = True
    broadcasts: bool = True
    isolated: bool = False
    locked: bool = False


def read(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[BridgePort]:
    """All ports of all bridges of the socket's namespace."""
    for body in netlink.dump(RTM_GETLINK, _HEADER.pack(AF_BRIDGE, 0, 0, 0, 0)):
        index = _HEADER.unpack_from(body)[2]
        told = attributes(body, 16)
        if IFLA_PROTINFO not in told:
            continue
        port = attributes(told[IFLA_PROTINFO])
        flags = {kind: bool(value[0]) for kind, value in port.items() if len(value) == 1}
        state = port[_STATE][0] if _STATE in port else STATES.index(FORWARDING)
        yield BridgePort(
            names.get(index, ""),
            names.get(int.from_bytes(told.get(IFLA_MASTER, b""), "little"), ""),
            STATES[state] if state < len(STATES) else str(state),
            flags.get(_MODE, False),
            flags.get(_LEARNING, True),
            flags.get(_FLOOD, True),
            flags.get(_BROADCASTS, True),
            flags.get(_ISOLATED, False),
            flags.get(_LOCKED, False),
        )
