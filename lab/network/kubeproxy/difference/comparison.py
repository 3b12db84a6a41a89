"""What differs between kube-proxy's rules as they should be and those of a real node.

Rules and chains of other components are nobody's business here, nor is what kubelet and older versions leave behind.
Chains of the Services are told by Service; in those that all Services share the order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from lab.network.kubeproxy.difference.choosing import choosing_differences, reaching_differences
from lab.network.kubeproxy.difference.finding import Finding, Kind
from lab.network.kubeproxy.difference.ownership import (
    CHOOSERS,
    ENDPOINT,
    PER_SERVICE,
    Owned,
    known_chains,
    named_owners,
    proven,
    spoken_of,
    translation,
)
from lab.network.kubeproxy.difference.rules import rule_differences, without
from lab.network.kubeproxy.difference.saved import SavedRule, Where, read_rule
from lab.network.kubeproxy.service_ports import ProxiedPort
from lab.network.objects import Chain

TABLES = ("filter", "nat")
NODE_PORTS = "KUBE-NODEPORTS"
SHARED = frozenset(
    (
        ("filter", "KUBE-SERVICES"),
        ("filter", "KUBE-EXTERNAL-SERVICES"),
        ("filter", "KUBE-NODEPORTS"),
        ("filter", "KUBE-PROXY-FIREWALL"),
        ("nat", "KUBE-SERVICES"),
        ("nat", "KUBE-NODEPORTS"),
    )
)
# kubelet's and kube-proxy's watchmen, what kubelet made until 1.28, and kube-router's policies
_PASSED_OVER = (
    "KUBE-KUBELET-CANARY",
    "KUBE-PROXY-CANARY",
    "KUBE-MARK-DROP",
    "KUBE-IPTABLES-HINT",
    "KUBE-ROUTER-",
    "KUBE-POD-FW-",
    "KUBE-NWPLCY-",
)
_MARKED_FOR_DROPPING = "--mark 0x8000/0x8000"  # kubelet's rule in KUBE-FIREWALL


class Comparison:
    """`chains` are what should be, built-in ones with the jumps included; `saved` has the texts of a node's rules."""

    def __init__(
        self, chains: Sequence[Chain], ports: Sequence[ProxiedPort], saved: Mapping[Where, Sequence[str]]
    ) -> None:
        self._wanted = {(chain.table, chain.name): chain for chain in chains}
        self._saved = {where: texts for where, texts in saved.items() if where[0] in TABLES}
        self._known = known_chains(ports)
        self._services = frozenset(port.name for port in ports)
        self._read: dict[Where, list[SavedRule]] = {}

    def findings(self) -> Iterator[Finding]:
        """All of them, those of one chain together."""
        differing = [where for where, chain in self._wanted.items() if not self._is_equal(where, chain)]
        absent = self._absent_services()
        for name in absent:
            yield Finding("missing", name, "nothing of it is there")
        for where in differing:
            yield from (one for one in self._chain(where) if one.service not in absent)
        yield from self._leftovers()

    def _is_equal(self, where: Where, chain: Chain) -> bool:
        """Word for word: the quickest answer, and for most chains the right one."""
        return self._saved.get(where) == [rule.text for rule in chain.rules]

    def _have(self, where: Where) -> list[SavedRule]:
        if where not in self._read:
            rules = [read_rule(text) for text in self._saved.get(where, ())]
            self._read[where] = [rule for rule in rules if _MARKED_FOR_DROPPING not in rule.conditions]
        return self._read[where]

    def _want(self, where: Where) -> list[SavedRule]:
        return [read_rule(rule.text)._replace(intent=rule.intent) for rule in self._wanted[where].rules]

    @cached_property
    def _owners(self) -> dict[str, Owned]:
        nat = {chain: self._have((table, chain)) for table, chain in self._saved if table == "nat"}
        return named_owners(nat, self._known)

    def _absent_services(self) -> frozenset[str]:
        """Those of whose own chains none is there, and of which no rule speaks."""
        lost: dict[str, bool] = {}
        for table, chain in self._wanted:
            if table == "nat" and chain in self._known:
                name = self._known[chain].name
                lost[name] = lost.get(name, True) and (table, chain) not in self._saved
        if not any(lost.values()):
            return frozenset()
        spoken = {spoken_of(rule) for where in SHARED for rule in self._have(where)}
        return frozenset(name for name, all_lost in lost.items() if all_lost and name not in spoken)

    def _chain(self, where: Where) -> Iterator[Finding]:
        wanted = self._wanted[where]
        chain = where[1]
        want, have = self._want(where), self._have(where)
        owned = self._known.get(chain, Owned(""))
        if where not in self._saved and not wanted.policy:
            if not chain.startswith(ENDPOINT):  # the endpoint is missing where it should be chosen
                yield Finding("missing", owned.name, f"chain {chain}: {wanted.intent}")
        elif chain.startswith(CHOOSERS):
            yield from choosing_differences(owned.name, chain, want, have, self._endpoint)
        elif chain.startswith(ENDPOINT):
            yield from reaching_differences(owned, chain, want, have)
        elif where in SHARED:
            yield from self._shared(where, want, have)
        elif wanted.policy:
            yield from self._jumps(chain, want, [rule for rule in have if _is_ours(rule.chain)])
        else:
            yield from rule_differences(owned.name, chain, want, have)

    def _endpoint(self, chain: str) -> str:
        if chain in self._known:
            return self._known[chain].endpoint
        return translation(self._have(("nat", chain)))

    def _jumps(self, chain: str, want: list[SavedRule], have: list[SavedRule]) -> Iterator[Finding]:
        """Of a built-in chain. The order among the jumps is that in which kubelet and kube-proxy came up."""
        yield from rule_differences("", chain, want, have, ordered=False)

    def _shared(self, where: Where, want: list[SavedRule], have: list[SavedRule]) -> Iterator[Finding]:
        """Service by Service; rules of Services that are not among the objects are told with the rest of these."""
        by_service: dict[str, tuple[list[SavedRule], list[SavedRule]]] = {}
        for side, rules in enumerate((without(want, have), without(have, want))):
            for rule in rules:
                by_service.setdefault(spoken_of(rule), ([], []))[side].append(rule)
        for name, (wanted, found) in by_service.items():
            if not name or name in self._services:
                kind: Kind = "stale" if name and all(self._is_proxys(rule, name) for rule in found) else "foreign"
                yield from rule_differences(name, where[1], wanted, found, ordered=False, beyond=kind)
        leads = [rule.chain == NODE_PORTS for rule in have]
        if where == ("nat", "KUBE-SERVICES") and any(leads) and not leads[-1]:
            yield Finding("stale", "", f"in {where[1]} rules follow the one to {NODE_PORTS}, which must be the last")

    def _is_proxys(self, rule: SavedRule, name: str) -> bool:
        return not rule.chain.startswith(PER_SERVICE) or proven(rule.chain, name)

    def _leftovers(self) -> Iterator[Finding]:
        """Chains and entries that belong to no Service among the objects, or to no endpoint of one."""
        beyond = [where for where in self._saved if where not in self._wanted and _is_ours(where[1])]
        entries = [
            (where, rule)
            for where in SHARED
            if where in self._saved and not self._is_equal(where, self._wanted[where])
            for rule in without(self._have(where), self._want(where))
            if spoken_of(rule) and spoken_of(rule) not in self._services
        ]
        if not beyond and not entries:
            return
        gone: dict[str, list[str]] = {}
        for where, rule in entries:
            gone.setdefault(spoken_of(rule), []).append(f"-A {where[1]} {rule.text}")
        chosen = {rule.chain for where in self._saved if _is_ours(where[1]) for rule in self._have(where)}
        for where in beyond:
            table, chain = where
            owned = self._owners.get(chain) if table == "nat" else None
            if owned is None or not proven(chain, owned.name, owned.endpoint):
                yield Finding("foreign", "", f"chain {chain} in table {table}")
            elif owned.name not in self._services:
                gone.setdefault(owned.name, [])
            elif chain not in chosen:
                what = f"endpoint {owned.endpoint}" if owned.endpoint else "it"
                yield Finding("stale", owned.name, f"{what} has the chain {chain} still; nothing leads there")
        for name, rules in gone.items():
            chains = [chain for _, chain in beyond if self._owners.get(chain, Owned("")).name == name]
            there = [*rules, *(f"chain {chain}" for chain in chains)]
            yield Finding("stale", name, f"not among the objects; there are still {'; '.join(there)}")


def _is_ours(chain: str) -> bool:
    return chain.startswith("KUBE-") and not chain.startswith(_PASSED_OVER)
