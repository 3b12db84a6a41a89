"""The address with which a place sends to another: the one that its routes choose."""

from __future__ import annotations

import socket

_DISCARD = 9


def source_towards(destination: str, *, broadcast: bool = False) -> str:
    """What a datagram there would have, sent from the calling thread's namespace; "" without a way. Nothing is sent.
    With `broadcast` also to whoever is there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, int(broadcast))
        try:
            one.connect((destination, _DISCARD))
        except OSError:
            return ""
        address: str = one.getsockname()[0]
        return address
