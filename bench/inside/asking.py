"""Run in a place: asks at a steady rate, each time from a socket of its own, and counts what is not answered.

    asking.py dns ADDRESS NAME RATE     questions for the name's address, over UDP
    asking.py dns-tcp ADDRESS NAME RATE the same over TCP
    asking.py http ADDRESS PORT RATE    connections, each with one HTTP request

Prints a line with the first answer. When its standard input ends it waits for what is still on the way, as long as a
resolver would, and prints what there is to tell as JSON.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

PATIENCE_SECONDS = 5.0  # resolv.conf(5): after so long a resolver asks again, and a program has waited
LOOK_EVERY_SECONDS = 0.05


@dataclass(slots=True)
class Asked:
    """One question on its way; `left` is what is to be sent once the connection stands."""

    socket: socket.socket
    began: float
    left: bytes = b""


@dataclass(slots=True)
class Told:
    """What became of all of them. Of a lost one: seconds since 1970 when it was asked, and why."""

    asked: int = 0
    slowest_ms: float = 0.0
    lost: list[tuple[float, str]] = field(default_factory=list)


class Asking:
    """See the module."""

    def __init__(self, kind: str, address: str, what: str, rate: float) -> None:
        self._stream = kind != "dns"
        self._to = (address, int(what) if kind == "http" else 53)
        self._dns = kind != "http"
        self._question = b"".join(bytes([len(one)]) + one.encode() for one in what.split(".")) + b"\0\0\1\0\1"
        self._every = 1 / rate
        self._on_the_way: dict[int, Asked] = {}
        self._poll = select.poll()
        self.told = Told()
        self._answered = False

    def run(self) -> None:
        """Until standard input ends, and then until nothing is on the way."""
        self._poll.register(0, select.POLLIN)
        again, going_on = time.monotonic(), True
        while going_on or self._on_the_way:
            now = time.monotonic()
            if going_on and now >= again:
                again = max(again + self._every, now - 1)
                self._ask(now)
            wait = max(0.0, again - time.monotonic()) if going_on else LOOK_EVERY_SECONDS
            for descriptor, _ in self._poll.poll(wait * 1000):
                if descriptor == 0:
                    going_on = bool(os.read(0, 100))
                    if not going_on:
                        self._poll.unregister(0)
                else:
                    self._go_on(self._on_the_way[descriptor])
            self._give_up()

    def _ask(self, now: float) -> None:
        kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
        one = Asked(socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK), now, self._message())
        self.told.asked += 1
        self._on_the_way[one.socket.fileno()] = one
        self._poll.register(one.socket, select.POLLOUT)
        one.socket.connect_ex(self._to)

    def _message(self) -> bytes:
        if not self._dns:
            return b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        asked = os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + self._question
        return struct.pack(">H", len(asked)) + asked if self._stream else asked

    def _go_on(self, one: Asked) -> None:
        try:
            if one.left:
                one.socket.send(one.left)
                one.left = b""
                self._poll.modify(one.socket, select.POLLIN)
                return
            said = one.socket.recv(65535)
        except OSError as error:
            self._end(one, os.strerror(error.errno or 0))
            return
        self._end(one, self._judged(said))

    def _judged(self, said: bytes) -> str:
        """Why this is no answer; "" for one."""
        if not self._dns:
            return "" if said.startswith(b"HTTP/1.1 200") else "closed"
        answer = said[2:] if self._stream else said
        # RFC 1035, 4.1.1: the status is the low half of the fourth byte, the number of answers the seventh and eighth.
        return "" if len(answer) > 12 and not answer[3] & 0x0F and any(answer[6:8]) else "no address"

    def _end(self, one: Asked, lost: str) -> None:
        self._poll.unregister(one.socket)
        del self._on_the_way[one.socket.fileno()]
        one.socket.close()
        took = time.monotonic() - one.began
        if lost:
            self.told.lost.append((time.time() - took, lost))
            return
        self.told.slowest_ms = max(self.told.slowest_ms, took * 1000)
        if not self._answered:
            self._answered = True
            sys.stdout.write("answered\n")
            sys.stdout.flush()

    def _give_up(self) -> None:
        oldest = time.monotonic() - PATIENCE_SECONDS
        for one in [one for one in self._on_the_way.values() if one.began < oldest]:
            self._end(one, "no answer")


def main(kind: str, address: str, what: str, rate: str) -> None:
    """See the module."""
    asking = Asking(kind, address, what, float(rate))
    asking.run()
    told = asking.told
    sys.stdout.write(json.dumps({"asked": told.asked, "lost": told.lost, "slowest_ms": round(told.slowest_ms, 1)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
