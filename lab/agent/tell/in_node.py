#!/usr/bin/env python3
"""calicoctl: the lab that this node is of answers, over a socket that only this node's programs can reach.

A file of a node's own, run there by the machine's Python: nothing of Hoplab is there to be imported.
"""

from __future__ import annotations

import json
import signal
import socket
import sys

SOCKET = "\0hoplab/calicoctl"
"""An abstract one: it belongs to the network namespace."""


def main(arguments: list[str]) -> int:
    """The status is what the lab says."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lab:
        try:
            lab.connect(SOCKET)
            lab.sendall(json.dumps(arguments).encode() + b"\n", socket.MSG_NOSIGNAL)
            told = json.loads(lab.makefile("rb").read())
        except (OSError, ValueError):
            sys.stderr.write("hoplab: error: the lab does not answer\nhint: ./inv list says whether it runs\n")
            return 1
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # whatever was typed
    sys.stdout.write(told["out"])
    sys.stdout.flush()
    sys.stderr.write(told["err"])
    return int(told["status"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
