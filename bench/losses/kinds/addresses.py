"""Addresses: missing, or held by somebody else as well."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import Pass, Scene


def _gone(scene: Scene, rng: Random) -> Break | None:
    """An interface on the way lacks its address; a tunnel's end lacks the one of the device below it."""
    found = [(one.place, one.interface, address) for one in scene.passes for address in scene.link(one).addresses]
    if not found:
        return None
    place, device, address = rng.choice(found)
    routes = [
        f"ip route replace {way.destination} {f'via {way.via} ' if way.via else ''}dev {way.device}"
        for way in scene.place(place).routes
        if way.device == device and way.type == "unicast"
    ]
    named = Named(place, (address.removesuffix("/32"), f"dev {device}"))
    return Break(
        at(place, f"ip addr del {address} dev {device}"),
        at(
            place,
            f"ip addr replace {address} dev {device}",
            *(f"{route} onlink" for route in routes if " via " in route),
        ),
        (named,),
    )


def _held_on_the_way(scene: Scene, rng: Random) -> Break | None:
    """A place on the way takes the packet for its own: it holds the address that the packet is bound for."""
    through = [one for one in scene.passes if not one.ends and not one.tunnel]
    if not through:
        return None
    one = rng.choice(through)
    return _held(one, one.destination, rng.choice(("lo", one.interface)))


def _source_held(scene: Scene, rng: Random) -> Break | None:
    """A place on the way holds the address that the packet comes from: a martian."""
    through = [one for one in scene.passes if not one.ends and not one.tunnel and one.way == "in"]
    if not through:
        return None
    one = rng.choice(through)
    return _held(one, one.source, rng.choice(("lo", one.interface)))


def _end_held(scene: Scene, rng: Random) -> Break | None:
    """The tunnel's other end is held by the node itself, or by the router."""
    wrapped = [one for one in scene.passes if one.tunnel and scene.opposite(one)]
    if not wrapped:
        return None
    one = rng.choice(wrapped)
    return _held(one, scene.opposite(one), "lo")


def _held(one: Pass, address: str, device: str) -> Break:
    return Break(
        at(one.place, f"ip addr add {address}/32 dev {device}"),
        at(one.place, f"ip addr del {address}/32 dev {device}"),
        (Named(one.place, (address, f"dev {device}")),),
    )


def _answers_from_another(scene: Scene, rng: Random) -> Break | None:
    """A pod sends from an address that is not its own, by its route."""
    pod = rng.choice([one.place for one in scene.passes if one.ends and scene.place(one.place).kind == "pod"] or [""])
    way = next((way for way in scene.place(pod).routes if way.destination == "default"), None) if pod else None
    if way is None:
        return None
    other = "10.99.9.9"
    route = f"default via {way.via} dev {way.device} onlink"
    return Break(
        at(pod, f"ip addr add {other}/32 dev {way.device}", f"ip route replace {route} src {other}"),
        at(pod, f"ip route replace {route.removesuffix(' onlink')}", f"ip addr del {other}/32 dev {way.device}"),
        (Named(pod, (other,)),),
    )


KINDS = (
    Kind("address", "an address is gone", _gone),
    Kind("address", "the destination is held on the way", _held_on_the_way),
    Kind("address", "the source is held on the way", _source_held),
    Kind("address", "the tunnel's end is held on the way", _end_held),
    Kind("address", "a pod sends from another address", _answers_from_another),
)
