"""What differs where a Service's endpoints are chosen (KUBE-SVC, KUBE-SVL) and reached (KUBE-SEP), in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lab.network.kubeproxy.difference.finding import Finding
from lab.network.kubeproxy.difference.ownership import ENDPOINT, Owned, translation
from lab.network.kubeproxy.difference.rules import rule_differences
from lab.network.kubeproxy.difference.saved import SavedRule

MASQUERADE = "KUBE-MARK-MASQ"
_UNREADABLE = "[unsupported revision]"  # what an iptables older than kube-proxy's own says of its translations
EVEN = 1e-6  # kube-proxy writes ten decimals, the kernel keeps 31 bits: both round far less
_REMEMBERED = "session affinity is remembered where it should not be", "session affinity is not remembered"

Rules = Sequence[SavedRule]


def choosing_differences(
    service: str, chain: str, want: Rules, have: Rules, endpoint_of: Callable[[str], str]
) -> Iterator[Finding]:
    """Of a chain that chooses; `endpoint_of` says which endpoint a KUBE-SEP chain stands for."""
    wanted = [endpoint_of(rule.chain) for rule in _chances(want)]
    found = [endpoint_of(rule.chain) for rule in _chances(have)]
    yield from endpoint_differences(service, wanted, found, f" in {chain}")
    yield from _uneven(service, _chances(have), endpoint_of)
    yield from _affinity(service, want, have, frozenset(wanted) & frozenset(found), endpoint_of)
    yield from _masquerading(service, _others(want, MASQUERADE), _others(have, MASQUERADE), chain)
    rest = [[rule for rule in rules if rule.chain != MASQUERADE and not _leads_on(rule)] for rules in (want, have)]
    yield from rule_differences(service, chain, rest[0], rest[1])


def endpoint_differences(service: str, wanted: list[str], found: list[str], where: str = "") -> Iterator[Finding]:
    """Of the endpoints among which a chain chooses; one that leads nowhere is "". `where` is put behind the last."""
    counts = f" ({len(found)} endpoints there, {len(wanted)} expected)" if len(found) != len(wanted) else ""
    for one in wanted:
        if one not in found:
            yield Finding("missing", service, f"endpoint {one}{counts}")
    for one in dict.fromkeys(found):
        if one not in wanted:
            yield Finding("stale", service, f"endpoint {one or 'that leads nowhere'} is still chosen{counts}")
        elif found.count(one) > wanted.count(one):
            yield Finding("foreign", service, f"endpoint {one} is chosen {found.count(one)} times{where}")


def _leads_on(rule: SavedRule) -> bool:
    return rule.chain.startswith(ENDPOINT)


def _remembers(rule: SavedRule) -> bool:
    return "--rcheck" in rule.conditions


def _chances(rules: Rules) -> list[SavedRule]:
    return [rule for rule in rules if _leads_on(rule) and not _remembers(rule)]


def _others(rules: Rules, target: str) -> list[SavedRule]:
    return [rule for rule in rules if rule.chain == target]


def _uneven(service: str, chances: Rules, endpoint_of: Callable[[str], str]) -> Iterator[Finding]:
    """Each of N gets its share when the first has 1/N, the next 1/(N-1), and the last takes the rest."""
    for index, rule in enumerate(chances):
        left = len(chances) - index
        due = 1 / left if left > 1 else 0.0
        if abs(rule.probability - due) > EVEN:
            told = [f"with probability {value:.4g}" if value else "always" for value in (rule.probability, due)]
            text = f"its endpoints are not chosen evenly: {endpoint_of(rule.chain)} {told[0]}, not {told[1]}"
            yield Finding("stale", service, text)
            return


def _affinity(
    service: str, want: Rules, have: Rules, common: frozenset[str], endpoint_of: Callable[[str], str]
) -> Iterator[Finding]:
    seconds: list[dict[str, str]] = []
    for rules in (want, have):
        remembering = {endpoint_of(rule.chain): rule for rule in rules if _leads_on(rule) and _remembers(rule)}
        seconds.append({one: _seconds(rule) for one, rule in remembering.items() if one in common})
    wanted, found = seconds
    for one in sorted(common):
        if one in wanted and one not in found:
            yield Finding("missing", service, _REMEMBERED[1])
        elif one in found and one not in wanted:
            yield Finding("stale", service, _REMEMBERED[0])
        elif one in wanted and wanted[one] != found[one]:
            yield Finding("stale", service, f"session affinity lasts {found[one]} s, not {wanted[one]} s")


def _seconds(rule: SavedRule) -> str:
    return next((said.split()[1] for said in rule.conditions if said.startswith("--seconds ")), "any")


def _masquerading(service: str, want: Rules, have: Rules, chain: str) -> Iterator[Finding]:
    """The first rule of a chooser: it follows from kube-proxy's options, so it differs in all Services or none."""
    wanted, found = [_outside(rule) for rule in want], [_outside(rule) for rule in have]
    if wanted == found:
        yield from rule_differences(service, chain, want, have)
        return
    for told in found:
        if told not in wanted:
            option = f"--cluster-cidr {told}" if told else "--masquerade-all"
            what = f"traffic from outside {told}" if told else "all traffic"
            text = f"{what} is masqueraded, as with kube-proxy's option {option}"
            yield Finding("stale", service, text)
    for told in wanted:
        if told not in found:
            what = f"traffic from outside {told}" if told else "all traffic"
            yield Finding("missing", service, f"{what} is not masqueraded")


def _outside(rule: SavedRule) -> str:
    return next((said.removeprefix("! -s ") for said in rule.conditions if said.startswith("! -s ")), "")


def reaching_differences(owned: Owned, chain: str, want: Rules, have: Rules) -> Iterator[Finding]:
    """Of a KUBE-SEP chain."""
    service, endpoint = owned.name, owned.endpoint
    there = translation(have)
    if there != endpoint and not any(_UNREADABLE in rule.target for rule in have):
        yield Finding("stale", service, f"endpoint {endpoint}: {chain} sends to {there or 'nowhere'}")
    hairpin = [rule.key for rule in want if rule.chain == MASQUERADE]
    if not all(key in [rule.key for rule in have] for key in hairpin):
        text = f"endpoint {endpoint}: reaching itself through its Service, it is not masqueraded ({chain})"
        yield Finding("missing", service, text)
    remembered = ["--set" in rule.conditions for rules in (want, have) for rule in rules if rule.chain == "DNAT"]
    if len(remembered) == 2 and remembered[0] != remembered[1]:
        yield Finding("missing" if remembered[0] else "stale", service, _REMEMBERED[remembered[0]])
    rest = [[rule for rule in rules if rule.chain != "DNAT" and rule.key not in hairpin] for rules in (want, have)]
    yield from rule_differences(service, chain, rest[0], rest[1])
