"""How a Service port's chains choose an endpoint: KUBE-SVC (any), KUBE-SVL (this node's), and a KUBE-SEP for each.

Source of chains, order and comments: kube-proxy, iptables mode. The texts are what `iptables-save` (1.8.9) prints: it
writes a probability as the kernel keeps it (in 1/2^31), and `recent` with its defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from lab.network.kubeproxy.iptables.names import endpoint_chain
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.network.kubeproxy.service_ports import ProxiedPort, Target

_BY_SOURCE = "--mask 255.255.255.255 --rsource"


def endpoint(place: str, port: ProxiedPort, target: Target, commented: bool) -> Chain:
    """KUBE-SEP: first the hairpin, then the translation, which session affinity remembers."""
    protocol, title = port.protocol, target.name
    name = endpoint_chain(port.name, protocol, target.endpoint)
    intent = f"endpoint {title} of Service {port.title}"
    comment = f'-m comment --comment "{port.name}" ' if commented else ""
    remembered = f"-m recent --set --name {name} {_BY_SOURCE} " if port.affinity_seconds else ""
    hairpin = Rule(
        f"-s {target.address}/32 {comment}-j KUBE-MARK-MASQ",
        f"hairpin: {title} reaching itself through its Service is masqueraded",
    )
    text = f"-p {protocol} {comment}{remembered}-m {protocol} -j DNAT --to-destination {target.endpoint}"
    return Chain(place, "nat", name, (hairpin, Rule(text, intent)), "", intent)


def choices(port: ProxiedPort, targets: tuple[Target, ...], behind: dict[str, Chain], commented: bool) -> list[Rule]:
    """The rules that lead to one of `targets`: where a client was before, with session affinity, else at random.

    `behind` has the KUBE-SEP chains by "address:port".
    """
    if len(targets) == 1 and not port.affinity_seconds:  # as most have: 10,000 such Services must not take long
        target, chain = targets[0], behind[targets[0].endpoint]
        return [Rule(f"{_comment(port, target, commented)}-j {chain.name}", chain.intent)]
    rules = []
    ways = [(target, behind[target.endpoint], _comment(port, target, commented)) for target in targets]
    if seconds := port.affinity_seconds:
        for target, chain, comment in ways:
            seen = f"-m recent --rcheck --seconds {seconds} --reap --name {chain.name} {_BY_SOURCE}"
            told = f"session affinity: who reached {target.name} within {seconds} s goes there again"
            rules.append(Rule(f"{comment}{seen} -j {chain.name}", told))
    for (_, chain, comment), chance in zip(ways, probabilities(len(targets)), strict=True):
        rules.append(Rule(f"{comment}{chance}-j {chain.name}", chain.intent))
    return rules


def _comment(port: ProxiedPort, target: Target, commented: bool) -> str:
    return f'-m comment --comment "{port.name} -> {target.endpoint}" ' if commented else ""


@cache
def probabilities(count: int) -> tuple[str, ...]:
    """Matches that choose one of `count` evenly, each with a space behind; the last is "": it takes whoever is left."""
    return tuple(_statistic(count))


def _statistic(count: int) -> Iterator[str]:
    for left in range(count, 1, -1):
        # kube-proxy writes ten decimals, the kernel keeps 1/2^31ths, iptables-save prints eleven decimals of those
        kept = round(float(f"{1 / left:.10f}") * 0x80000000)
        yield f"-m statistic --mode random --probability {kept / 0x80000000:.11f} "
    if count:
        yield ""


def how_many(port: ProxiedPort, targets: tuple[Target, ...], *, local: bool) -> str:
    """What awaits, for people; `local` where a Local policy leaves only those of the node."""
    where = " on this node" if local else ""
    if not local and len(targets) < len(port.chosen):
        where = " that hints mean for this node"
    if not targets:
        return "for pods and the node itself; no endpoint on this node"
    return f"1 of {len(targets)} endpoints{where} chosen at random" if len(targets) > 1 else f"its only endpoint{where}"
