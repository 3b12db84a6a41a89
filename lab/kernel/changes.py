"""Which places the kernel has said something about since they were last read.

One netlink socket hears of links, queues, addresses, routes, permanent neighbours and settings of every namespace of
the lab (NETLINK_LISTEN_ALL_NSID). What it does not hear of has a fingerprint that costs microseconds to take: the
generation number of the place's nftables, the raw dump of its ip sets, the list of its IPVS, what its WireGuard devices
hold, the values of its other settings, the times of its files. No fingerprint has a pod's addr_gen_mode, which would
cost as much again as all else: the kernel tells of the routes that another value brings, if it brings any.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.kernel import sysctl
from lab.kernel.netlink.rtnetlink import device_settings
from lab.kernel.netlink.rtnetlink.neighbour import AF_BRIDGE, NDA_DST, NUD_PERMANENT, RTM_NEWNEIGH
from lab.kernel.netlink.transport import NLM_F_DUMP, NLM_F_REQUEST, Request, RouteSocket, find, u32
from lab.kernel.rules import ipvs_steps
from lab.network.objects import File, Symlink, Sysctl, VirtualServer, WireguardDevice

RTM_NEWNSID = 88
NETNSA_NSID, NETNSA_FD = 1, 3
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_LISTEN_ALL_NSID = 270, 1, 2, 8
# rtnetlink.h, RTNLGRP_*: LINK, NEIGH, TC, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_IFINFO,
# IPV4_NETCONF, IPV6_NETCONF
GROUPS = (1, 3, 4, 5, 7, 8, 9, 11, 12, 24, 25)

NETLINK_NETFILTER = 12
NFT_GETGEN = (10 << 8) | 16
IPSET_LIST = (6 << 8) | 7
IPSET_PROTOCOL_ATTRIBUTE = b"\x05\x00\x01\x00\x06\x00\x00\x00"
RECEIVE_BUFFER = 8 << 20

_KIND = struct.Struct("=4xH")  # of the message
_NEIGHBOUR = struct.Struct("=12xIB7xH2x")  # the message's port number, the entry's family and state

Fingerprint = tuple[object, ...]


class Changes:
    """Made in the sandbox's own namespace, in which every place gets a number."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        # Without a port number of its own a socket hears nothing: the kernel takes it for the one that asked.
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
        self._numbers: dict[int, str] = {}
        self._next = 1
        self._missed = True

    def follow(self, places: Mapping[str, int]) -> None:
        """Give the places, each with a descriptor of its namespace, their numbers. Before any link leads into one, or
        the kernel picks a number itself.
        """
        requests = []
        for number, (place, netns) in enumerate(places.items(), self._next):
            told = u32(NETNSA_NSID, number) + u32(NETNSA_FD, netns)
            requests.append(Request(RTM_NEWNSID, 0, b"\0\0\0\0" + told))
            self._numbers[number] = place
        self._next += len(requests)
        with RouteSocket() as netlink:
            netlink.execute(requests)

    def forget(self, place: str) -> None:
        """The place is gone, and its number with it."""
        self._numbers = {number: name for number, name in self._numbers.items() if name != place}

    def listen(self) -> None:
        """Hear everything from now on."""
        for group in GROUPS:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        self._missed = False

    def ignore(self) -> None:
        """Hear nothing: a thousand pods' building tells us nothing that we do not know, and costs the kernel time to
        say.
        """
        for group in GROUPS:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group)
        self._missed = True

    @property
    def deaf(self) -> bool:
        """Something was missed: anything may have changed."""
        return self._missed

    def heard(self, home: str) -> frozenset[str] | None:
        """The places of which something was heard since the last call (`home` is the sandbox's own); None: it may be
        any.
        """
        places: set[str] = set()
        while True:
            try:
                data, ancillary, _flags, _address = self._socket.recvmsg(65536, 64)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS: more was said than the socket could hold
                self._missed = True
                continue
            if _matters(data):
                number = next(
                    (struct.unpack("=i", payload)[0] for _l, _t, payload in ancillary if len(payload) == 4), None
                )
                places.add(home if number is None else self._numbers.get(number, home))
        return None if self._missed else frozenset(places)


def _matters(message: bytes) -> bool:
    """What ARP and bridges learn by themselves is none of ours. Of a neighbour that somebody asked for, the message
    bears the port number of who did; of a VXLAN device's entry it never does, but has an address.
    """
    (kind,) = _KIND.unpack_from(message)
    if kind != RTM_NEWNEIGH:
        return True
    asked_by, family, state = _NEIGHBOUR.unpack_from(message)
    if asked_by or state & NUD_PERMANENT:
        return True
    return family == AF_BRIDGE and find(message, NDA_DST, _NEIGHBOUR.size) is not None


@dataclass(frozen=True, slots=True)
class Signs:
    """What to look at in a place for changes that nobody tells us of. Equal fingerprints: nothing changed.

    `untold`: whether its devices have settings of whose changes the kernel tells nobody. `encrypting` are its
    WireGuard devices.
    """

    paths: tuple[str, ...]
    settings: tuple[str, ...]
    untold: bool
    rules: bool
    servers: bool
    encrypting: tuple[str, ...]

    @classmethod
    def of(cls, objects: Iterable[object], *, rules: bool) -> Signs:
        """Of a place with these objects; `rules` where there are iptables rules to watch."""
        settings = [item.name for item in objects if isinstance(item, Sysctl)]
        return cls(
            tuple(item.path for item in objects if isinstance(item, File | Symlink)),
            tuple(name for name in settings if device_settings.device_of(name) is None),
            any(map(device_settings.is_untold, settings)),
            rules,
            any(isinstance(item, VirtualServer) for item in objects),
            tuple(item.device for item in objects if isinstance(item, WireguardDevice)),
        )

    @property
    def within(self) -> bool:
        """Whether there is anything to look at in the namespace itself, and not the files alone."""
        return bool(self.rules or self.settings or self.untold or self.servers or self.encrypting)

    def of_files(self) -> Fingerprint:
        """From anywhere."""
        return tuple([_file_times(path) for path in self.paths])

    def all(self, place: str) -> Fingerprint:
        """In the calling thread's namespace, which is the place's."""
        found: list[object] = [self.of_files(), [setting.value for setting in sysctl.read(place, self.settings)]]
        if self.rules:
            found.append(_ask(NFT_GETGEN, NLM_F_REQUEST, b""))
            found.append(_ask(IPSET_LIST, NLM_F_REQUEST | NLM_F_DUMP, IPSET_PROTOCOL_ATTRIBUTE))
        if self.untold:
            with RouteSocket() as netlink:
                found.append(device_settings.fingerprint(netlink))
        if self.servers:
            found.append(ipvs_steps.fingerprint())
        if self.encrypting:
            from lab.kernel.netlink import wireguard  # noqa: PLC0415  pyroute2 for these devices alone

            found += wireguard.read(place, self.encrypting)
        return tuple(found)


def _file_times(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _ask(kind: int, flags: int, attributes: bytes) -> bytes:
    """The raw answer of a netfilter subsystem, without the message headers' changing parts."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER) as netlink:
        body = b"\0\0\0\0" + attributes
        netlink.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        answers = []
        while True:
            data = netlink.recv(256 * 1024)
            done = not flags & NLM_F_DUMP or struct.unpack_from("=H", data, 4)[0] in (2, 3) or _ends(data)
            answers.append(_without_port(data))
            if done:
                return b"".join(answers)


def _ends(data: bytes) -> bool:
    """Whether the last message of the block is the end of a dump."""
    offset, kind = 0, 0
    while offset + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, offset)
        offset += max((size + 3) & ~3, 16)
    return kind in (2, 3)


def _without_port(data: bytes) -> bytes:
    """Each socket has another port number in its answers' headers."""
    cleaned = bytearray(data)
    offset = 0
    while offset + 16 <= len(cleaned):
        (size,) = struct.unpack_from("=I", cleaned, offset)
        cleaned[offset + 12 : offset + 16] = b"\0\0\0\0"
        offset += max((size + 3) & ~3, 16)
    return bytes(cleaned)
