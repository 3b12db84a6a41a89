"""Settings under /proc/sys that are not as they should be."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import IN, Scene


def _forwarding(scene: Scene) -> list[tuple[str, str]]:
    """Places that pass a packet on, and the interface by which it comes in."""
    return [
        (one.place, one.interface)
        for one in scene.passes
        if one.way == IN and not one.ends and scene.place(one.place).kind != "pod"
    ] + [(one.place, one.interface) for one in scene.passes if one.way == IN and one.tunnel == "" and not one.ends]


def _changed(place: str, name: str, value: str, before: str, *others: tuple[str, ...]) -> Break:
    """`name` with slashes."""
    dotted = name.replace("/", ".")
    return Break(
        at(place, f"sysctl -w {name}={value}"),
        at(place, f"sysctl -w {name}={before}"),
        (Named(place, (dotted,)), *(Named(place, words) for words in others)),
    )


def _forwarding_off(scene: Scene, rng: Random) -> Break | None:
    found = _forwarding(scene)
    if not found:
        return None
    place, _ = rng.choice(found)
    return _changed(place, "net/ipv4/ip_forward", "0", "1", ("net.ipv4.conf.all.forwarding",))


def _forwarding_off_on_one(scene: Scene, rng: Random) -> Break | None:
    found = _forwarding(scene)
    if not found:
        return None
    place, device = rng.choice(found)
    return _changed(place, f"net/ipv4/conf/{device}/forwarding", "0", "1")


def _short_life(scene: Scene, rng: Random) -> Break | None:
    """Packets of an end live for a hop or two only."""
    ends = [one.place for one in scene.passes if one.ends and not one.tunnel]
    place = rng.choice(ends)
    return _changed(place, "net/ipv4/ip_default_ttl", rng.choice(("1", "2")), "64")


def _no_echo(scene: Scene, rng: Random) -> Break | None:
    ends = [one.place for one in scene.passes if one.ends and one.way == IN and one.direction == "request"]
    if scene.request.protocol != "icmp" or not ends:
        return None
    return _changed(rng.choice(ends), "net/ipv4/icmp_echo_ignore_all", "1", "0")


def _silent(scene: Scene, rng: Random) -> Break | None:
    """An end answers nobody who asks for its MAC, and is asked again."""
    incoming = [one for one in scene.passes if one.way == IN and scene.link(one).kind == "veth"]
    incoming = [one for one in incoming if scene.link(one).address and not scene.link(one).master]
    if not incoming:
        return None
    one = rng.choice(incoming)
    name = f"net/ipv4/conf/{one.interface}/arp_ignore"
    made = [(one.place, f"sysctl -w {name}=8")]
    for other in dict.fromkeys(pass_.place for pass_ in scene.passes if pass_.place != one.place):
        made += [(other, f"ip neigh flush to {address.partition('/')[0]}") for address in scene.link(one).addresses]
    undo = at(one.place, f"sysctl -w {name}=0")
    return Break(tuple(made), undo, (Named(one.place, (name.replace("/", "."),)),))


def _strict(scene: Scene, rng: Random) -> Break | None:
    """A strict reverse path filter; it matters only where ways differ."""
    incoming = [one for one in scene.passes if one.way == IN]
    one = rng.choice(incoming)
    name = rng.choice((f"net/ipv4/conf/{one.interface}/rp_filter", "net/ipv4/conf/all/rp_filter"))
    return _changed(
        one.place, name, "1", "0", ("net.ipv4.conf.all.rp_filter",), (f"net.ipv4.conf.{one.interface}.rp_filter",)
    )


def _bridge_unfiltered(scene: Scene, rng: Random) -> Break | None:
    """Bridged packets meet no rules, so that an answer within a bridge is not translated back."""
    bridging = [one.place for one in scene.passes if any(link.master for link in scene.place(one.place).links)]
    bridging = [place for place in bridging if scene.place(place).kind == "node"]
    if not bridging:
        return None
    return _changed(rng.choice(bridging), "net/bridge/bridge-nf-call-iptables", "0", "1", ("bridge-nf-call-iptables",))


KINDS = (
    Kind("sysctl", "ip_forward is off", _forwarding_off),
    Kind("sysctl", "forwarding is off on one device", _forwarding_off_on_one),
    Kind("sysctl", "packets live too short", _short_life),
    Kind("sysctl", "echoes are ignored", _no_echo),
    Kind("sysctl", "ARP is not answered", _silent),
    Kind("sysctl", "strict rp_filter", _strict),
    Kind("sysctl", "bridged packets meet no rules", _bridge_unfiltered),
)
