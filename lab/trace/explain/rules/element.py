"""Which element of an nft map a packet met: the rule says what is looked up, the packet has it.

A report of the kernel names the rule and where it led, not the element; of kube-proxy's rules a few lead everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.trace.witness.packet import Packet

# What nft looks up, and how it prints it.
_FIELDS: dict[str, Callable[[Packet], object]] = {
    "ip saddr": lambda packet: packet.src,
    "ip daddr": lambda packet: packet.dst,
    "meta l4proto": lambda packet: packet.protocol,
    "th sport": lambda packet: packet.sport,
    "th dport": lambda packet: packet.dport,
}
_FIELD = f"(?:{'|'.join(_FIELDS)})"
_LOOKUP = re.compile(rf"({_FIELD}(?: \. {_FIELD})*) vmap @\S+$")
_FOUND = re.compile(r"vmap @(\S+) \{ (.+) \}$")


def with_element(text: str, packet: Packet) -> str:
    """The rule with the key that it found in its map behind it: `… vmap @service-ips { 172.16.0.10 . tcp . 53 }`.

    As it is, if it looks nothing up in a map by name.
    """
    looked_up = _LOOKUP.search(text)
    if looked_up is None:
        return text
    key = " . ".join(str(_FIELDS[field](packet)) for field in looked_up[1].split(" . "))
    return f"{text} {{ {key} }}"


def element(text: str) -> tuple[str, str] | None:
    """Name of the map and key of a text that `with_element` made."""
    found = _FOUND.search(text)
    return (found[1], found[2]) if found else None
