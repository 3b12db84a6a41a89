"""How versions of kube-proxy write the same rules in iptables mode: what only an older version writes otherwise.

Sources: kube-proxy, iptables mode, of the versions named here. Such rules are left out on both sides, so that what is
told of the node is about its Services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.network.kubeproxy.difference.saved import SavedRule, Where, read_rule
from lab.network.objects import Chain

BUILT_IN = frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"))
MARK_DROP, MARK_MASQ = "KUBE-MARK-DROP", "KUBE-MARK-MASQ"
SOURCES = "KUBE-PROXY-FIREWALL"
_CHOOSERS = ("KUBE-SVC-", "KUBE-SVL-")
_OUTSIDE = ("KUBE-EXT-", "KUBE-XLB-", "KUBE-FW-")

Saved = Mapping[Where, Sequence[str]]


class Form(NamedTuple):
    """`written` says whether a version's rules are of this form; `other` which of them are written otherwise since."""

    version: str
    compared: str
    written: Callable[[Saved], bool]
    other: Callable[[Where, SavedRule], bool]
    chains: tuple[str, ...] = ()
    """chains that begin so are left out whole"""


def _says(rules: Iterable[str], *words: str) -> bool:
    return any(word in text for text in rules for word in words)


def _is_before_ext(saved: Saved) -> bool:
    if any(name.startswith("KUBE-XLB-") for _, name in saved):
        return True
    entries = [*saved.get(("nat", "KUBE-NODEPORTS"), ()), *saved.get(("nat", "KUBE-SERVICES"), ())]
    return _says(entries, f"-j {MARK_MASQ}") or _says(saved.get(("nat", "KUBE-NODEPORTS"), ()), "-j KUBE-SVC-")


def _before_ext(where: Where, rule: SavedRule) -> bool:
    table, chain = where
    masquerades = rule.chain == MARK_MASQ and (chain.startswith(_CHOOSERS) or chain == "KUBE-SERVICES")
    from_outside = chain in ("KUBE-EXTERNAL-SERVICES", "KUBE-POSTROUTING", "KUBE-FORWARD") or rule.chain.startswith(
        _OUTSIDE
    )
    outside = rule.comment.endswith(("external IP", "loadbalancer IP")) or (table, chain) == ("nat", "KUBE-NODEPORTS")
    return chain in BUILT_IN or masquerades or from_outside or outside or _before_sources(where, rule)


def _is_before_sources(saved: Saved) -> bool:
    """No chain of that name, and nothing that leads there: somebody may have taken away one of the two."""
    jumps = [text for (table, name), texts in saved.items() if table == "filter" and name in BUILT_IN for text in texts]
    there = ("filter", SOURCES) in saved or _says(jumps, f"-j {SOURCES}")
    return not there and any(name == "KUBE-SERVICES" for _, name in saved)


def _before_sources(where: Where, rule: SavedRule) -> bool:
    dropped = rule.chain in (MARK_DROP, SOURCES) or "has no local endpoints" in rule.comment
    return dropped or _before_last_word(where, rule)


def _is_before_last_word(saved: Saved) -> bool:
    guards = [rules for (_, name), rules in saved.items() if name.startswith("KUBE-FW-")]
    return bool(guards) and not any(_says(rules, "will be dropped by KUBE-PROXY-FIREWALL") for rules in guards)


def _before_last_word(where: Where, rule: SavedRule) -> bool:
    return where[1].startswith("KUBE-FW-") and not rule.target


_INSIDE = "ClusterIPs and their endpoints are compared, the ways in from outside are not"
FORMS = (
    Form("1.23 or older", _INSIDE, _is_before_ext, _before_ext, (*_OUTSIDE, SOURCES)),
    Form("1.24", "what it drops is not compared", _is_before_sources, _before_sources, (SOURCES,)),
    Form("1.25 or 1.26", "it is compared as that version writes it", _is_before_last_word, _before_last_word),
)
"""From the oldest; the first that a node's rules are of is its form. Newer ones are as Hoplab's are."""


def form_of(saved: Saved) -> Form | None:
    """None for the form that Hoplab itself has."""
    return next((form for form in FORMS if form.written(saved)), None)


def wanted_in(form: Form, chains: Iterable[Chain]) -> list[Chain]:
    """What should be, without what the older version writes otherwise."""
    return [
        replace(one, rules=tuple(rule for rule in one.rules if not form.other(_where(one), read_rule(rule.text))))
        for one in chains
        if not one.name.startswith(form.chains)
    ]


def saved_in(form: Form, saved: Saved) -> dict[Where, list[str]]:
    """What is there, likewise."""
    return {
        where: [text for text in texts if not form.other(where, read_rule(text))]
        for where, texts in saved.items()
        if not where[1].startswith(form.chains)
    }


def _where(chain: Chain) -> Where:
    return chain.table, chain.name
