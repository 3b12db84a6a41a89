"""What people want done to links of a running lab: kept beside its topology, over every `up`, until it ends."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from lab.errors import MachineError, UsageError
from lab.kernel.check import features
from lab.kernel.holdings import RULE_KINDS
from lab.network.objects import Interface, Namespace, Network
from lab.network.underlay.netem import Impairments, Live, impaired
from lab.network.underlay.netem_device import Impaired
from lab.suggestion import did_you_mean
from lab.topology.impairment import FIELDS, Impairment, ImpairmentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.topology.schema import Topology

MOST_NAMED = 12
STANDS_IN = {
    "tbf": "a token bucket (tbf) keeps the rate",
    "rule": "a rule with iptables' statistic loses packets",
}


def read(given: Mapping[str, str]) -> Impairment:
    """What was typed. UsageError names the option."""
    try:
        made = Impairment.read(given)
    except ImpairmentError as error:
        raise UsageError(f"--{error.field}: {error}", error.remedy) from None
    if not made:
        options = " ".join(f"--{name}" for name in FIELDS)
        raise UsageError("impair it how?", f"{options}; --clear takes away what was set")
    return made


def split(where: str) -> tuple[str, str]:
    """The place and the device of `node-0/eth0`, `namespace001/pod-0/eth0`. UsageError."""
    place, _, device = where.rpartition("/")
    if not place or not device:
        raise UsageError(f"{where!r} names no device of a place", "write it as node-0/eth0")
    return place, device


def require_device(network: Network, place: str, device: str) -> None:
    """UsageError where the place has no such interface by its design."""
    names = [item.name for item in network if isinstance(item, Interface) and item.place == place]
    if device not in names:
        listed = ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")
        raise UsageError(f"{place} has no device {device!r}", did_you_mean(device, names, f"it has {listed}"))


def require_means(network: Network, place: str, wanted: Impairment) -> None:
    """MachineError where a kernel without netem cannot do it there."""
    if wanted.needs_netem:
        named = ", ".join(f"--{name}" for name in wanted.needs_netem)
        raise MachineError(f"this kernel has no netem, which {named} needs", features.INSTEAD)
    kind = next((item.kind for item in network if isinstance(item, Namespace) and item.place == place), "underlay")
    if wanted.loss and kind not in RULE_KINDS:
        told = f"this kernel has no netem, and --loss without it is a rule, and a {kind} has no rules"
        raise MachineError(told, "impair eth0 of its node; or `up --vm`, whose kernel has netem")


def with_one(known: Impairments, place: str, device: str, wanted: Impairment) -> Impairments:
    """With that in place of what was set there before."""
    others = tuple(one for one in known.live if (one.place, one.device) != (place, device))
    return Impairments((*others, Live(place, device, wanted)), known.netem)


def without(known: Impairments, place: str, device: str) -> Impairments:
    """Without what was set there; without all, where no place is named."""
    kept = tuple(one for one in known.live if place and (one.place, one.device) != (place, device))
    return Impairments(kept, known.netem)


def within(known: Impairments, places: Container[str]) -> Impairments:
    """Without what was set in places that are no more."""
    kept = tuple(one for one in known.live if one.place in places)
    return known if len(kept) == len(known.live) else Impairments(kept, known.netem)


def told(topology: Topology, known: Impairments) -> list[str]:
    """What `up` says of them: what does the work where there is no netem, and what was set by hand."""
    lines = [stands_in(one) for one, _ in impaired(topology, known) if "netem" not in one.means]
    for one in known.live:
        where = f"{one.place}/{one.device}"
        lines.append(f"{where} is impaired by hand: {one.impairment.words} (./inv impair {where} --clear)")
    return lines


def stands_in(one: Impaired) -> str:
    """What does it in netem's stead."""
    parts = [said for name, said in STANDS_IN.items() if name in one.means]
    return f"{one.where}: this kernel has no netem: {', and '.join(parts)}"
