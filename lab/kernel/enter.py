"""Becoming a place: its network, its own /etc/resolv.conf, /etc/hosts and hostname, then the program.

    python3 -m lab.kernel.enter PLACE PROGRAM ARGUMENT…     inside the sandbox, for a pod's `command:`

`enter` does the same for a command that comes from outside; both end in the program itself, without a shell.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab.kernel.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS, MS_BIND, mount, sethostname, setns, unshare
from lab.network.objects import UNDERLAY, netns_name

OWN_FILES = Path("/etc/netns")


def become(place: str) -> None:
    """Turn the calling process, already in the sandbox's mount namespace, into one that lives in the place.

    It gets a mount namespace of its own, so that the files are the place's for it and its children only.
    """
    if place == UNDERLAY:
        return
    netns = os.open(f"/run/netns/{netns_name(place)}", os.O_RDONLY | os.O_CLOEXEC)
    setns(netns, CLONE_NEWNET)
    os.close(netns)
    unshare(CLONE_NEWNS | CLONE_NEWUTS)
    own = OWN_FILES / netns_name(place)
    hostname = place.rpartition("/")[2]
    if own.is_dir():
        for path in own.iterdir():
            if path.name == "hostname":
                hostname = path.read_text(encoding="utf-8").strip()
            target = Path("/etc", path.name)
            if target.exists():
                mount(str(path), str(target), "none", MS_BIND)
    sethostname(hostname[:64])


def main(arguments: list[str]) -> None:
    """PLACE PROGRAM ARGUMENT…"""
    become(arguments[0])
    os.execvp(arguments[1], arguments[1:])  # noqa: S606  no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
