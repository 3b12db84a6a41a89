"""Breaks drawn by a seed: the same seed draws the same breaks, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.losses.breakage import Break, Kind
from bench.losses.configuration import Configuration
from bench.losses.kinds import KINDS
from bench.losses.request import Request, requests
from bench.losses.scene import Scene

OFTEN = {"rule": 3}  # of the families; the others once: rules are what most losses are made of
TRIES = 40  # a kind may have no place on a request's way; of so many requests one has


@dataclass(frozen=True, slots=True)
class Drawn:
    """Number `number` of a configuration's breaks, and the request that it is to lose."""

    configuration: str
    number: int
    family: str
    kind: str
    request: Request
    broken: Break


def draw(configuration: Configuration, seed: int, kinds: Sequence[Kind] = KINDS) -> Iterator[Drawn]:
    """Without end: families are as likely as each other, but for rules, and in each its kinds that can be there."""
    plan = configuration.plan
    asked = requests(plan.labmap)
    rng = Random(f"{seed} {configuration.name}")  # noqa: S311  breaks are no secrets
    number = 0
    families = [family for family in dict.fromkeys(kind.family for kind in kinds) for _ in range(OFTEN.get(family, 1))]
    while True:
        family = rng.choice(families)
        kind = rng.choice([one for one in kinds if one.family == family])
        for _ in range(TRIES):
            request = rng.choice(asked)
            broken = kind.draw(Scene(plan, request, rng.choice(plan.labmap.dns.pods)), rng)
            if broken is not None:
                yield Drawn(configuration.name, number, family, kind.name, request, broken)
                number += 1
                break
