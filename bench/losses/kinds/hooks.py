"""Where iptables does not look: hooks of devices and bridges, queues without a listener, queueing disciplines."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.kinds.matching import chains, match
from bench.losses.scene import IN, OUT, Scene

TABLE = "leftover"


def _device_hook(scene: Scene, rng: Random) -> Break | None:
    """netdev's ingress or egress of an interface on the way."""
    one = rng.choice(scene.passes)
    hook = "ingress" if one.way == IN else "egress"
    met = match(scene, one, rng)
    made = (
        f"nft add table netdev {TABLE}",
        f"nft add chain netdev {TABLE} {hook}_all '{{ type filter hook {hook} device {one.interface} priority 0; }}'",
        f"nft add rule netdev {TABLE} {hook}_all {met.nft} drop",
    )
    named = Named(one.place, (*met.nft_words, "drop"))
    return Break(at(one.place, *made), at(one.place, f"nft delete table netdev {TABLE}"), (named,))


def _bridge_hook(scene: Scene, rng: Random) -> Break | None:
    """The bridge family of a node whose pods are bridged."""
    bridged = [one for one in scene.passes if scene.link(one).master]
    if not bridged:
        return None
    one = rng.choice(bridged)
    hook = rng.choice(("prerouting", "input", "forward") if one.way == IN else ("postrouting", "output", "forward"))
    met = match(scene, one, rng)
    made = (
        f"nft add table bridge {TABLE}",
        f"nft add chain bridge {TABLE} {hook}_all '{{ type filter hook {hook} priority 0; }}'",
        f"nft add rule bridge {TABLE} {hook}_all {met.nft} drop",
    )
    named = Named(one.place, (*met.nft_words, "drop"))
    return Break(at(one.place, *made), at(one.place, f"nft delete table bridge {TABLE}"), (named,))


def _queue(scene: Scene, rng: Random) -> Break | None:
    """A queue for a program that is not there."""
    one = rng.choice(scene.passes)
    table, chain = rng.choice(chains(scene, one))
    met = match(scene, one, rng)
    rule = f"{met.options} -j NFQUEUE --queue-num {rng.randrange(1, 9)}"
    named = Named(one.place, (f"-A {chain}", *met.words, "-j NFQUEUE"))
    head = f"iptables -t {table}"
    return Break(at(one.place, f"{head} -I {chain} 1 {rule}"), at(one.place, f"{head} -D {chain} {rule}"), (named,))


DISCIPLINES = {"bfifo": "bfifo limit 1", "tbf": "tbf rate 8bit burst 1 limit 1", "blackhole": "blackhole"}


def _discipline(scene: Scene, rng: Random) -> Break | None:
    """A queueing discipline that lets nothing out."""
    out = [one for one in scene.passes if one.way == OUT]
    one = rng.choice(out)
    kind = rng.choice(tuple(DISCIPLINES))
    change = f"tc qdisc add dev {one.interface} root {DISCIPLINES[kind]}"
    named = Named(one.place, (kind, f"dev {one.interface}"))
    return Break(at(one.place, change), at(one.place, f"tc qdisc del dev {one.interface} root"), (named,))


KINDS = (
    Kind("hook", "a device's hook drops", _device_hook),
    Kind("hook", "a bridge's hook drops", _bridge_hook),
    Kind("queue", "a queue without a listener", _queue),
    Kind("queue", "a queueing discipline lets nothing out", _discipline),
)
