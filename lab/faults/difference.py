"""What a fault makes otherwise in a network, so that several of them can be made one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from lab.network.objects import Chain, Key, Network, Object, Rule
from lab.network.objects.saved_rule import saved_forms


class At(NamedTuple):
    """A chain of iptables in the place of the fault, and something of it: a rule's text, words of one, a policy."""

    table: str
    chain: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`first` are rules put before all others of their chains, `without` words of rules that are missing, `policies`
    those of built-in chains. `objects` are others than designed, or more; `gone` are missing.
    """

    first: tuple[At, ...] = ()
    without: tuple[At, ...] = ()
    policies: tuple[At, ...] = ()
    objects: tuple[Object, ...] = ()
    gone: tuple[Key, ...] = ()

    def made_in(self, network: Network, place: str, intent: str) -> Network:
        """The network with it."""
        chains = dict(self._chains(network, place, intent))
        others = {item.key: item for item in (*self.objects, *chains.values())}
        kept = [others.pop(item.key, item) for item in network if item.key not in self.gone]
        return Network((*kept, *others.values()))

    def _chains(self, network: Network, place: str, intent: str) -> Iterator[tuple[Key, Chain]]:
        made: dict[Key, Chain] = {}
        for one in (*self.first, *self.without, *self.policies):
            key: Key = ("chain", place, one.table, one.chain)
            held = made.get(key) or network.by_key.get(key)
            if not isinstance(held, Chain):
                held = Chain(place, one.table, one.chain, (), "ACCEPT", intent)
            made[key] = self._changed(held, one, intent)
        yield from made.items()

    def _changed(self, chain: Chain, one: At, intent: str) -> Chain:
        if one in self.policies:
            return replace(chain, policy=one.text)
        if one in self.without:
            return replace(chain, rules=tuple(rule for rule in chain.rules if one.text not in rule.text))
        first = tuple(Rule(text, intent) for text in saved_forms(one.text))
        return replace(chain, rules=(*first, *chain.rules))


Given = Mapping[str, str]
"""What was said behind `--with`, or the usual."""
