"""One machine's dump: its interfaces and their addresses, and the texts that it printed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from typing import Any

from lab.exchange.collect.contents import ABOUT, NODE
from lab.exchange.importing.collection.archive import Collected
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.objects import ipv4
from lab.exchange.importing.collection.text import entries, text

_NAME = re.compile(r"^\d+: ([^:@\s]+)(?:@\S+)?:.* mtu (\d+)")
_ADDRESS = re.compile(r"^\s+inet (\d+\.\d+\.\d+\.\d+/\d+)")
_MAC = re.compile(r"^\s+link/\S+ ([0-9a-f:]{17})")
OWN_TABLES = frozenset(("filter", "nat", "mangle", "raw", "security"))
"""Of nft, those that iptables itself keeps there."""


@dataclass(slots=True)
class Device:
    """An interface. `data` is what `ip -d link` says of its kind: a tunnel's id, port, local address."""

    name: str
    mtu: int = 0
    mac: str = ""
    addresses: list[IPv4Interface] = field(default_factory=list)
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Machine:
    """What a machine says of itself."""

    collected: Collected
    name: str
    devices: dict[str, Device]
    nft: frozenset[tuple[str, str]]
    """families and names of tables"""

    @property
    def rules(self) -> str:
        """What iptables-save printed: decoded anew each time, for a large cluster's are not to be in memory at once."""
        return text(self.collected, "iptables.txt", Notes()) or ""

    @property
    def sets(self) -> str:
        """What ipset save printed."""
        return text(self.collected, "ipset.txt", Notes()) or ""

    @property
    def origin(self) -> str:
        return self.collected.origin

    def device_of(self, address: str) -> Device | None:
        """The interface that has the address."""
        return next(
            (one for one in self.devices.values() if any(str(its.ip) == address for its in one.addresses)), None
        )


def read_machine(one: Collected, notes: Notes) -> Machine:
    """The dump; what is missing in it is noted where it is needed."""
    about = dict(line.partition("=")[::2] for line in (text(one, ABOUT, notes) or "").splitlines())
    return Machine(
        one,
        about.get("name", "") or one.folder.removeprefix(f"{NODE}-"),
        _devices(one, notes),
        _tables(one, notes),
    )


def _devices(one: Collected, notes: Notes) -> dict[str, Device]:
    found: dict[str, Device] = {}
    listed = entries(one, "addresses.json", notes)
    if listed is None:
        return _printed(text(one, "addresses.json", notes) or "")
    for item in [*(entries(one, "links.json", notes) or ()), *listed]:
        name = item.get("ifname")
        if not isinstance(name, str):
            continue
        device = found.setdefault(name, Device(name))
        device.mtu = item["mtu"] if isinstance(item.get("mtu"), int) else device.mtu
        device.mac = str(item.get("address") or device.mac)
        info = item.get("linkinfo")
        if isinstance(info, dict):
            device.kind = str(info.get("info_kind") or "")
            device.data = info["info_data"] if isinstance(info.get("info_data"), dict) else {}
        told = item.get("addr_info")
        for its in told if isinstance(told, list) else ():
            if isinstance(its, dict) and ipv4(its.get("local")) and type(its.get("prefixlen")) is int:
                device.addresses += _interface(its["local"], its["prefixlen"])
    return found


def _interface(address: str, length: int) -> list[IPv4Interface]:
    return [IPv4Interface(f"{address}/{length}")] if 0 <= length <= 32 else []


def _printed(told: str) -> dict[str, Device]:
    """As an `ip` without -j prints it."""
    found: dict[str, Device] = {}
    device = Device("")
    for line in told.splitlines():
        if named := _NAME.match(line):
            device = found.setdefault(named[1], Device(named[1], int(named[2])))
        elif address := _ADDRESS.match(line):
            text_, _, length = address[1].partition("/")
            device.addresses += _interface(text_, int(length)) if ipv4(text_) else []
        elif mac := _MAC.match(line):
            device.mac = mac[1]
    return found


def _tables(one: Collected, notes: Notes) -> frozenset[tuple[str, str]]:
    """The tables of nft's own list."""
    told = text(one, "nftables.json", notes) or ""
    found = re.findall(r'\{"table": ?\{"family": ?"(\w+)", ?"name": ?"([^"]{1,200})"', told)
    return frozenset((family, name) for family, name in found)
