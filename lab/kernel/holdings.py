"""What the agent holds of a lab: open namespaces, running programs, and the directory of what to look at when reading
back.

The directory is no memory of values: it says where to look (a file's path) or what cannot change while a thing lives
(the two
ends of a veth pair). Every value comes from the kernel, each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.kernel.changes import Changes
from lab.kernel.programs.listeners import Listeners
from lab.kernel.programs.processes import Processes
from lab.kernel.rules.ipvs_steps import Balancing
from lab.kernel.sandbox.confinement import USUAL, Confinement
from lab.kernel.sandbox.hand import FEWEST, Hand
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import (
    File,
    Interface,
    IpSet,
    Key,
    Namespace,
    Object,
    Offload,
    Symlink,
    VirtualServer,
)
from lab.network.place_names import UNDERLAY

RULE_KINDS = ("node", "router", "gateway", "internet")


@dataclass(slots=True)
class Holdings:
    """See the module. `indexes` are interface numbers by place and name, as last read or given; `with_sets` are the
    places that were ever to have sets.
    """

    confinement: Confinement = USUAL
    namespaces: Namespaces = field(default_factory=Namespaces)
    changes: Changes = field(default_factory=Changes)
    kinds: dict[str, Namespace] = field(default_factory=dict)
    indexes: dict[str, dict[str, int]] = field(default_factory=dict)
    peers: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    files: dict[Key, File | Symlink] = field(default_factory=dict)
    with_sets: set[str] = field(default_factory=set)
    offloads: dict[Key, Offload] = field(default_factory=dict)
    hand: Hand | None = None
    balancing: Balancing = field(init=False)
    listeners: Listeners = field(init=False)
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.balancing = Balancing(self.namespaces)
        self.listeners = Listeners(self.namespaces)
        self.processes = Processes(self.namespaces, self.confinement)

    def take_hand(self, places: int) -> None:
        """So many places are about to be made: where they are many, another process helps with it."""
        if self.hand is None and places >= FEWEST:
            self.hand = Hand(places)

    def let_go_of_hand(self) -> None:
        """It has done its work, or is not needed any more."""
        if self.hand is not None:
            self.hand.close()
            self.hand = None

    def learn(self, wanted: Iterable[Object]) -> None:
        """Where to look for these objects, beside all that was looked at before, as long as its place is there."""
        for item in wanted:
            if isinstance(item, File | Symlink):
                self.files[item.key] = item
            elif isinstance(item, IpSet):
                self.with_sets.add(item.place)
            elif isinstance(item, VirtualServer):
                self.balancing.places.add(item.place)
            elif isinstance(item, Offload):
                self.offloads[item.key] = item
            elif isinstance(item, Namespace):
                self.kinds[item.place] = item
            elif isinstance(item, Interface) and item.kind == "veth" and item.primary:
                self.peers[item.place, item.name] = (item.peer_place, item.peer_name)
                self.peers[item.peer_place, item.peer_name] = (item.place, item.name)

    def forget_gone(self, places: Iterable[str]) -> None:
        """Nothing is to be looked at any more but in these places. Done when it is worth it: when most are gone."""
        there = {UNDERLAY, *places}
        if len(self.kinds) < 2 * len(there):
            return
        self.kinds = {place: kind for place, kind in self.kinds.items() if place in there}
        self.peers = {one: other for one, other in self.peers.items() if one[0] in there and other[0] in there}
        self.files = {key: item for key, item in self.files.items() if item.place in there}
        self.offloads = {key: item for key, item in self.offloads.items() if item.place in there}
        self.with_sets &= there
        self.balancing.places &= there
