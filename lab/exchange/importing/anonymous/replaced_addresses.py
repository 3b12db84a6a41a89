"""Addresses replaced so that who shared a prefix of 8 bits or more shares one still. The last 16 bits stay: a router
is the first of its subnet, a DNS server the tenth of its range, as before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

_ADDRESS = re.compile(rb"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(/\d{1,2})?(?![\d.])")
_KEPT = (0, 127, 169, 255)
"""First octets that mean the same everywhere; those of multicast and above stay, too."""
_MULTICAST = 224
_FIRST, _PLACES = 20, 79


class ReplacedAddresses:
    """The replacing of one import. What it makes of an address depends on `key`, which nobody is told."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._firsts: dict[int, int] = {}
        self._second = lru_cache(1 << 16)(self._second_octet)

    def text(self, data: bytes) -> bytes:
        """A dump with all its addresses of IPv4 replaced."""
        return _ADDRESS.sub(self._replaced, data)

    def _replaced(self, found: re.Match[bytes]) -> bytes:
        octets = [int(part) for part in found.groups()[:4]]
        length = int(found[5][1:]) if found[5] else 32
        if max(octets) > 255 or length > 32 or octets[0] in _KEPT or octets[0] >= _MULTICAST:
            return found[0]
        second = self._second(octets[0], octets[1])
        if length < 16 and not octets[2] and not octets[3]:
            second &= (0xFF << (16 - max(length, 8))) & 0xFF
        made = f"{self._first_octet(octets[0])}.{second}.{octets[2]}.{octets[3]}".encode()
        return made + (found[5] or b"")

    def _first_octet(self, octet: int) -> int:
        if octet not in self._firsts:
            place = self._drawn(bytes([octet])) % _PLACES
            while _FIRST + place in self._firsts.values():
                place = (place + 1) % _PLACES
            self._firsts[octet] = _FIRST + place
        return self._firsts[octet]

    def _second_octet(self, first: int, octet: int) -> int:
        """Bit by bit, each turned or not by those before it alone."""
        made = 0
        for bit in range(8):
            before = octet >> (8 - bit)
            made = made << 1 | (octet >> (7 - bit) & 1) ^ (self._drawn(bytes([first, bit, before])) & 1)
        return made

    def _drawn(self, what: bytes) -> int:
        return int.from_bytes(blake2b(what, key=self._key, digest_size=4).digest())
