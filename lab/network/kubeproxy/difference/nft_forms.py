"""How versions of kube-proxy lay out the same table: what should be, in the form that a node's own version has.

Sources: kube-proxy, nftables mode, of the versions named here. What Hoplab makes has the form of those before 1.33.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.difference.nft_saved import NftSaved

if TYPE_CHECKING:
    from lab.network.kubeproxy.options import ProxyOptions

CHOOSERS = ("service-", "local-")
ENDPOINT = "endpoint-"
HAIRPIN = "hairpin-connections"
_EARLY = "filter-prerouting-pre-dnat"
_MARK_CHAIN = "mark-for-masquerade"
_MARKS = "meta mark set meta mark or 16384"

_NEW = "ct state new jump"
_BASES: Mapping[str, list[str]] = {
    _EARLY: ["type filter hook prerouting", f"{_NEW} firewall-check"],
    "filter-output-pre-dnat": ["type filter hook output", f"{_NEW} firewall-check"],
    "filter-input": [
        "type filter hook input",
        f"{_NEW} nodeport-endpoints-check",
        f"{_NEW} service-endpoints-check",
    ],
    "filter-forward": ["type filter hook forward", f"{_NEW} service-endpoints-check", f"{_NEW} cluster-ips-check"],
    "filter-output": ["type filter hook output", f"{_NEW} service-endpoints-check", f"{_NEW} cluster-ips-check"],
}
"""The filter's base chains since 1.33: all but the source ranges are looked at after the translation."""
_FORMER = ("filter-prerouting", "filter-output-post-dnat")

_MASQUERADING = [
    "meta mark and 16384 != 0 meta mark set meta mark xor 16384 masquerade",
    f"ct status dnat ip saddr . ip daddr . meta l4proto . th dport @{HAIRPIN} masquerade",
]
_WITH_PORT = re.compile(r"^(ip daddr \S+ )(?:tcp|udp|sctp) dport \d+ (.*jump mark-for-masquerade)$")
_NAME = re.compile(r"endpoint-[A-Z2-7]{8}-.+/(tcp|udp|sctp)/[^_/]*__([\d.]+)/(\d+)")
_GOTO = re.compile(r"goto (endpoint-\S+?)(?=[,\s]|$)")
_ONE_OF_ONE = re.compile(r"dnat ip to numgen random mod 1 map \{ 0 : (\S+) \. (\d+) \}")


class Form(NamedTuple):
    """What should be as the node's version makes it, what is there, and which version that is, "" for Hoplab's own."""

    wanted: NftSaved
    there: NftSaved
    version: str = ""


def in_form(wanted: NftSaved, there: NftSaved, options: ProxyOptions) -> Form:
    """Both in the form in which `there` is."""
    if HAIRPIN in there.sets:
        return Form(_newest(wanted, options), _like_newest(there), "1.36 or newer")
    if _EARLY in there.chains:
        return Form(_filtered_late(_without_ports(wanted)), _without_ports(there), "1.33 to 1.35")
    return Form(wanted, there)


def _without_ports(table: NftSaved) -> NftSaved:
    """A ClusterIP's masquerade rule asks for the port in 1.33, and no longer in 1.34: it is the same."""
    chains = {name: [_WITH_PORT.sub(r"\1\2", rule) for rule in rules] for name, rules in table.chains.items()}
    return NftSaved(table.sets, chains)


def _filtered_late(wanted: NftSaved) -> NftSaved:
    chains = {name: rules for name, rules in wanted.chains.items() if name not in _FORMER}
    return NftSaved(wanted.sets, {**chains, **_BASES})


def _newest(wanted: NftSaved, options: ProxyOptions) -> NftSaved:
    """Endpoints are chosen and translated in one rule, hairpins are a set, and whom to masquerade is said once."""
    late = _filtered_late(wanted)
    with_affinity = {name for name, rules in late.chains.items() if any("update @affinity" in rule for rule in rules)}
    chains: dict[str, list[str]] = {}
    for name, rules in late.chains.items():
        if name.startswith(ENDPOINT):
            if name in with_affinity:
                chains[name] = [rule for rule in rules if _MARK_CHAIN not in rule]
        elif name.startswith(CHOOSERS):
            kept = [rule for rule in rules if _MARK_CHAIN not in rule]
            chains[name] = [_choice(rule, with_affinity) for rule in kept]
        elif name != _MARK_CHAIN:
            chains[name] = [rule.replace(f"jump {_MARK_CHAIN}", _MARKS) for rule in rules]
    chains["services"] = [*_outsiders(options), *chains.get("services", ())]
    chains["masquerading"] = list(_MASQUERADING)
    found = (_NAME.fullmatch(name) for name in late.chains if name.startswith(ENDPOINT))
    hairpins = {f"{one[2]} . {one[2]} . {one[1]} . {one[3]}": "" for one in found if one}
    return NftSaved({**late.sets, HAIRPIN: hairpins}, chains)


def _outsiders(options: ProxyOptions) -> Iterator[str]:
    if options.masquerade_all:
        yield f"ip daddr @cluster-ips {_MARKS}"
    elif options.cluster_cidr:
        yield f"ip daddr @cluster-ips ip saddr != {options.cluster_cidr} {_MARKS}"


def _choice(rule: str, with_affinity: set[str]) -> str:
    """The rule that leads to one of several endpoint chains, as one that translates by itself."""
    chosen = _GOTO.findall(rule)
    if "numgen" not in rule or with_affinity.intersection(chosen):
        return rule
    ends = [one for name in chosen if (one := _NAME.fullmatch(name))]
    protocol = ends[0][1] if ends else ""
    if len(ends) == 1:
        return f"meta l4proto {protocol} dnat to {ends[0][2]}:{ends[0][3]}"
    told = ", ".join(f"{number} : {one[2]} . {one[3]}" for number, one in enumerate(ends))
    return f"meta l4proto {protocol} dnat ip to numgen random mod {len(ends)} map {{ {told} }}"


def _like_newest(there: NftSaved) -> NftSaved:
    """1.36 has a map for a single endpoint too, and versions of nft name the map's parts or do not."""
    chains = {
        name: [
            _ONE_OF_ONE.sub(r"dnat to \1:\2", rule.replace("dnat ip addr . port to", "dnat ip to")) for rule in rules
        ]
        for name, rules in there.chains.items()
    }
    return NftSaved(there.sets, chains)
