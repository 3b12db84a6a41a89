"""The questions to one place: a netlink socket of its namespace, and its interfaces' names and numbers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from lab.kernel.netlink.transport import RouteSocket
from lab.kernel.sandbox.sandbox import Sandbox, inside


class Inquiry:
    """Made and used inside the place's namespace, for names are looked up there."""

    def __init__(self, place: str, netlink: RouteSocket) -> None:
        self.place = place
        self.netlink = netlink
        self._indexes: dict[str, int] = {}

    def index(self, device: str) -> int:
        """The interface's number; 0 when there is none of that name."""
        if device not in self._indexes:
            try:
                self._indexes[device] = socket.if_nametoindex(device)
            except OSError:
                self._indexes[device] = 0
        return self._indexes[device]

    def name(self, index: int) -> str:
        """The interface's name; "" when there is none of that number."""
        for device, known in self._indexes.items():
            if known == index:
                return device
        try:
            device = socket.if_indextoname(index)
        except OSError:
            return ""
        self._indexes[device] = index
        return device


@contextmanager
def asking(sandbox: Sandbox, place: str) -> Iterator[Inquiry]:
    """The calling thread is in the place for the block, with a socket for its questions."""
    netns = sandbox.open_netns(place)
    try:
        with inside(netns), RouteSocket() as netlink:
            yield Inquiry(place, netlink)
    finally:
        os.close(netns)
