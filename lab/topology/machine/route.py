"""What `ip route show table all` prints, with `-d`, `-N`, `-o` and `-j` or without.

Left out are what the kernel makes of addresses by itself (`proto kernel`, table local), IPv6, and interfaces that the
place has not. What the lab's routes cannot hold is refused: a TOS, a gateway of IPv6, an encapsulation, metrics of TCP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import DumpError, Entry, Json, Kind, LeftOutError, single
from lab.topology.machine.words import IPV6, MOST, Words, address, device, number, prefix, protocol, six, table
from lab.topology.yaml.document import shown

COMMAND = "ip route show table all"
NUMBERED = f"ip -N {COMMAND.removeprefix('ip ')}"
KERNELS = "the kernel makes such itself"
MOST_HOPS = 64

TYPES = {"1": "unicast", "2": "local", "3": "broadcast", "4": "anycast", "5": "multicast"}
TYPES |= {"6": "blackhole", "7": "unreachable", "8": "prohibit", "9": "throw"}
"""A route's type by its number (rtnetlink.h)."""
HELD_TYPES = ("unicast", "local", "blackhole", "unreachable", "prohibit", "throw")
_SCOPES = {"0": "global", "200": "site", "253": "link", "254": "host", "255": "nowhere"}
_SCOPES |= {name: name for name in tuple(_SCOPES.values())}
_STATES = ("linkdown", "dead", "offload", "rt_offload", "trap", "rt_trap", "pervasive", "notify")
"""Flags that say how it is, not what it is."""


@dataclass(frozen=True, slots=True)
class SavedHop:
    """A way of a route: `via` is "" where the destination is on the link."""

    via: str = ""
    device: str = ""
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class SavedRoute:
    """As lab.network.objects.Route has it; `table` "" is the main one, `hops` are one, or several, or none."""

    destination: str
    type: str = "unicast"
    hops: tuple[SavedHop, ...] = ()
    table: str = ""
    proto: str = "boot"
    scope: str = "global"
    src: str = ""
    metric: int = 0
    mtu: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """The kernel has one with these."""
        return self.destination, self.table, self.metric


def routes(devices: Devices) -> Kind[SavedRoute]:
    """The dump's kind, for a place with these interfaces."""
    return Kind(COMMAND, "routes", lambda entry: _read(entry, devices), _words)


def _read(entry: Entry, devices: Devices) -> SavedRoute:
    words = Words(entry.words)
    first = words.next()
    kind = TYPES.get(first, first)
    if kind in TYPES.values():
        destination = words.after(kind)
    else:
        kind, destination = "unicast", first
    six(destination)
    if "pref" in entry.words:
        raise LeftOutError(IPV6)
    found = SavedRoute(destination if destination == "default" else prefix(destination), kind)
    if found.destination == "0.0.0.0/0":
        found = replace(found, destination="default")
    hops = [SavedHop()]  # the route's own, then those behind `nexthop`
    while words.left:
        word = words.next()
        if word == "nh_info":
            break  # the object that nhid names, once more
        if word == "nexthop":
            hops.append(SavedHop())
        elif word in _HOP:
            hops[-1] = _HOP[word](hops[-1], words, word)
        elif word in _ROUTE:
            found = _ROUTE[word](found, words.after(word))
        elif word not in _STATES:
            raise DumpError(f"{shown(word)} is not known of a route", _REFUSED.get(word, f"{COMMAND} prints it"))
    if found.proto == "kernel" or found.table == "local" or kind not in HELD_TYPES:
        raise LeftOutError(KERNELS)
    return _checked(replace(found, hops=tuple(hops[1:] or [one for one in hops if one != SavedHop()])), devices)


def _checked(route: SavedRoute, devices: Devices) -> SavedRoute:
    refuses = route.type not in ("unicast", "local")
    if refuses and route.hops:
        raise DumpError(f"a route of type {route.type} leads nowhere", "take out what stands behind via and dev")
    if not refuses and not route.hops:
        raise DumpError(f"no way to {route.destination} is given: the line is cut off", "print it anew, whole")
    if len(route.hops) > MOST_HOPS:
        raise DumpError(f"the route has {len(route.hops)} next hops", f"at most {MOST_HOPS} are possible")
    for hop in route.hops:
        if not hop.device:
            raise DumpError(f"a way to {route.destination} has no interface: the line is cut off", "print it anew")
        devices.require(hop.device)
    return route


def _via(hop: SavedHop, words: Words, word: str) -> SavedHop:
    gateway = words.after(word)
    if gateway == "inet6":
        raise DumpError("a gateway of IPv6 cannot be held: the lab has IPv4 only", "take the line out")
    six(gateway)
    return replace(hop, via=address(gateway))


_HOP: dict[str, Callable[[SavedHop, Words, str], SavedHop]] = {
    "via": _via,
    "dev": lambda hop, words, word: replace(hop, device=device(words.after(word))),
    "weight": lambda hop, words, word: replace(hop, weight=max(1, number(word, words.after(word), 256))),
    "onlink": lambda hop, _words, _word: replace(hop, onlink=True),
}


def _scope(text: str) -> str:
    if text not in _SCOPES:
        raise DumpError(f"{shown(text)} is no scope of the kernel's own", f"one of {', '.join([*_SCOPES][5:])}")
    return _SCOPES[text]


_ROUTE: dict[str, Callable[[SavedRoute, str], SavedRoute]] = {
    "table": lambda route, text: replace(route, table=table(text, NUMBERED)),
    "proto": lambda route, text: replace(route, proto=protocol(text)),
    "scope": lambda route, text: replace(route, scope=_scope(text)),
    "src": lambda route, text: replace(route, src=address(text)),
    "metric": lambda route, text: replace(route, metric=number("metric", text, MOST)),
    "mtu": lambda route, text: replace(route, mtu=_mtu(text)),
    "nhid": lambda route, _text: route,  # what it is made of stands behind it
}


def _mtu(text: str) -> int:
    if text == "lock":
        raise DumpError("a locked MTU cannot be held", "take out the word lock: mtu 1400")
    return number("mtu", text, 65535)


_TUNED = "only mtu can be held of a route's metrics: take out the word and its value"
_REFUSED = {
    "tos": "a route for one TOS cannot be held: take the line out",
    "encap": "a route with an encapsulation of its own cannot be held: take the line out",
    "realm": "a realm cannot be held: take out the word and its value",
    "realms": "a realm cannot be held: take out the word and its value",
    **dict.fromkeys(("advmss", "window", "rtt", "rttvar", "ssthresh", "cwnd", "initcwnd", "initrwnd"), _TUNED),
    **dict.fromkeys(("reordering", "hoplimit", "rto_min", "quickack", "congctl", "features"), _TUNED),
    "cache": "this is of `ip route show cache`: print the tables",
}

_MEMBERS = {"gateway": "via", "dev": "dev", "table": "table", "protocol": "proto", "scope": "scope"}
_MEMBERS |= {"prefsrc": "src", "metric": "metric", "weight": "weight", "tos": "tos", "pref": "pref"}
_DROPPED = ("type", "dst", "flags", "nexthops", "metrics", "nhid", "nh_info", "via")


def _words(told: Json) -> list[str]:
    """As `ip route` prints it."""
    words = [single(told["type"])] if "type" in told else []
    words += [single(told["dst"]), *_of_hop(told)]
    for metrics in told.get("metrics", []):
        words += [word for name, value in metrics.items() for word in (name, single(value))]
    for hop in told.get("nexthops", []):
        words += ["nexthop", *_of_hop(hop)]
    return words


def _of_hop(told: Json) -> list[str]:
    words = []
    if "via" in told:
        words += ["via", single(told["via"]["family"]), single(told["via"]["host"])]
    for name, value in told.items():
        if name not in _DROPPED:
            words += [_MEMBERS.get(name, name), single(value)]
    return words + [single(flag) for flag in told.get("flags", [])]
