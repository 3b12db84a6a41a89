"""Who listens in a place, and on which address, as `ss -ln` tells it: sock_diag(7), /proc/net/udp and its siblings."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lab.kernel.netlink.transport import DiagnosticSocket, RequestError

_WAITING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN, and TCP_CLOSE for a datagram's socket that is not connected
PROTOCOLS = tuple(_WAITING)
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_TCP_LISTEN = 10
_QUESTION = struct.Struct("=BBxxI48x")  # inet_diag_req_v2
_LOCAL = struct.Struct("!4xH2x16s")  # the beginning of inet_diag_msg: family and state, then the local end
ANY = ("0.0.0.0", "::")  # noqa: S104  the kernel's own word for "any"


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that waits for whoever comes. `protocol` is tcp or udp, of either family."""

    protocol: str
    address: str
    port: int

    @property
    def text(self) -> str:
        """As `ss` prints it: `127.0.0.1:8080`, `[::1]:8080`."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def read(protocol: str) -> Iterator[Listening]:
    """Of the calling thread's namespace."""
    try:
        yield from _told(protocol) if protocol == "tcp" else _printed(protocol)
    except RequestError:  # a kernel without tcp_diag
        yield from _printed(protocol)


def _told(protocol: str) -> list[Listening]:
    """TCP's listeners alone; for its file in /proc the kernel looks through the whole machine's connections."""
    found = []
    with DiagnosticSocket() as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            for body in netlink.dump(_BY_FAMILY, _QUESTION.pack(family, socket.IPPROTO_TCP, 1 << _TCP_LISTEN)):
                port, address = _LOCAL.unpack_from(body)
                size = 4 if body[0] == socket.AF_INET else 16
                found.append(Listening(protocol, socket.inet_ntop(body[0], address[:size]), port))
    return found


def _printed(protocol: str) -> Iterator[Listening]:
    for name in (protocol, f"{protocol}6"):
        try:
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for line in lines[1:]:
            _number, local, _remote, state, *_ = line.split()
            if state == _WAITING[protocol]:
                address, _, port = local.partition(":")
                yield Listening(protocol, _address(address), int(port, 16))


def _address(told: str) -> str:
    """Words of 32 bits in the machine's own order."""
    words = (int(told[place : place + 8], 16) for place in range(0, len(told), 8))
    packed = b"".join(struct.pack("=I", word) for word in words)
    return socket.inet_ntop(socket.AF_INET6 if len(packed) > 4 else socket.AF_INET, packed)
