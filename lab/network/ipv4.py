"""IPv4 addresses and prefixes as plain integers: 1,000 pods are addressed in a millisecond that way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


def number(text: str) -> int:
    """`10.0.1.10` as an integer. ValueError when it is not an IPv4 address."""
    first, second, third, fourth = map(int, text.split("."))
    if max(first, second, third, fourth) > 255:
        raise ValueError(f"{text} is not an IPv4 address")
    return first << 24 | second << 16 | third << 8 | fourth


def dotted(value: int) -> str:
    """The integer in dotted form."""
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


@dataclass(frozen=True, slots=True)
class Prefix:
    """A network: its first address and the number of its fixed bits."""

    network: int
    length: int

    @classmethod
    def of(cls, text: str) -> Prefix:
        """`10.0.1.0/24`; bits beyond the length are cleared, as routing does."""
        address, _, length = text.partition("/")
        bits = int(length) if length else 32
        return cls(number(address) >> (32 - bits) << (32 - bits), bits)

    @property
    def size(self) -> int:
        """How many addresses it has, the first and the last included."""
        return 1 << (32 - self.length)

    @property
    def mask(self) -> int:
        """Its fixed bits as ones."""
        return (1 << 32) - self.size

    def __str__(self) -> str:
        return f"{dotted(self.network)}/{self.length}"

    def __contains__(self, address: int) -> bool:
        return self.network <= address < self.network + self.size

    def overlaps(self, other: Prefix) -> bool:
        return other.network in self or self.network in other

    def address(self, offset: int) -> str:
        """The address that many places after the first one."""
        return dotted(self.network + offset)


def in_order(prefixes: Iterable[str]) -> tuple[str, ...]:
    """By their numbers, the wider first."""
    return tuple(map(str, sorted(map(Prefix.of, prefixes), key=lambda one: (one.network, one.length))))
