"""IPVS of a place, over generic netlink: what kube-proxy and ipvsadm speak to the kernel.

The kernel answers this family to root of the machine alone, in whatever network namespace. Importing this module
imports pyroute2, which takes a while: only a lab with a kube-proxy in ipvs mode does.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP
from pyroute2.netlink.generic.ipvs import (
    IPVS_CMD_DEL_DEST,
    IPVS_CMD_DEL_SERVICE,
    IPVS_CMD_GET_DEST,
    IPVS_CMD_GET_INFO,
    IPVS_CMD_GET_SERVICE,
    IPVS_CMD_NEW_DEST,
    IPVS_CMD_NEW_SERVICE,
    IPVS_CMD_SET_DEST,
    IPVS_CMD_SET_SERVICE,
    IPVSSocket,
    ipvsmsg,
)

from lab.kernel.netlink.generic import Attributes, GenericSocket
from lab.network.objects import RealServer, VirtualServer

PERSISTENT, HASHED_BY_PORT = 0x1, 0x10
"""ip_vs.h: IP_VS_SVC_F_PERSISTENT, and IP_VS_SVC_F_SCHED2, which is `mh-port` of the scheduler mh."""
_ALL = 0xFFFFFFFF
_ONE_ADDRESS = "255.255.255.255"
_NUMBERS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}
_NAMES = {number: name for name, number in _NUMBERS.items()}


class Held(NamedTuple):
    """A real server that is there, and how many connections it has: those that are open, and those that end."""

    server: RealServer
    active: int
    inactive: int


class IpvsSocket(GenericSocket):
    """A socket of the network namespace in which it was made. OSError where the kernel refuses."""

    def __init__(self) -> None:
        super().__init__(IPVSSocket, ipvsmsg)

    def try_out(self) -> None:
        """OSError: EPERM where only root of the machine may ask."""
        self._ask(IPVS_CMD_GET_INFO, ())

    def add(self, item: VirtualServer | RealServer) -> None:
        """Make it."""
        self._ask(*_command(item, IPVS_CMD_NEW_SERVICE, IPVS_CMD_NEW_DEST))

    def change(self, item: VirtualServer | RealServer) -> None:
        """Bring the one that is there to what this says."""
        self._ask(*_command(item, IPVS_CMD_SET_SERVICE, IPVS_CMD_SET_DEST))

    def remove(self, item: VirtualServer | RealServer) -> None:
        """Take it away; a virtual server takes its real servers with it."""
        self._ask(*_command(item, IPVS_CMD_DEL_SERVICE, IPVS_CMD_DEL_DEST))

    def read(self, place: str) -> Iterator[VirtualServer | Held]:
        """All that the kernel has for IPv4, as of `place`: each virtual server with its real servers after it."""
        for told in self._dump(IPVS_CMD_GET_SERVICE, ()):
            service = dict(told["IPVS_CMD_ATTR_SERVICE"]["attrs"])
            if service.get("IPVS_SVC_ATTR_AF") != socket.AF_INET or "IPVS_SVC_ATTR_ADDR" not in service:
                continue  # of IPv6, or of a firewall mark
            server = _virtual_server(place, service)
            yield server
            yield from self.held(server)

    def held(self, server: VirtualServer) -> Iterator[Held]:
        """The real servers of one that is there."""
        for told in self._dump(IPVS_CMD_GET_DEST, (_service(server),)):
            if "IPVS_CMD_ATTR_DEST" in told:
                yield _held(server, dict(told["IPVS_CMD_ATTR_DEST"]["attrs"]))

    def _ask(self, command: int, attributes: Attributes) -> list[Any]:
        return self._request(command, attributes, 0 if command == IPVS_CMD_GET_INFO else NLM_F_ACK)

    def _dump(self, command: int, attributes: Attributes) -> Iterator[Mapping[str, Any]]:
        for answer in self._request(command, attributes, NLM_F_DUMP):
            yield dict(answer["attrs"])


def _command(item: VirtualServer | RealServer, of_virtual: int, of_real: int) -> tuple[int, list[tuple[str, Any]]]:
    if isinstance(item, VirtualServer):
        return of_virtual, [_service(item)]
    at = VirtualServer(item.place, item.protocol, item.address, item.port)
    return of_real, [_service(at), _destination(item)]


def _service(item: VirtualServer) -> tuple[str, Any]:
    flags = (PERSISTENT if item.persistence else 0) | (HASHED_BY_PORT if item.scheduler == "mh" else 0)
    attributes = (
        ("IPVS_SVC_ATTR_AF", socket.AF_INET),
        ("IPVS_SVC_ATTR_PROTOCOL", _NUMBERS[item.protocol]),
        ("IPVS_SVC_ATTR_ADDR", item.address),
        ("IPVS_SVC_ATTR_PORT", item.port),
        ("IPVS_SVC_ATTR_SCHED_NAME", item.scheduler),
        ("IPVS_SVC_ATTR_FLAGS", {"flags": flags, "mask": _ALL}),
        ("IPVS_SVC_ATTR_TIMEOUT", item.persistence),
        ("IPVS_SVC_ATTR_NETMASK", _ONE_ADDRESS),
    )
    return "IPVS_CMD_ATTR_SERVICE", {"attrs": attributes}


def _destination(item: RealServer) -> tuple[str, Any]:
    address, _, port = item.endpoint.rpartition(":")
    attributes = (
        ("IPVS_DEST_ATTR_ADDR_FAMILY", socket.AF_INET),
        ("IPVS_DEST_ATTR_ADDR", address),
        ("IPVS_DEST_ATTR_PORT", int(port)),
        ("IPVS_DEST_ATTR_FWD_METHOD", 0),  # by NAT: `Masq`
        ("IPVS_DEST_ATTR_WEIGHT", item.weight),
        ("IPVS_DEST_ATTR_U_THRESH", 0),
        ("IPVS_DEST_ATTR_L_THRESH", 0),
    )
    return "IPVS_CMD_ATTR_DEST", {"attrs": attributes}


def _virtual_server(place: str, told: Mapping[str, Any]) -> VirtualServer:
    number = told["IPVS_SVC_ATTR_PROTOCOL"]
    persistent = told["IPVS_SVC_ATTR_FLAGS"]["flags"] & PERSISTENT
    return VirtualServer(
        place,
        _NAMES.get(number, str(number)),
        told["IPVS_SVC_ATTR_ADDR"],
        told["IPVS_SVC_ATTR_PORT"],
        told["IPVS_SVC_ATTR_SCHED_NAME"],
        told["IPVS_SVC_ATTR_TIMEOUT"] if persistent else 0,
    )


def _held(server: VirtualServer, told: Mapping[str, Any]) -> Held:
    endpoint = f"{told['IPVS_DEST_ATTR_ADDR']}:{told['IPVS_DEST_ATTR_PORT']}"
    weight = told["IPVS_DEST_ATTR_WEIGHT"]
    made = RealServer(server.place, server.protocol, server.address, server.port, endpoint, weight)
    return Held(made, told["IPVS_DEST_ATTR_ACTIVE_CONNS"], told["IPVS_DEST_ATTR_INACT_CONNS"])
