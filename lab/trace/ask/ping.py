"""An ICMP echo and its reply, as `ping` asks."""

from __future__ import annotations

import errno
import os
import select
import socket
from contextlib import suppress
from struct import pack

from lab.trace.ask.attempt import Ask, Attempt, Datagram, Http, Outcome
from lab.trace.ask.exchange import ANSWERED
from lab.trace.witness.packet import ECHO_REPLY, ECHO_REQUEST, decode

_TRIES = 16


class Echo(Attempt):
    """An ICMP echo and its reply. On a raw socket, because a ping socket is not for everybody (ping_group_range)."""

    protocol = "icmp"
    kind = socket.SOCK_RAW
    number = socket.IPPROTO_ICMP

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self.sport, self._claim = identifier()

    def abandon(self) -> None:
        super().abandon()
        self._claim.close()

    def begin(self) -> None:
        message = pack("!BBHHH", ECHO_REQUEST, 0, 0, self.sport, 1) + self.ask.payload
        message = message[:2] + pack("!H", checksum(message)) + message[4:]
        try:
            self._socket.connect((self._destination[0], 0))
            self._named()
            self._socket.send(message)
        except OSError as error:
            self._error = error.errno or errno.EIO

    def _converse(self) -> Outcome:
        while True:
            self._wait(select.POLLIN)
            packet = decode(self._socket.recv(65536), ethernet=False)
            if packet.icmp_type == ECHO_REPLY and packet.sport == self.sport:
                return ANSWERED, f"{len(packet.payload)} bytes"


def identifier() -> tuple[int, socket.socket]:
    """One that no other trace of the same place has for as long as the socket is open: its name, which is nobody else's
    then, is the namespace's (unix(7), abstract). Of so many that are taken, any will do.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for _ in range(_TRIES):
        identifier = int.from_bytes(os.urandom(2), "big") or 1
        with suppress(OSError):
            claim.bind(f"\0hoplab-echo-{identifier}")
            break
    return identifier, claim


def checksum(data: bytes) -> int:
    """The Internet's checksum, RFC 1071."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[place : place + 2], "big") for place in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


ATTEMPTS: dict[str, type[Attempt]] = {"tcp": Http, "udp": Datagram, "icmp": Echo}
