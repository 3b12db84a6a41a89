"""What both ways are given: namespaces that are open already, and the network's objects by place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lab.kernel.syscalls import CLONE_NEWNET, setns, unshare
from lab.network.objects import Address, FdbEntry, Interface, Neighbour, Network, Route
from lab.network.place_names import UNDERLAY

HERE = "/proc/thread-self/ns/net"
NEWS = "192.0.2.1"  # RFC 5737: nobody else has it

Linked = Interface | Address | Route | Neighbour | FdbEntry


class Namespaces:
    """One for each place, held open."""

    def __init__(self, places: tuple[str, ...]) -> None:
        self.fds = {UNDERLAY: os.open(HERE, os.O_RDONLY)}
        for place in places:
            unshare(CLONE_NEWNET)
            self.fds[place] = os.open(HERE, os.O_RDONLY)
        setns(self.fds[UNDERLAY], CLONE_NEWNET)

    @contextmanager
    def entered(self, place: str) -> Iterator[None]:
        """The calling thread is in that place for the block."""
        setns(self.fds[place], CLONE_NEWNET)
        try:
            yield
        finally:
            setns(self.fds[UNDERLAY], CLONE_NEWNET)


def by_place(network: Network) -> dict[str, list[Linked]]:
    """What there is to build in each place, in the order in which it can be."""
    places: dict[str, list[Linked]] = {UNDERLAY: [], **{place: [] for place in network.places}}
    for item in network:
        if isinstance(item, Linked):
            places[item.place].append(item)
    for items in places.values():
        items.sort(key=lambda item: item.rank)
    return places
