"""Neighbours and FDB entries: missing, wrong, or never learned."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import OUT, Pass, Scene
from lab.network.objects import FdbEntry, Neighbour

STRANGER = "02:00:00:00:00:99"


def _plain_hops(scene: Scene) -> list[tuple[Pass, str]]:
    """Packets that leave by an interface on which neighbours are asked for, with the next hop's address."""
    found = []
    for one in scene.passes:
        if one.way != OUT or scene.link(one).kind not in ("veth", "bridge") or scene.link(one).master:
            continue
        address = scene.opposite(one) if one.tunnel else one.destination
        way = scene.walker.lookup(scene.place(one.place), address) if address else None
        if way is not None and way.device == one.interface:
            found.append((one, way.via or address))
    return found


def _wrong(scene: Scene, rng: Random) -> Break | None:
    """Somebody wrote an entry for the next hop that is not its MAC."""
    hops = _plain_hops(scene)
    if not hops:
        return None
    one, hop = rng.choice(hops)
    return Break(
        at(one.place, f"ip neigh replace {hop} lladdr {STRANGER} dev {one.interface} nud permanent"),
        at(one.place, f"ip neigh del {hop} dev {one.interface}"),
        (Named(one.place, (hop, f"dev {one.interface}", STRANGER)),),
    )


def _entries(scene: Scene, kind: type[Neighbour] | type[FdbEntry]) -> list[Neighbour | FdbEntry]:
    """The entries of the design of tunnel devices on the way."""
    ways = {(one.place, one.interface) for one in scene.passes if one.way == OUT}
    found = (item for item in scene.network if isinstance(item, Neighbour | FdbEntry))
    return [item for item in found if isinstance(item, kind) and (item.place, item.device) in ways]


def _tunnel_neighbour_gone(scene: Scene, rng: Random) -> Break | None:
    found = [item for item in _entries(scene, Neighbour) if isinstance(item, Neighbour)]
    if not found:
        return None
    item = rng.choice(found)
    return Break(
        at(item.place, f"ip neigh del {item.address} dev {item.device}"),
        at(item.place, f"ip neigh replace {item.address} lladdr {item.mac} dev {item.device} nud permanent"),
        (Named(item.place, (item.address, f"dev {item.device}")),),
    )


def _tunnel_neighbour_wrong(scene: Scene, rng: Random) -> Break | None:
    found = [item for item in _entries(scene, Neighbour) if isinstance(item, Neighbour)]
    if not found:
        return None
    item = rng.choice(found)
    others = [one.mac for one in found if one.mac != item.mac and one.place == item.place]
    mac = rng.choice([STRANGER, *others])
    return Break(
        at(item.place, f"ip neigh replace {item.address} lladdr {mac} dev {item.device} nud permanent"),
        at(item.place, f"ip neigh replace {item.address} lladdr {item.mac} dev {item.device} nud permanent"),
        (Named(item.place, (item.address, f"dev {item.device}", mac)),),
    )


def _fdb_gone(scene: Scene, rng: Random) -> Break | None:
    found = [item for item in _entries(scene, FdbEntry) if isinstance(item, FdbEntry)]
    if not found:
        return None
    item = rng.choice(found)
    return Break(
        at(item.place, f"bridge fdb del {item.mac} dev {item.device}"),
        at(item.place, f"bridge fdb replace {item.mac} dev {item.device} dst {item.remote} self permanent"),
        (Named(item.place, (item.mac, f"dev {item.device}")),),
    )


def _fdb_wrong(scene: Scene, rng: Random) -> Break | None:
    found = [item for item in _entries(scene, FdbEntry) if isinstance(item, FdbEntry)]
    if not found:
        return None
    item = rng.choice(found)
    nodes = [node.address for node in scene.labmap.of_kind("node")]
    wrong = rng.choice([one for one in (*nodes, "10.0.2.99") if one != item.remote])
    return Break(
        at(item.place, f"bridge fdb replace {item.mac} dev {item.device} dst {wrong} self permanent"),
        at(item.place, f"bridge fdb replace {item.mac} dev {item.device} dst {item.remote} self permanent"),
        (Named(item.place, (item.mac, f"dst {wrong}")),),
    )


def _bridge_entry(scene: Scene, rng: Random) -> Break | None:
    """A static entry of a bridge that leads a pod's frames to another pod's port."""
    bridged = [one for one in scene.passes if one.interface in _ports(scene, one.place)]
    if not bridged:
        return None
    one = rng.choice(bridged)
    link = scene.link(one)
    owner = scene.place(link.peer_place).link(link.peer_name)
    others = [port for port in _ports(scene, one.place) if port != one.interface]
    if owner is None or not others:
        return None
    port = rng.choice(others)
    return Break(
        at(one.place, f"bridge fdb replace {owner.mac} dev {port} master static"),
        # A frame from the pod moves even such an entry to the right port.
        at(one.place, *(f"bridge fdb del {owner.mac} dev {name} master static" for name in (port, one.interface))),
        (Named(one.place, (owner.mac, f"dev {port}")),),
    )


def _ports(scene: Scene, place: str) -> list[str]:
    return [link.name for link in scene.place(place).links if link.master]


def _unanswered(scene: Scene, rng: Random) -> Break | None:
    """The node does not answer for the pod's gateway, and the pod has to ask again."""
    pods = [one for one in scene.passes if one.ends and scene.place(one.place).kind == "pod" and not one.tunnel]
    if not pods:
        return None
    one = rng.choice(pods)
    link = scene.link(one)
    peer = scene.place(link.peer_place).link(link.peer_name)
    if peer is None or peer.master:
        return None
    name = f"net/ipv4/conf/{peer.name}/proxy_arp"
    return Break(
        (*at(link.peer_place, f"sysctl -w {name}=0"), *at(one.place, f"ip neigh flush dev {link.name}")),
        at(link.peer_place, f"sysctl -w {name}=1"),
        (Named(link.peer_place, (f"net.ipv4.conf.{peer.name}.proxy_arp",)),),
    )


KINDS = (
    Kind("neighbour", "a wrong entry for the next hop", _wrong),
    Kind("neighbour", "a tunnel's neighbour entry is gone", _tunnel_neighbour_gone),
    Kind("neighbour", "a tunnel's neighbour entry is wrong", _tunnel_neighbour_wrong),
    Kind("FDB entry", "an FDB entry is gone", _fdb_gone),
    Kind("FDB entry", "an FDB entry is wrong", _fdb_wrong),
    Kind("FDB entry", "a bridge's entry leads to the wrong port", _bridge_entry),
    Kind("sysctl", "proxy_arp is off", _unanswered),
)
