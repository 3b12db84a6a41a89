"""The steps of a plan by what they are done to, and what of them must wait for others."""

from __future__ import annotations

from collections.abc import Iterable

from lab.network.objects import (
    IpSet,
    Listener,
    Namespace,
    Offload,
    Process,
    RealServer,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.plan import AnyStep, NftStep, RuleStep, Step

# What is done by other means than netlink, and to devices that must be there.
NEED_LINKS = (WireguardDevice, WireguardPeer, VirtualServer, RealServer, Offload)


class Kinds:
    """The steps of one place by the kind of their object, in the plan's order."""

    def __init__(self, steps: Iterable[AnyStep]) -> None:
        self._steps: dict[type, list[Step]] = {}
        self.rules: list[RuleStep | NftStep] = []
        self.number = 0
        for step in steps:
            self.number += 1
            if isinstance(step, Step):
                self._steps.setdefault(type(step.object), []).append(step)
            else:
                self.rules.append(step)

    def __getitem__(self, kind: type) -> list[Step]:
        return self._steps.get(kind, [])


def holds_sets(step: Step) -> bool:
    return isinstance(step.object, IpSet) and step.object.type.startswith("list:")


def says_other(step: Step) -> bool:
    """Whether a port is to be answered otherwise, and no more."""
    item, before = step.object, step.before
    return isinstance(item, Listener) and isinstance(before, Listener) and item.differs_in_reply_only(before)


def is_anywhere(step: Step) -> bool:
    """Whether it is a new server that listens on whatever addresses its place will have."""
    return isinstance(step.object, Listener) and step.before is None and not step.object.address


def needs_all(step: Step) -> bool:
    """Whether the whole network must be there before: for a program that asks through it at once, and for one that is
    started anew, which the others stand in for.
    """
    return isinstance(step.before, Process) or (isinstance(step.object, Process) and step.object.needs_network)


def place_or_new(step: AnyStep) -> str:
    return "" if isinstance(step, Step) and isinstance(step.object, Namespace) else step.place
