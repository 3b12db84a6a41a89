"""Devices: down, gone, too small, of another number; and their flags, those of bridge ports among them."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import OUT, Pass, Scene
from lab.network.objects import Interface, Vxlan

STRANGER = "66:00:00:00:00:99"


def _down(scene: Scene, rng: Random) -> Break | None:
    one = rng.choice(scene.passes)
    return _device(one.place, one.interface, f"ip link set {one.interface} down", f"ip link set {one.interface} up")


def _device(place: str, name: str, do: str, undo: str, *words: str) -> Break:
    return Break(at(place, do), at(place, undo), (Named(place, (name, *words)),))


def _bridge_down(scene: Scene, rng: Random) -> Break | None:
    found = [(one.place, scene.link(one).master) for one in scene.passes if scene.link(one).master]
    if not found:
        return None
    place, name = rng.choice(found)
    return _device(place, name, f"ip link set {name} down", f"ip link set {name} up")


def _small(scene: Scene, rng: Random) -> Break | None:
    """An MTU that large packets do not fit in. Both ends of a cable know their own only."""
    if not scene.request.size:
        return None
    out = [one for one in scene.passes if one.way == OUT]
    one = rng.choice(out)
    mtu = rng.choice((1280, 1000))
    before = scene.link(one).mtu or 1500
    change = f"ip link set {one.interface} mtu"
    return _device(one.place, one.interface, f"{change} {mtu}", f"{change} {before}", f"mtu {mtu}")


def _tunnels(scene: Scene) -> list[tuple[Pass, Interface, Vxlan]]:
    found = []
    for one in scene.passes:
        held = next((i for i in scene.held(one.place) if isinstance(i, Interface) and i.name == one.interface), None)
        if held is not None and held.vxlan is not None:
            found.append((one, held, held.vxlan))
    return found


def _other_mac(scene: Scene, rng: Random) -> Break | None:
    found = _tunnels(scene)
    if not found:
        return None
    one, held, _ = rng.choice(found)
    change = f"ip link set {one.interface} address"
    return _device(one.place, one.interface, f"{change} {STRANGER}", f"{change} {held.mac}", STRANGER)


def _remade(scene: Scene, rng: Random) -> Break | None:
    """The tunnel's device made anew with another number, port or local address, and all that hangs on it."""
    found = _tunnels(scene)
    if not found:
        return None
    one, held, vxlan = rng.choice(found)
    vni, port = rng.choice(((77, vxlan.port), (vxlan.vni, 4790)))
    made = [
        f"ip link del {held.name}",
        f"ip link add {held.name} address {held.mac} mtu {held.mtu} type vxlan id {vni} local {vxlan.local} "
        f"dev {vxlan.device} dstport {port} nolearning",
        *(f"ip addr add {address} dev {held.name}" for address in scene.link(one).addresses),
        f"ip link set {held.name} up",
    ]
    made += _hanging(scene, one)
    word = "77" if vni != vxlan.vni else "4790"
    return Break(at(one.place, *made), (), (Named(one.place, (held.name, word)),))


def _hanging(scene: Scene, one: Pass) -> list[str]:
    """The commands for what a tunnel's device lost with itself."""
    from lab.network.objects import FdbEntry, Neighbour, Route  # noqa: PLC0415  only here

    made = []
    for item in scene.held(one.place):
        if isinstance(item, Neighbour) and item.device == one.interface:
            made.append(f"ip neigh replace {item.address} lladdr {item.mac} dev {item.device} nud permanent")
        elif isinstance(item, FdbEntry) and item.device == one.interface:
            made.append(f"bridge fdb replace {item.mac} dev {item.device} dst {item.remote} self permanent")
        elif isinstance(item, Route) and item.device == one.interface:
            onlink = " onlink" if item.onlink else ""
            made.append(f"ip route replace {item.destination} via {item.via} dev {item.device}{onlink}")
    return made


def _gone(scene: Scene, rng: Random) -> Break | None:
    found = _tunnels(scene)
    if not found:
        return None
    one, held, _ = rng.choice(found)
    return Break(at(one.place, f"ip link del {held.name}"), (), (Named(one.place, (held.name,)),))


def _short_tunnel(scene: Scene, rng: Random) -> Break | None:
    """The tunnel's own packets do not live beyond the first router."""
    found = _tunnels(scene)
    if not found:
        return None
    one, held, _ = rng.choice(found)
    change = f"ip link set dev {held.name} type vxlan ttl"
    return _device(one.place, held.name, f"{change} 1", f"{change} 0", "ttl 1")


def _no_arp(scene: Scene, rng: Random) -> Break | None:
    """Nothing is asked and nothing answered; every neighbour is forgotten."""
    plain = [one for one in scene.passes if scene.link(one).kind == "veth" and not scene.link(one).master]
    one = rng.choice(plain)
    link = scene.link(one)
    others = dict.fromkeys(other.place for other in scene.passes if other.place != one.place)
    forget = (command for place in others for command in at(place, *_forget(scene, place)))
    do = (*at(one.place, f"ip link set {link.name} arp off"), *forget)
    named = (Named(one.place, (link.name, "NOARP")), Named(one.place, (link.name, "arp off")))
    undo = at(one.place, f"ip link set {link.name} arp on", f"ip neigh flush dev {link.name}")
    return Break(do, undo, named)


def _forget(scene: Scene, place: str) -> list[str]:
    return [f"ip neigh flush dev {link.name}" for link in scene.place(place).links if link.kind == "veth"]


def _ports(scene: Scene) -> list[Pass]:
    return [one for one in scene.passes if scene.link(one).master]


def _port_flag(flag: str, value: str, before: str, scene: Scene, rng: Random) -> Break | None:
    ports = _ports(scene)
    if not ports:
        return None
    one = rng.choice(ports)
    change = f"bridge link set dev {one.interface} {flag}"
    return _device(one.place, one.interface, f"{change} {value}", f"{change} {before}", flag)


def _isolated(scene: Scene, rng: Random) -> Break | None:
    """Two isolated ports of a bridge do not reach each other."""
    ports = _ports(scene)
    if not ports:
        return None
    one = rng.choice(ports)
    every = [link.name for link in scene.place(one.place).links if link.master]
    do = [f"bridge link set dev {name} isolated on" for name in every]
    undo = [f"bridge link set dev {name} isolated off" for name in every]
    named = tuple(Named(one.place, (name, "isolated")) for name in every)
    return Break(at(one.place, *do), at(one.place, *undo), named)


def _blocked(scene: Scene, rng: Random) -> Break | None:
    """A port that spanning tree would have blocked."""
    ports = _ports(scene)
    if not ports:
        return None
    one = rng.choice(ports)
    change = f"bridge link set dev {one.interface} state"
    value, word = rng.choice(((0, "disabled"), (4, "blocking")))
    return _device(one.place, one.interface, f"{change} {value}", f"{change} 3", word)


def _no_port(scene: Scene, rng: Random) -> Break | None:
    ports = _ports(scene)
    if not ports:
        return None
    one = rng.choice(ports)
    master = scene.link(one).master
    change = f"ip link set {one.interface}"
    return _device(one.place, one.interface, f"{change} nomaster", f"{change} master {master}")


def _unflooded(scene: Scene, rng: Random) -> Break | None:
    """Nobody's question who has an address reaches the pod, and everything is asked for again."""
    found = _port_flag("bcast_flood", "off", "on", scene, rng)
    if found is None:
        return None
    place = found.place
    bridges = [link.name for link in scene.place(place).links if link.kind == "bridge"]
    return Break((*found.do, *at(place, *(f"ip neigh flush dev {name}" for name in bridges))), found.undo, found.names)


KINDS = (
    Kind("device", "a device is down", _down),
    Kind("device", "a bridge is down", _bridge_down),
    Kind("device", "an MTU is too small", _small),
    Kind("device", "a tunnel's device has another MAC", _other_mac),
    Kind("device", "a tunnel's device has another number or port", _remade),
    Kind("device", "a tunnel's device is gone", _gone),
    Kind("device", "a tunnel's packets live too short", _short_tunnel),
    Kind("flag", "a device does not speak ARP", _no_arp),
    Kind("flag", "ports are isolated", _isolated),
    Kind("flag", "a port is blocked", _blocked),
    Kind("flag", "a port has left its bridge", _no_port),
    Kind("flag", "a port floods no broadcasts", _unflooded),
)
