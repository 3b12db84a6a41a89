"""Rules that were read once and are good until somebody changes them, for whoever asks about packet after packet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from lab.kernel.netlink.netfilter import NetfilterSocket
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.trace.explain.rules.ruleset import Ruleset, generation, read_rules
from lab.trace.witness.netfilter.trace_message import LEGACY, RULE, TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE

Chains = set[tuple[str, str, str]]  # family, table, name


class RememberedRules:
    """`read` is `ruleset.read_rules`, but for places that are known and have not changed since."""

    def __init__(self) -> None:
        self._ruleset = Ruleset()
        self._known: dict[str, Chains] = {}

    def read(self, sandbox: Sandbox, events: Iterable[TraceEvent], *, whole: bool = False) -> Callable[[], Ruleset]:
        """Starts to read those that are not known; what it gives waits for them. Those of iptables-legacy have no
        number of their last change.
        """
        by_place: dict[str, list[TraceEvent]] = {}
        for event in events:
            by_place.setdefault(event.place, []).append(event)
        anew = []
        for place, met in by_place.items():
            telling = (one for one in met if (whole or one.kind == RULE) and one.table != TABLE)
            chains = {(one.family, one.table, one.chain) for one in telling}
            known = self._known.get(place)
            if known is not None and self._ruleset.generations.get(place) != _generation(sandbox, place):
                known = None
            if (
                known is None
                or not chains <= known
                or any(one.origin == LEGACY for one in met)
                or not self._knows_interfaces(met)
            ):
                anew += met
                self._known[place] = chains | (known or set())
        finish = read_rules(sandbox, anew, whole=whole)
        return lambda: self._with(finish())

    def _with(self, found: Ruleset) -> Ruleset:
        self._ruleset.texts.update(found.texts)
        self._ruleset.policies.update(found.policies)
        self._ruleset.interfaces.update(found.interfaces)
        self._ruleset.hooks.update(found.hooks)
        self._ruleset.generations.update(found.generations)
        return self._ruleset

    def _knows_interfaces(self, events: Iterable[TraceEvent]) -> bool:
        interfaces = self._ruleset.interfaces
        return all(not index or (one.place, index) in interfaces for one in events for index in (one.iif, one.oif))


def _generation(sandbox: Sandbox, place: str) -> int:
    netns = sandbox.open_netns(place)
    try:
        with inside(netns), NetfilterSocket() as netlink:
            return generation(netlink)
    finally:
        os.close(netns)
