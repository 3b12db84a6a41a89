"""Run in a node: prints when its kernel has taken in new rules, in seconds since 1970, a line each time.

A transaction of nf_tables, whoever made it (iptables-nft is such a one too), ends with a new generation, and the kernel
tells whoever listens (include/uapi/linux/netfilter/nfnetlink.h: NFNLGRP_NFTABLES; nf_tables.h: NFT_MSG_NEWGEN).
"""

from __future__ import annotations

import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
GROUP_NFTABLES = 7
NEWGEN = 10 << 8 | 15


def main() -> None:
    """Until somebody ends it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 1 << GROUP_NFTABLES - 1))
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while True:
            said = netlink.recv(1 << 20)
            when = time.time()
            if NEWGEN in _kinds(said):
                sys.stdout.write(f"{when}\n")
                sys.stdout.flush()


def _kinds(said: bytes) -> set[int]:
    """The kinds of all messages in it."""
    found, at = set(), 0
    while at + 16 <= len(said):
        length, kind = struct.unpack_from("=IH", said, at)
        found.add(kind)
        at += max(16, length + 3 & ~3)
    return found


if __name__ == "__main__":
    main()
