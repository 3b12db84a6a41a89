"""What of a pod's connections is listened to, in the words of each of the kernel's filters.

Near the pod its packets are known by its address. Behind a NAT they have another one, so there all that a NAT may
have made is listened to, or a sample of its own. Of TCP, the smaller one is part of the other. Of datagrams, whose
port the NAT may have changed too, they have nothing to do with each other: both must have one for it to be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from socket import inet_aton

from lab.kernel.netlink.socketfilter import Instruction
from lab.map.labmap import LabMap
from lab.network.ipv4 import Prefix, dotted
from lab.trace.witness.filter.match import NO_TUNNELS, PROTOCOLS, Match, Spot, Tunnels, left_out, sealed, spots
from lab.trace.witness.filter.sample import ALL, Sample, sample
from lab.trace.witness.filter.sieve import MOST, Decision, frames


@dataclass(frozen=True, slots=True)
class Selection:
    """The pod's own addresses (`clients`), servers outside, where NATs and tunnels are, and the two samples."""

    clients: tuple[str, ...]
    outside: tuple[str, ...] = ()
    translators: tuple[Prefix, ...] = ()
    tunnels: Tunnels = NO_TUNNELS
    near: Sample = ALL
    hidden: Sample = ALL
    hidden_tcp: Sample = ALL

    def sampled(self, near: int, hidden: int, seeds: tuple[int, int]) -> Selection:
        """Of the pod's connections one of `near`, of what a NAT may have made one of `hidden`. Of the same seeds, more
        has all of less.
        """
        return replace(
            self,
            near=sample(near, seeds[0]),
            hidden=sample(hidden, seeds[1]),
            hidden_tcp=sample(max(near, hidden), seeds[0]),
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing at all is left out."""
        return self.near.of == self.hidden.of == 1

    @property
    def matches(self) -> tuple[Match, ...]:
        """The packets that netfilter is to report on: the pod's, by all of its addresses, and the outside's, where a
        NAT hides whose they are.
        """
        return (
            *self._own,
            *(replace(match, server=one) for one in self.outside for match in self._hidden),
        )

    @property
    def frames(self) -> tuple[Instruction, ...]:
        """The filter of the packet sockets; () when everything is wanted. What others send is left out only in so far
        as no NAT can have made it of something of this pod.
        """
        if self.is_all:
            return ()
        unframed = self.tunnels.ipip or bool(self.tunnels.wireguard)
        program = frames(tuple(self._decisions()), otherwise=False, unframed=unframed)
        if len(program) <= MOST:
            return program
        return replace(self, translators=()).frames

    @property
    def _own(self) -> tuple[Match, ...]:
        return tuple(Match(protocol, one, sample=self.near) for one in self.clients for protocol in PROTOCOLS)

    @property
    def _hidden(self) -> tuple[Match, ...]:
        return tuple(
            Match(protocol, sample=self.hidden_tcp if protocol == "tcp" else self.hidden) for protocol in PROTOCOLS
        )

    def _decisions(self) -> Iterator[Decision]:
        """Tunnels first: what carries a packet is judged by what it carries. Before all, what most packets are."""
        outer, *inner = spots(self.tunnels)
        for rule in left_out(outer, (*self._own, *self._hidden), self.tunnels):
            yield Decision(rule, keep=False)
        for rule in sealed(self.tunnels):
            yield Decision(rule, keep=True)
        for spot in (*inner, outer):
            yield from self._about_near(spot)
            yield from self._about_hidden(spot)

    def _about_near(self, spot: Spot) -> Iterator[Decision]:
        if self.near.of > 1:
            for match in self._own:
                yield from (Decision(rule, keep=True) for rule in (*match.rules(spot), *match.bare_resets(spot)))
        for address in map(inet_aton, self.clients):
            for mine in (spot.source(address), spot.destination(address)):
                yield Decision((*spot.within, mine), keep=self.near.of == 1)

    def _about_hidden(self, spot: Spot) -> Iterator[Decision]:
        for rule in left_out(spot, self._hidden, self.tunnels):
            yield Decision(rule, keep=False)
        for prefix in self.translators:
            network, mask = inet_aton(dotted(prefix.network)), inet_aton(dotted(prefix.mask))
            for end in (spot.source(network, mask), spot.destination(network, mask)):
                yield Decision((*spot.within, end), keep=True)
        if spot.within:
            yield Decision(spot.within, keep=False)


def selection(labmap: LabMap, clients: tuple[str, ...]) -> Selection:
    """Of a pod with these addresses, everything."""
    infrastructure = [place for place in labmap.places if place.kind not in ("pod", "underlay")]
    links = [link for place in infrastructure for link in place.links]
    subnets = [Prefix.of(subnet.cidr) for subnet in labmap.subnets]
    addresses = [Prefix.of(one.partition("/")[0]) for link in links for one in link.addresses]
    alone = [one for one in addresses if not any(one.network in subnet for subnet in subnets)]
    return Selection(
        clients,
        tuple(dict.fromkeys(name.address for name in labmap.internet)),
        tuple(dict.fromkeys((*subnets, *alone))),
        Tunnels.of(labmap),
    )
