"""What is decided where no rule is: chains' policies, and XFRM's policies."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.kinds.matching import chains, hooks
from bench.losses.scene import IN, Pass, Scene


def _policy(program: str, scene: Scene, rng: Random) -> Break | None:
    one = rng.choice(scene.passes)
    table, chain = rng.choice(chains(scene, one))
    head = f"{program} -t {table} -P {chain}"
    return Break(
        at(one.place, f"{head} DROP"), at(one.place, f"{head} ACCEPT"), (Named(one.place, (f"-P {chain} DROP",)),)
    )


def _iptables(scene: Scene, rng: Random) -> Break | None:
    return _policy("iptables", scene, rng)


def _legacy(scene: Scene, rng: Random) -> Break | None:
    return _policy("iptables-legacy", scene, rng)


def _native(scene: Scene, rng: Random) -> Break | None:
    """A chain of its own that lets only SSH in, as a distribution's firewall does."""
    one = rng.choice(scene.passes)
    hook = rng.choice(hooks(scene, one))
    made = (
        "nft add table inet distribution",
        f"nft add chain inet distribution {hook}_all '{{ type filter hook {hook} priority 0; policy drop; }}'",
        f"nft add rule inet distribution {hook}_all tcp dport 22 accept",
    )
    named = (Named(one.place, ("policy drop",)), Named(one.place, (f"{hook}_all",)))
    return Break(at(one.place, *made), at(one.place, "nft delete table inet distribution"), named)


def _xfrm_end(scene: Scene, rng: Random) -> tuple[Pass, str]:
    one = rng.choice([one for one in scene.passes if not one.tunnel])
    ends = one.ends and scene.place(one.place).kind not in ("node", "router", "gateway")
    return one, "in" if ends and one.way == IN else "out" if ends else rng.choice(("fwd", "out"))


def _xfrm(action: str, scene: Scene, rng: Random) -> Break:
    one, direction = _xfrm_end(scene, rng)
    which = f"src {one.source}/32 dst {one.destination}/32 dir {direction}"
    named = Named(one.place, (f"src {one.source}/32", f"dst {one.destination}/32", f"dir {direction}"))
    return Break(
        at(one.place, f"ip xfrm policy add {which} {action}"), at(one.place, f"ip xfrm policy delete {which}"), (named,)
    )


def _xfrm_block(scene: Scene, rng: Random) -> Break | None:
    return _xfrm("action block", scene, rng)


def _xfrm_template(scene: Scene, rng: Random) -> Break | None:
    """IPsec is asked for, and nobody has keys."""
    return _xfrm("tmpl src 10.0.1.10 dst 10.0.1.11 proto esp mode tunnel", scene, rng)


KINDS = (
    Kind("policy", "iptables' policy is DROP", _iptables),
    Kind("policy", "iptables-legacy's policy is DROP", _legacy),
    Kind("policy", "an nft chain's policy is drop", _native),
    Kind("policy", "an XFRM policy blocks", _xfrm_block),
    Kind("policy", "an XFRM policy wants IPsec", _xfrm_template),
)
