"""Run in a place: connects and asks as fast as it can, again and again, and counts.

    knocking.py ADDRESS PORT SECONDS

Prints how many connections it had answered in a second.
"""

from __future__ import annotations

import socket
import sys
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def main() -> None:
    """See the module."""
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    answered, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        with socket.create_connection((address, port), 5) as one:
            one.sendall(REQUEST)
            while one.recv(4096):
                pass
        answered += 1
    sys.stdout.write(f"{answered / (time.monotonic() - began)}\n")


main()
