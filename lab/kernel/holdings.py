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
from lab.kernel.listeners import Listeners
from lab.kernel.namespaces import Namespaces
from lab.kernel.processes import Processes
from lab.kernel.sandbox.confinement import USUAL, Confinement
from lab.network.objects import File, Interface, IpSet, Key, Namespace, Object, Offload, Symlink

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
    listeners: Listeners = field(init=False)
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.listeners = Listeners(self.namespaces)
        self.processes = Processes(self.namespaces, self.confinement)

    def learn(self, wanted: Iterable[Object]) -> None:
        """Where to look for these objects, beside all that was ever looked at."""
        for item in wanted:
            if isinstance(item, File | Symlink):
                self.files[item.key] = item
            elif isinstance(item, IpSet):
                self.with_sets.add(item.place)
            elif isinstance(item, Offload):
                self.offloads[item.key] = item
            elif isinstance(item, Namespace):
                self.kinds[item.place] = item
            elif isinstance(item, Interface) and item.kind == "veth" and item.primary:
                self.peers[item.place, item.name] = (item.peer_place, item.peer_name)
                self.peers[item.peer_place, item.peer_name] = (item.place, item.name)
