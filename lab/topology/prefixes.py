"""IPv4 prefixes and addresses as people write them, checked one by one and against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Annotated

from pydantic import AfterValidator, Field

from lab.topology.field_errors import refusal
from lab.topology.yaml.document import Path, shown

# Ranges in which the kernel refuses or treats specially the addresses of ordinary hosts.
_SPECIAL = (
    (IPv4Network("0.0.0.0/8"), "this network"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local, where the pods' gateway 169.254.1.1 is"),
    (IPv4Network("224.0.0.0/3"), "multicast and reserved"),
)
WIDEST, NARROWEST = 8, 30


def _network(text: str) -> IPv4Network:
    example = "write it as 10.0.1.0/24"
    if ":" in text:
        raise refusal(f"{shown(text)} is not IPv4", "only IPv4 is supported")
    if "/" not in text:
        raise refusal(f"{shown(text)} has no prefix length", example)
    try:
        network = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise refusal(f"{shown(text)} is not an IPv4 prefix", example) from None
    if str(network) != text:
        raise refusal(f"{shown(text)} is not the beginning of a prefix", f"write {network}")
    return network


def _any_prefix(text: str) -> str:
    return str(_network(text))


def _prefix(text: str) -> str:
    network = _network(text)
    if not WIDEST <= network.prefixlen <= NARROWEST:
        raise refusal(f"the prefix length {network.prefixlen} is out of range", f"use /{WIDEST} to /{NARROWEST}")
    for special, purpose in _SPECIAL:
        if network.overlaps(special):
            raise refusal(f"{text} overlaps {special} ({purpose})", "use private addresses such as 10.0.0.0/8")
    return text


def _address(text: str) -> str:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise refusal(f"{shown(text)} is not an IPv4 address", "write it as 10.0.1.10") from None
    for special, purpose in _SPECIAL:
        if address in special:
            raise refusal(f"{text} is in {special} ({purpose})", "use an ordinary address such as 10.0.1.10")
    return text


Prefix = Annotated[str, AfterValidator(_prefix), Field(json_schema_extra={"examples": ["10.0.1.0/24"]})]
AnyPrefix = Annotated[
    str, AfterValidator(_any_prefix), Field(json_schema_extra={"examples": ["10.0.1.0/24", "127.0.0.0/8"]})
]
"""One that says which addresses are meant, and has none of its own: whatever is in it."""
HostAddress = Annotated[str, AfterValidator(_address), Field(json_schema_extra={"examples": ["10.0.1.10"]})]


def overlaps(prefixes: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, IPv4Network, Path, IPv4Network]]:
    """Pairs of prefixes that share addresses; first of each pair is the one that stands later in the file."""
    found = [(IPv4Network(text), order, path) for order, (path, text) in enumerate(prefixes)]
    found.sort(key=lambda item: (int(item[0].network_address), item[0].prefixlen, item[1]))
    for widest, item in _with_widest_before(found):
        if int(item[0].network_address) <= int(widest[0].broadcast_address):
            later, earlier = (item, widest) if item[1] > widest[1] else (widest, item)
            yield later[2], later[0], earlier[2], earlier[0]


_Placed = tuple[IPv4Network, int, Path]


def _with_widest_before(found: list[_Placed]) -> Iterator[tuple[_Placed, _Placed]]:
    """Each prefix but the first, after the one before it that reaches furthest: it overlaps that one or none."""
    furthest = found[:1]
    for item in found[1:]:
        yield furthest[0], item
        if int(item[0].broadcast_address) > int(furthest[0][0].broadcast_address):
            furthest = [item]
