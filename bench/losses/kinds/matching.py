"""How a rule meets a packet: options of iptables and of nft for one pass, and the words by which they are known."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bench.losses.scene import IN, OUT, REQUEST, Pass, Scene

ICMP = "icmp"


@dataclass(frozen=True, slots=True)
class Match:
    """`options` for iptables, `nft` for nft, and the words of each that a listing keeps."""

    options: str
    words: tuple[str, ...]
    nft: str
    nft_words: tuple[str, ...]


def match(scene: Scene, one: Pass, rng: Random) -> Match:
    """One of the ways to meet this packet in its place: by its port, its addresses, its interface."""
    return rng.choice(_wrapped(scene, one) if one.tunnel else _plain(one))


def _plain(one: Pass) -> list[Match]:
    side = "dport" if one.direction == REQUEST else "sport"
    by_port = Match(
        f"-p {one.protocol} --{side} {one.port}",
        (f"-p {one.protocol}", f"--{side} {one.port}"),
        f"{one.protocol} {side} {one.port}",
        (f"{one.protocol} {side} {one.port}",),
    )
    by_protocol = Match("-p icmp", ("-p icmp",), "ip protocol icmp", ("ip protocol icmp",))
    first = by_protocol if one.protocol == ICMP else by_port
    from_, to = f"-s {one.source}/32", f"-d {one.destination}/32"
    both = Match(
        f"{from_} {to}",
        (from_, to),
        f"ip saddr {one.source} ip daddr {one.destination}",
        (f"ip saddr {one.source}", f"ip daddr {one.destination}"),
    )
    source = Match(from_, (from_,), f"ip saddr {one.source}", (f"ip saddr {one.source}",))
    target = Match(to, (to,), f"ip daddr {one.destination}", (f"ip daddr {one.destination}",))
    return [first, source, target, both]


def _wrapped(scene: Scene, one: Pass) -> list[Match]:
    port = next(iter({link.port for place in scene.labmap.places for link in place.links if link.port}), 4789)
    found = [
        Match(f"-p udp --dport {port}", ("-p udp", f"--dport {port}"), f"udp dport {port}", (f"udp dport {port}",))
    ]
    other = scene.opposite(one)
    if other and one.ends:
        option, word = ("-d", "daddr") if one.way == OUT else ("-s", "saddr")
        found.append(
            Match(f"{option} {other}/32", (f"{option} {other}/32",), f"ip {word} {other}", (f"ip {word} {other}",))
        )
    return found


def chains(scene: Scene, one: Pass) -> list[tuple[str, str]]:
    """The tables and built-in chains of iptables that the packet comes through where it passes there."""
    forwards = scene.place(one.place).kind in ("node", "router", "gateway")
    if one.ends and (one.tunnel or not forwards):
        if one.way == IN:
            return [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT")]
        return [("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("filter", "OUTPUT"), ("mangle", "POSTROUTING")]
    if one.way == IN:
        return [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("filter", "FORWARD"), ("mangle", "FORWARD")]
    return [("filter", "FORWARD"), ("mangle", "FORWARD"), ("mangle", "POSTROUTING")]


def hooks(scene: Scene, one: Pass) -> list[str]:
    """The hooks of nft's families inet and ip, likewise."""
    return list(dict.fromkeys(chain.lower() for _, chain in chains(scene, one)))
