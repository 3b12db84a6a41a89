"""A rule too many: put in front of all others, in iptables, iptables-legacy or a table of nft's own."""

from __future__ import annotations

from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.kinds.matching import chains, hooks, match
from bench.losses.scene import IN, OUT, Pass, Scene

TABLE = "firewalld"
NOWHERE = "10.99.9.9"
REJECTIONS = ("", " --reject-with icmp-host-prohibited", " --reject-with icmp-port-unreachable")


def _inserted(program: str, table: str, chain: str, rule: str, place: str, words: tuple[str, ...]) -> Break:
    head = f"{program} -t {table}"
    return Break(
        at(place, f"{head} -I {chain} 1 {rule}"),
        at(place, f"{head} -D {chain} {rule}"),
        (Named(place, (f"-A {chain}", *words)),),
    )


def _drop(program: str, scene: Scene, rng: Random) -> Break | None:
    one = rng.choice(scene.passes)
    table, chain = rng.choice(chains(scene, one))
    met = match(scene, one, rng)
    return _inserted(program, table, chain, f"{met.options} -j DROP", one.place, (*met.words, "-j DROP"))


def _dropped(scene: Scene, rng: Random) -> Break | None:
    return _drop("iptables", scene, rng)


def _dropped_by_legacy(scene: Scene, rng: Random) -> Break | None:
    return _drop("iptables-legacy", scene, rng)


def _rejected(scene: Scene, rng: Random) -> Break | None:
    one = rng.choice(scene.passes)
    chain = rng.choice([chain for table, chain in chains(scene, one) if table == "filter"] or [""])
    if not chain:
        return None
    met = match(scene, one, rng)
    rule = f"{met.options} -j REJECT{rng.choice(REJECTIONS)}"
    return _inserted("iptables", "filter", chain, rule, one.place, (*met.words, "-j REJECT"))


def _dropped_by_interface(scene: Scene, rng: Random) -> Break | None:
    """Everything that comes in by an interface, or goes out."""
    one = rng.choice(scene.passes)
    option = f"-{'i' if one.way == IN else 'o'} {one.interface}"
    fitting = [chain for table, chain in chains(scene, one) if table == "filter"]
    if not fitting:
        return None
    chain = rng.choice(fitting)
    return _inserted("iptables", "filter", chain, f"{option} -j DROP", one.place, (option, "-j DROP"))


def _native(family: str, verdict: str, scene: Scene, rng: Random) -> Break | None:
    one = rng.choice(scene.passes)
    hook = rng.choice(hooks(scene, one))
    met = match(scene, one, rng)
    made = (
        f"nft add table {family} {TABLE}",
        f"nft add chain {family} {TABLE} {hook}_first '{{ type filter hook {hook} priority -150; policy accept; }}'",
        f"nft add rule {family} {TABLE} {hook}_first {met.nft} {verdict}",
    )
    named = Named(one.place, (*met.nft_words, verdict))
    return Break(at(one.place, *made), at(one.place, f"nft delete table {family} {TABLE}"), (named,))


def _native_drop(scene: Scene, rng: Random) -> Break | None:
    return _native("inet", "drop", scene, rng)


def _native_drop_in_ip(scene: Scene, rng: Random) -> Break | None:
    return _native("ip", "drop", scene, rng)


def _native_reject(scene: Scene, rng: Random) -> Break | None:
    found = _native("inet", "reject", scene, rng)
    # reject is for packets that came to a decision: nft refuses it in some hooks before.
    return found if found and "hook postrouting" not in " ".join(command for _, command in found.do) else None


def _chosen_at(scene: Scene, rng: Random) -> Pass | None:
    """Where a Service's address is turned into an endpoint's: the request as it comes in there."""
    found = [one for one in scene.passes if one.place == scene.chooser and one.way == IN and not one.tunnel]
    asked = [one for one in found if one.direction == "request" and one.port not in (53, 8080)]
    return rng.choice(asked) if asked else None


def _elsewhere(scene: Scene, rng: Random) -> Break | None:
    """Leads a Service's address to an address that is no endpoint, before kube-proxy is asked."""
    one = _chosen_at(scene, rng)
    if one is None:
        return None
    to = f"--to-destination {rng.choice((NOWHERE, '10.244.0.140'))}:8080"
    rule = f"-d {one.destination}/32 -p tcp --dport {one.port} -j DNAT {to}"
    return _inserted("iptables", "nat", "PREROUTING", rule, one.place, ("-j DNAT", to))


def _let_pass(scene: Scene, rng: Random) -> Break | None:
    """Ends nat's PREROUTING before kube-proxy is asked."""
    one = _chosen_at(scene, rng)
    if one is None:
        return None
    rule = f"-d {one.destination}/32 -p tcp --dport {one.port} -j ACCEPT"
    return _inserted("iptables", "nat", "PREROUTING", rule, one.place, (f"-d {one.destination}/32", "-j ACCEPT"))


def _untranslated(scene: Scene, rng: Random) -> Break | None:
    """Ends nat's POSTROUTING before the source is translated."""
    out = [one for one in scene.passes if one.way == OUT and not one.tunnel and one.direction == "request"]
    out = [one for one in out if scene.place(one.place).kind in ("node", "gateway")]
    if not out:
        return None
    one = rng.choice(out)
    option = f"-d {one.destination}/32"
    return _inserted("iptables", "nat", "POSTROUTING", f"{option} -j ACCEPT", one.place, (option, "-j ACCEPT"))


def _foreign_source(scene: Scene, rng: Random) -> Break | None:
    """Gives the request a source to which no answer finds back."""
    out = [one for one in scene.passes if one.way == OUT and not one.tunnel and one.direction == "request"]
    one = rng.choice(out)
    rule = f"-d {one.destination}/32 -j SNAT --to-source {NOWHERE}"
    return _inserted("iptables", "nat", "POSTROUTING", rule, one.place, ("-j SNAT", f"--to-source {NOWHERE}"))


def _redirected(scene: Scene, rng: Random) -> Break | None:
    """A service mesh's leftovers in a pod: what comes in or goes out is sent to a port where nobody listens."""
    ends = [one for one in scene.passes if one.ends and scene.place(one.place).kind == "pod" and not one.tunnel]
    ends = [one for one in ends if one.direction == "request" and one.protocol in ("tcp", "udp")]
    if not ends:
        return None
    one = rng.choice(ends)
    chain, port = ("PREROUTING", 15006) if one.way == IN else ("OUTPUT", 15001)
    rule = f"-p {one.protocol} --dport {one.port} -j REDIRECT --to-ports {port}"
    return _inserted("iptables", "nat", chain, rule, one.place, ("-j REDIRECT", f"--to-ports {port}"))


def _untracked(scene: Scene, rng: Random) -> Break | None:
    """Keeps conntrack from following: what should be translated back is not."""
    one = rng.choice(scene.passes)
    chain = "PREROUTING" if one.way == IN else "OUTPUT"
    if one.tunnel or (chain == "OUTPUT" and not one.ends):
        return None
    met = match(scene, one, rng)
    return _inserted(
        "iptables", "raw", chain, f"{met.options} -j CT --notrack", one.place, (*met.words, "CT --notrack")
    )


def _short_lived(scene: Scene, rng: Random) -> Break | None:
    """Leaves the packet no hop."""
    incoming = [one for one in scene.passes if one.way == IN]
    if not incoming:
        return None
    one = rng.choice(incoming)
    met = match(scene, one, rng)
    rule = f"{met.options} -j TTL --ttl-set 1"
    return _inserted("iptables", "mangle", "PREROUTING", rule, one.place, (*met.words, "-j TTL --ttl-set 1"))


def _too_long(scene: Scene, rng: Random) -> Break | None:
    """Drops large packets only."""
    if not scene.request.size:
        return None
    one = rng.choice(scene.passes)
    table, chain = rng.choice(chains(scene, one))
    rule = "-m length --length 1000:65535 -j DROP"
    return _inserted("iptables", table, chain, rule, one.place, ("--length 1000:65535", "-j DROP"))


KINDS = (
    Kind("rule", "iptables drops", _dropped),
    Kind("rule", "iptables drops by interface", _dropped_by_interface),
    Kind("rule", "iptables rejects", _rejected),
    Kind("rule", "iptables-legacy drops", _dropped_by_legacy),
    Kind("rule", "iptables drops what is large", _too_long),
    Kind("rule", "nft (inet) drops", _native_drop),
    Kind("rule", "nft (ip) drops", _native_drop_in_ip),
    Kind("rule", "nft rejects", _native_reject),
    Kind("rule", "DNAT before kube-proxy's", _elsewhere),
    Kind("rule", "ACCEPT before kube-proxy's", _let_pass),
    Kind("rule", "ACCEPT before masquerading", _untranslated),
    Kind("rule", "SNAT to nowhere", _foreign_source),
    Kind("rule", "REDIRECT in a pod", _redirected),
    Kind("rule", "NOTRACK", _untracked),
    Kind("rule", "TTL set to 1", _short_lived),
)
