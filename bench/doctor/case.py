"""What is broken: one fault or two, each on a place in which it shows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from bench.losses.configuration import CONFIGURATIONS, Configuration
from lab.agent.design.blueprint import read_design
from lab.faults.catalogue import FAULTS
from lab.faults.ground import Ground

BROKEN = tuple(one for one in CONFIGURATIONS if one.name in ("calico", "calico-nft", "flannel", "flannel-nft"))
"""The labs: Calico and flannel, kube-proxy by iptables and by nftables."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault on one place, by their names."""

    name: str
    place: str

    def __str__(self) -> str:
        return f"{self.name} on {self.place}"


@dataclass(frozen=True, slots=True)
class Case:
    """The faults that are in a lab of that configuration at once."""

    configuration: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.configuration}: {' and '.join(map(str, self.faults))}"


def ground(configuration: Configuration) -> Ground:
    """What the faults of such a lab are put on, worked out without one."""
    return read_design(configuration.text, configuration.file, configuration.settings).ground


def single(configuration: Configuration) -> Iterator[Case]:
    """Every fault on every place in which it shows."""
    stage = ground(configuration)
    for fault in FAULTS.values():
        for place in fault.places(stage):
            yield Case(configuration.name, (Fault(fault.name, place),))


def cases(seed: int, number: int, pairs: int) -> list[Case]:
    """So many faults, all of them for 0, and so many pairs of two different faults; the seed draws the same again.
    They come in the order of their labs.
    """
    each = [case for one in BROKEN for case in single(one)]
    dice = random.Random(seed)  # noqa: S311  it only has to be fair
    drawn = each if not number or number >= len(each) else dice.sample(each, number)
    several = [case for one in BROKEN for case in _pairs([other for other in each if other.configuration == one.name])]
    drawn = [*drawn, *dice.sample(several, min(pairs, len(several)))]
    order = {one.name: number for number, one in enumerate(BROKEN)}
    return sorted(drawn, key=lambda case: (order[case.configuration], len(case.faults), case.faults))


def _pairs(each: list[Case]) -> Iterator[Case]:
    for one, other in combinations(each, 2):
        if one.faults[0].name != other.faults[0].name:
            yield Case(one.configuration, (*one.faults, *other.faults))
