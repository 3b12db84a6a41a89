"""Routes and the rules that choose their table: missing, wrong, or ones that lead nowhere."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import OUT, Pass, Scene
from lab.map.place import Way
from lab.network.objects import Route

NOWHERE = ("blackhole", "unreachable", "prohibit")
TABLE = 100


def _routed(scene: Scene, rng: Random) -> tuple[Pass, Way, str] | None:
    """A packet on its way out, with the route that it takes and the address by which it is routed."""
    found: list[tuple[Pass, Way, str]] = []
    for one in scene.passes:
        address = scene.opposite(one) if one.tunnel else one.destination
        way = scene.walker.lookup(scene.place(one.place), address) if address and one.way == OUT else None
        if way is not None and way.device == one.interface:
            found.append((one, way, address))
    return rng.choice(found) if found else None


def _text(scene: Scene, place: str, way: Way) -> str:
    """The route as `ip route` is given it."""
    held = next(
        (item for item in scene.held(place) if isinstance(item, Route) and item.destination == way.destination), None
    )
    parts = [way.destination, f"via {way.via}" if way.via else "", f"dev {way.device}" if way.device else ""]
    if held is None:
        link = scene.place(place).link(way.device)
        parts.append(f"proto kernel scope link src {link.address}" if link else "")
    elif held.onlink:
        parts.append("onlink")
    return " ".join(filter(None, parts))


def _name(destination: str) -> str:
    return destination.removesuffix("/32")


def _gone(scene: Scene, rng: Random) -> Break | None:
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, _ = found
    text = _text(scene, one.place, way)
    words = (_name(way.destination), *((way.via,) if way.via else (f"dev {way.device}",)))
    return Break(
        at(one.place, f"ip route del {way.destination}"),
        at(one.place, f"ip route add {text}"),
        (Named(one.place, words),),
    )


def _replaced(scene: Scene, rng: Random) -> Break | None:
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, _ = found
    kind = rng.choice(NOWHERE)
    return Break(
        at(one.place, f"ip route replace {kind} {way.destination}"),
        at(one.place, f"ip route del {kind} {way.destination}", f"ip route add {_text(scene, one.place, way)}"),
        (Named(one.place, (kind, _name(way.destination))),),
    )


def _nowhere(scene: Scene, rng: Random) -> Break | None:
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    kind = rng.choice((*NOWHERE, "throw"))
    to = rng.choice((f"{address}/32", f"{address.rpartition('.')[0]}.{int(address.rpartition('.')[2]) & 0xFC}/30"))
    if to == way.destination:
        return None
    return Break(
        at(one.place, f"ip route add {kind} {to}"),
        at(one.place, f"ip route del {kind} {to}"),
        (Named(one.place, (kind, _name(to))),),
    )


def _wrong_hop(scene: Scene, one: Pass, way: Way, rng: Random) -> str:
    """Another neighbour of the place, on a plain interface, as the next hop: `via ADDRESS dev DEVICE`; or ""."""
    place = scene.place(one.place)
    found = [
        f"via {other.address} dev {link.name}"
        for link in place.links
        if link.kind == "veth" and link.address and link.addresses[0].endswith(("/24", "/29"))
        for other_place in scene.labmap.places
        for other in other_place.links
        if other_place.name != place.name
        and other.address
        and other.address != way.via
        and other.address.rpartition(".")[0] == link.address.rpartition(".")[0]
    ]
    return rng.choice(found) if found else ""


def _misled(scene: Scene, rng: Random) -> Break | None:
    """A route to the wrong neighbour: in place of the right one, or more specific."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    hop = _wrong_hop(scene, one, way, rng)
    to = rng.choice((way.destination, f"{address}/32"))
    if not hop or hop.split()[1] == address:
        return None
    undo = [f"ip route del {to} {hop}"]
    if to == way.destination:
        undo.append(f"ip route replace {_text(scene, one.place, way)}")
    return Break(
        at(one.place, f"ip route replace {to} {hop} onlink"),
        at(one.place, *undo),
        (Named(one.place, (_name(to), hop.split(" dev ")[0])),),
    )


def _other_device(scene: Scene, rng: Random) -> Break | None:
    """A route out of the wrong device."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    others = [link.name for link in scene.place(one.place).links if link.name != one.interface]
    if not others:
        return None
    device = rng.choice(others)
    to = f"{address}/32"
    command = "replace" if to == way.destination else "add"
    undo = [f"ip route del {to} dev {device}"]
    if to == way.destination:
        undo.append(f"ip route replace {_text(scene, one.place, way)}")
    return Break(
        at(one.place, f"ip route {command} {to} dev {device}"),
        at(one.place, *undo),
        (Named(one.place, (_name(to), f"dev {device}")),),
    )


def _default_shadowed(scene: Scene, rng: Random) -> Break | None:
    """Two routes that are together as long as all of the Internet, as VPN clients write them."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    if way.destination != "default":
        return None
    to = "0.0.0.0/1" if int(address.partition(".")[0]) < 128 else "128.0.0.0/1"
    return Break(
        at(one.place, f"ip route add blackhole {to}"),
        at(one.place, f"ip route del blackhole {to}"),
        (Named(one.place, ("blackhole", to)),),
    )


def _ruled(scene: Scene, rng: Random) -> Break | None:
    """An `ip rule` that ends the packet."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, _, address = found
    kind = rng.choice(NOWHERE)
    which = rng.choice((f"from {one.source}" if not one.tunnel else f"to {address}", f"to {address}"))
    return Break(
        at(one.place, f"ip rule add {which} {kind}"),
        at(one.place, f"ip rule del {which} {kind}"),
        (Named(one.place, (which, kind)),),
    )


def _other_table(scene: Scene, rng: Random) -> Break | None:
    """An `ip rule` to a table that leads elsewhere. The rule may be named, or that table's route."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    which = rng.choice((f"to {address}", f"from {one.source}" if not one.tunnel else f"to {address}"))
    hop = _wrong_hop(scene, one, way, rng)
    route = f"default {hop} onlink" if hop and rng.random() < 0.5 else "unreachable default"
    made = (f"ip route add {route} table {TABLE}", f"ip rule add {which} lookup {TABLE}")
    undo = (f"ip rule del {which} lookup {TABLE}", f"ip route flush table {TABLE}")
    named = (Named(one.place, (which, f"lookup {TABLE}")), Named(one.place, (f"table {TABLE}",)))
    return Break(at(one.place, *made), at(one.place, *undo), named)


def _main_table_unasked(scene: Scene, rng: Random) -> Break | None:
    """The rule that has the main table asked is gone."""
    found = _routed(scene, rng)
    if found is None:
        return None
    place = found[0].place
    return Break(
        at(place, "ip rule del priority 32766"),
        at(place, "ip rule add priority 32766 from all lookup main"),
        (Named(place, ("lookup main",)),),
    )


def _small_route(scene: Scene, rng: Random) -> Break | None:
    """A route with an MTU that is too small, locked."""
    found = _routed(scene, rng) if scene.request.size else None
    if found is None:
        return None
    one, way, address = found
    if one.tunnel or scene.place(one.place).kind == "pod":
        return None
    to = f"{address}/32"
    where = f"via {way.via} dev {way.device} onlink" if way.via else f"dev {way.device}"
    command, undo = ("replace", [f"ip route del {to}"])
    if to == way.destination:
        undo.append(f"ip route add {_text(scene, one.place, way)}")
    return Break(
        at(one.place, f"ip route {command} {to} {where} mtu lock 600"),
        at(one.place, *undo),
        (Named(one.place, (_name(to), "mtu")),),
    )


def _shadowed(scene: Scene, rng: Random) -> Break | None:
    """A device of another program, such as docker0, whose subnet holds the packet's address."""
    found = _routed(scene, rng)
    if found is None:
        return None
    one, way, address = found
    if way.destination.endswith("/32"):
        return None
    last = int(address.rpartition(".")[2])
    own = f"{address.rpartition('.')[0]}.{(last & 0xF8) + (1 if last & 7 != 1 else 2)}/29"
    made = ("ip link add docker0 type bridge", f"ip addr add {own} dev docker0", "ip link set docker0 up")
    named = (Named(one.place, ("docker0",)),)
    return Break(at(one.place, *made), at(one.place, "ip link del docker0"), named)


KINDS = (
    Kind("route", "a route is gone", _gone),
    Kind("route", "a route leads nowhere", _replaced),
    Kind("route", "a more specific route leads nowhere", _nowhere),
    Kind("route", "a route to the wrong neighbour", _misled),
    Kind("route", "a route out of the wrong device", _other_device),
    Kind("route", "half of the Internet is a blackhole", _default_shadowed),
    Kind("route", "an ip rule leads nowhere", _ruled),
    Kind("route", "an ip rule to another table", _other_table),
    Kind("route", "the rule for the main table is gone", _main_table_unasked),
    Kind("route", "a route with a small MTU", _small_route),
    Kind("device", "another device's subnet shadows the way", _shadowed),
)
