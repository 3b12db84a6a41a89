"""What `ip neigh` and `bridge fdb` print: the entries that somebody, or a component, put there for good.

What ARP and bridges learn they learn in the lab as well. Neighbours count that are PERMANENT, forwarding entries that
are permanent, of a VXLAN device itself, and lead to a tunnel's other end.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import DumpError, Entry, Json, Kind, LeftOutError, single
from lab.topology.machine.words import Words, address, device, mac, six
from lab.topology.yaml.document import shown

NEIGHBOURS, FDB = "ip neigh", "bridge fdb"
LEARNED = "not PERMANENT"
OTHERS = "not permanent, or to no tunnel's other end"

_STATES = ("REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "INCOMPLETE", "NOARP", "NONE")
_NEIGHBOUR_FLAGS = ("router", "proxy", "extern_learn", "offload", "managed", "extern_valid")
_FDB_FLAGS = ("self", "extern_learn", "offload", "sticky", "offloaded", "added_by_user")
_FDB_STATES = ("permanent", "static", "stale", "reachable")
_REFUSED = ("port", "vni", "src_vni", "via", "nhid", "link-netnsid")


@dataclass(frozen=True, slots=True)
class SavedNeighbour:
    """`address` is at `mac` behind `device`."""

    device: str
    address: str
    mac: str

    @property
    def key(self) -> tuple[str, str]:
        return self.device, self.address


@dataclass(frozen=True, slots=True)
class SavedEntry:
    """Frames to `mac` go by `device` to the tunnel's end `remote`."""

    device: str
    mac: str
    remote: str

    @property
    def key(self) -> tuple[str, str]:
        return self.device, self.mac


def neighbours(devices: Devices) -> Kind[SavedNeighbour]:
    """The dump's kind, for a place with these interfaces."""
    return Kind(NEIGHBOURS, "neighbours", lambda entry: _neighbour(entry, devices), _neighbour_words)


def forwarding(devices: Devices) -> Kind[SavedEntry]:
    """The dump's kind, for a place with these interfaces."""
    return Kind(FDB, "entries", lambda entry: _forwarding(entry, devices), _forwarding_words)


def _neighbour(entry: Entry, devices: Devices) -> SavedNeighbour:
    words = Words(entry.words)
    whom = words.next()
    six(whom)
    found, state = {"address": address(whom), "device": "", "mac": ""}, ""
    while words.left:
        word = words.next()
        if word == "dev":
            found["device"] = device(words.after(word))
        elif word == "lladdr":
            found["mac"] = words.after(word)
        elif word in ("proto", "used", "probes", "ref"):
            words.after(word)
        elif word == "PERMANENT" or word in _STATES:
            state = word
        elif word not in _NEIGHBOUR_FLAGS:
            raise DumpError(f"{shown(word)} is not known of a neighbour", f"{NEIGHBOURS} prints it")
    if "proxy" in entry.words:
        raise LeftOutError("the machine answers for them")
    if not found["device"] or not state:
        lacking = "state" if found["device"] else "interface"
        raise DumpError(f"the neighbour {whom} has no {lacking}: the line is cut off", "print it anew, whole")
    if state != "PERMANENT":
        raise LeftOutError(LEARNED)
    devices.require(found["device"])
    if not found["mac"]:
        raise LeftOutError("without a MAC")
    mac(found["mac"])
    return SavedNeighbour(**found)


def _forwarding(entry: Entry, devices: Devices) -> SavedEntry:
    words = Words(entry.words)
    found = {"mac": mac(words.next()), "device": "", "remote": ""}
    flags = set()
    while words.left:
        word = words.next()
        if word == "dev":
            found["device"] = device(words.after(word))
        elif word == "dst":
            found["remote"] = words.after(word)
        elif word in ("master", "vlan", "used"):
            words.after(word)
        elif word in _FDB_FLAGS or word in _FDB_STATES:
            flags.add(word)
        elif word in _REFUSED:
            raise DumpError(f"{shown(word)} of an entry cannot be held", "take the line out")
        else:
            raise DumpError(f"{shown(word)} is not known of an entry", f"{FDB} prints it")
    if not found["device"]:
        raise DumpError(f"the entry of {found['mac']} has no interface: the line is cut off", "print it anew, whole")
    if not found["remote"] or not {"self", "permanent"} <= flags:
        raise LeftOutError(OTHERS)
    six(found["remote"])
    devices.require(found["device"])
    if found["device"] not in devices.tunnels:
        raise DumpError(f"{found['device']} of {devices.place} is no VXLAN device", "take the line out")
    return SavedEntry(found["device"], found["mac"], address(found["remote"]))


def _neighbour_words(told: Json) -> list[str]:
    words = [single(told["dst"])]
    for name, value in told.items():
        if name == "state":
            words += [single(one) for one in value]
        elif name not in ("dst", "probes", "used", "confirmed", "updated", "refcnt"):
            words += [name, *([] if value is None else [single(value)])]
    return words


_FDB_MEMBERS = {"ifname": "dev"}


def _forwarding_words(told: Json) -> list[str]:
    words = [single(told["mac"])]
    for name, value in told.items():
        if name in ("flags", "flags_ext"):
            words += [single(one) for one in value]
        elif name == "state":
            words += [single(value)] if value else []
        elif name not in ("mac", "used", "updated"):
            words += [_FDB_MEMBERS.get(name, name), single(value)]
    return words
