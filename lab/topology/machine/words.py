"""An entry's words one after the other, and what they can be: addresses, prefixes, numbers, tables, interfaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Interface, NetmaskValueError

from lab.topology.machine.dump import DumpError, LeftOutError
from lab.topology.yaml.document import shown

MOST = 0xFFFFFFFF
IPV6 = "IPv6"
TABLES = {"main": "", "254": "", "local": "local", "255": "local", "default": "default", "253": "default"}

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_DEVICE = re.compile(r"[^\s/]{1,15}")
_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|[0-9]{1,10}")


@dataclass(slots=True)
class Words:
    """A reader's place in them."""

    words: Sequence[str]
    at: int = 0

    @property
    def left(self) -> bool:
        return self.at < len(self.words)

    def next(self) -> str:
        self.at += 1
        return self.words[self.at - 1]

    def after(self, name: str) -> str:
        """The next word, which belongs to `name`. DumpError where the line ends."""
        if not self.left:
            raise DumpError(f"nothing stands behind {shown(name)}: the line is cut off", "print it anew, whole")
        return self.next()


def address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise DumpError(f"{shown(text)} is no IPv4 address", "such as 10.0.1.1") from None


def prefix(text: str) -> str:
    """With its length, which is 32 where none is given."""
    try:
        return str(IPv4Network(text))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise DumpError(f"{shown(text)} is no IPv4 prefix", "such as 10.244.0.0/26") from None


def mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise DumpError(f"{shown(text)} is no MAC address", "such as 02:00:00:00:00:01")
    return text


def device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise DumpError(f"{shown(text)} is no interface's name", "such as eth0")
    return text


def number(name: str, text: str, most: int = MOST) -> int:
    """Decimal, or hexadecimal behind 0x; not more than `most`."""
    found = int(text, 0) if _NUMBER.fullmatch(text) and not re.match("0[0-9]", text) else -1
    if not 0 <= found <= most:
        raise DumpError(f"{shown(f'{name} {text}')} is no number from 0 to {most}")
    return found


def table(text: str, command: str) -> str:
    """A routing table as objects name it: "" is the main one. What another machine calls it says nothing here."""
    if text in TABLES:
        return TABLES[text]
    if not text.isdecimal():
        problem = f"which table {shown(text)} is says the rt_tables of the machine that printed it"
        raise DumpError(problem, f"print numbers in place of names: {command}")
    return str(number("table", text))


def six(text: str) -> None:
    """LeftOutError for an address or prefix of IPv6."""
    if ":" in text:
        try:
            IPv6Interface(text)
        except (AddressValueError, NetmaskValueError, ValueError):
            return
        raise LeftOutError(IPV6)


def protocol(text: str) -> str:
    """Who made a route, as objects have it: the kernel's own names, numbers for all others."""
    known = _PROTOCOLS.get(text, text)
    if known in _NAMED.values():
        return known
    return _NAMED.get(known) or str(number("proto", known, 255))


_NAMED = {"1": "redirect", "2": "kernel", "3": "boot", "4": "static"}
_PROTOCOLS = {  # rt_protos of iproute2
    "unspec": "0",
    "gated": "8",
    "ra": "9",
    "mrt": "10",
    "zebra": "11",
    "bird": "12",
    "dnrouted": "13",
    "xorp": "14",
    "ntk": "15",
    "dhcp": "16",
    "mrouted": "17",
    "keepalived": "18",
    "babel": "42",
    "openr": "99",
    "bgp": "186",
    "isis": "187",
    "ospf": "188",
    "rip": "189",
    "eigrp": "192",
}
