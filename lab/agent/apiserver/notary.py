"""A process that makes the lab's authority and its first certificate while the agent reads what it is made of: beside
it that takes no time, and the agent holds nothing of what it takes.

It ends with that certificate, or with the agent, which is its init.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import suppress

from lab.agent.apiserver.pki import Authority, Certificate
from lab.kernel.companion import companion

_PIECE = 65536


class Notary:
    """To be had by a process with one thread: it forks."""

    def __init__(self) -> None:
        self._asking = companion(_serve, socket.SOCK_STREAM)

    def certify(self, names: Sequence[str], addresses: Sequence[str]) -> tuple[Authority, Certificate]:
        """A new authority and a server's certificate for these, as `Authority.certify` takes them; once. They are made
        here where that process has ended.
        """
        told = b""
        with self._asking, suppress(OSError):
            self._asking.sendall(json.dumps([*map(list, (names, addresses))]).encode() + b"\n")
            while piece := self._asking.recv(_PIECE):
                told += piece
        if not told.endswith(b"\n"):
            authority = Authority.new()
            return authority, authority.certify(names, addresses)
        ca, key, certificate, server_key = json.loads(told)
        return Authority(ca, key), Certificate(certificate, server_key)


def _serve(asked: socket.socket) -> None:
    authority = Authority.new()
    with asked.makefile("rwb") as lines:
        for line in lines:
            made = authority.certify(*json.loads(line))
            lines.write(json.dumps([authority.ca, authority.key, made.certificate, made.key]).encode() + b"\n")
            return
