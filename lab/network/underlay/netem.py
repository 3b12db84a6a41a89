"""Impairments of links as a difference to a network: the queueing disciplines that make them, or what stands in.

Where the kernel has netem, one netem of a device does all of it. Where it has not, a token bucket keeps the rate, and a
rule with iptables' statistic loses packets; nothing else holds, doubles or spoils them, so what asks for that gets its
netem all the same, and whoever builds it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.network.objects import Chain, Interface, Network, Object, Qdisc, Rule
from lab.network.objects.qdisc import NETEM, PACKETS, fraction, shaped
from lab.network.objects.saved_rule import saved_forms
from lab.network.underlay.netem_device import Impaired

if TYPE_CHECKING:
    from lab.topology.impairment import Impairment
    from lab.topology.schema import Topology

TABLE, CHAIN = "mangle", "POSTROUTING"
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Live:
    """What somebody set on the running lab."""

    place: str
    device: str
    impairment: Impairment


@dataclass(frozen=True, slots=True)
class Impairments:
    """Those of a running lab; and whether its kernel has netem."""

    live: tuple[Live, ...] = ()
    netem: bool = True


NONE = Impairments()


def impaired(topology: Topology, known: Impairments) -> Iterator[tuple[Impaired, Impairment]]:
    """All that there are to be: the file's, and those set live, in place of the file's of the same device."""
    live = {(one.place, one.device): one.impairment for one in known.live}
    for link in topology.spec.links:
        place, _, device = link.on.partition("/")
        if link.impairment and (place, device) not in live:
            yield _told(place, device, link.impairment, link.origin, known.netem), link.impairment
    for (place, device), impairment in live.items():
        yield _told(place, device, impairment, "", known.netem), impairment


def _told(place: str, device: str, what: Impairment, origin: str, netem: bool) -> Impaired:
    if netem or what.needs_netem:
        means = NETEM
    else:
        means = " and ".join(name for name, is_so in (("tbf", what.rate), ("rule", what.loss)) if is_so)
    return Impaired(place, device, what.words, means, origin, what.delay, what.rate, what.loss)


def with_impairments(network: Network, topology: Topology, known: Impairments) -> Network:
    """The network with what makes its impairments; of a device that it has not, nothing."""
    rules: dict[str, list[Rule]] = {}
    added: list[Qdisc] = []
    for one, what in impaired(topology, known):
        link = network.by_key.get(("link", one.place, one.device))
        if not isinstance(link, Interface):
            continue
        if one.means == NETEM:
            added.append(_netem(one, what))
            continue
        if what.rate:
            added.append(shaped(one.place, one.device, what.rate // 8, link.mtu, one.intent))
        if what.loss:
            rules.setdefault(one.place, []).append(_losing(one, what))
    if not added and not rules:
        return network
    return Network.of(_with_rules(network, rules), added)


def _netem(one: Impaired, what: Impairment) -> Qdisc:
    return Qdisc(
        one.place,
        one.device,
        NETEM,
        delay=what.delay * 1000,
        jitter=what.jitter * 1000,
        loss=fraction(what.loss),
        duplicate=fraction(what.duplicate),
        reorder=fraction(what.reorder),
        corrupt=fraction(what.corrupt),
        rate=what.rate // 8,
        limit=PACKETS,
        intent=one.intent,
    )


def _losing(one: Impaired, what: Impairment) -> Rule:
    """What leaves by the device, forwarded or its own, wrapped or not, passes this chain once."""
    if what.loss == PERCENT:  # the match cannot say all of them
        text = f"-o {one.device} -j DROP"
    else:
        probability = what.loss / PERCENT
        text = f"-o {one.device} -m statistic --mode random --probability {probability:.11f} -j DROP"
    return Rule(saved_forms(text)[0], one.intent)


def _with_rules(network: Network, rules: dict[str, list[Rule]]) -> Iterator[Object]:
    """Before all others of their chain, which is made where there is none."""
    left = dict(rules)
    for item in network:
        if isinstance(item, Chain) and (item.table, item.name) == (TABLE, CHAIN) and item.place in left:
            yield replace(item, rules=(*left.pop(item.place), *item.rules))
        else:
            yield item
    for place, made in left.items():
        yield Chain(place, TABLE, CHAIN, tuple(made), "ACCEPT", f"{CHAIN} of {TABLE}")
