"""One of so many connections, chosen by numbers that are in each of its packets: the same ones wherever one looks.

The choice must be one that the kernel's oldest filters can make, so it is some bits of a number. Of TCP, the upper bits
of the client's sequence numbers: the first ones are scattered by a hash of addresses and ports (RFC 6528), the answers
acknowledge them, and no NAT changes them. Of all else, the client's port or its echo's identifier, which a NAT may
change; without the lowest bit, for Linux gives even ports to those who connect and odd ones to those who bind
(inet_hash_connect, inet_csk_find_open_port).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

LARGEST = 1 << 12
_SHIFT = 20  # a connection counts while its client has sent less than 2 to that many bytes
_ROOM = 0xF0000  # of which so much must be left for it: near the end, its packets would soon be another sample's
_TRIES = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """Every one of `of` connections, a power of two; `residue` below it says which of them."""

    of: int = 1
    residue: int = 0

    def takes_port(self, port: int) -> bool:
        """Whether what comes from this port (of an ICMP echo: with this identifier) is one of them."""
        return (port >> 1) % self.of == self.residue

    def takes_sequence(self, first: int) -> bool:
        """Whether the TCP connection whose client began with this sequence number is one of them."""
        return self.of == 1 or ((first >> _SHIFT) % self.of == self.residue and first % (1 << _SHIFT) < _ROOM)

    @property
    def port_mask(self) -> bytes:
        """The bits of a port, in network order, that decide; `port_value` is what they must be."""
        return ((self.of - 1) << 1).to_bytes(2, "big")

    @property
    def port_value(self) -> bytes:
        return (self.residue << 1).to_bytes(2, "big")

    @property
    def sequence_mask(self) -> bytes:
        """The same of a client's sequence number, or of what acknowledges it."""
        return ((self.of - 1) << _SHIFT).to_bytes(4, "big")

    @property
    def sequence_value(self) -> bytes:
        return (self.residue << _SHIFT).to_bytes(4, "big")


ALL = Sample()


def sample(of: int, seed: int) -> Sample:
    """One of so many. Of the same seed, the larger sample has all connections of the smaller one."""
    return Sample(of, seed % of)


def seed_beside(ports: Collection[int], random: Random) -> int:
    """A seed whose samples have few of these ports: servers', which would bring all of their clients with them. It is
    odd, so that nothing is taken for a number that is not there, which is 0.
    """
    tries = [random.randrange(1, LARGEST, 2) for _ in range(_TRIES)]
    return min(tries, key=lambda seed: sum(sample(64, seed).takes_port(port) for port in ports))
