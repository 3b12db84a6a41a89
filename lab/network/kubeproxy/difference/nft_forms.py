"""How versions of kube-proxy lay out the same table: what should be, in the form that a node's own version has.

Sources: kube-proxy, nftables mode, of the versions named here. What Hoplab makes has the form of 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.difference.nft_saved import NftSaved
from lab.network.kubeproxy.nftables.fixed import HAIRPINS
from lab.network.kubeproxy.nftables.names import endpoint_chain, local_chain, service_chain

if TYPE_CHECKING:
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import ProxiedPort

CHOOSERS = ("service-", "local-")
ENDPOINT = "endpoint-"
_LATE = "filter-prerouting-pre-dnat"
_MARK_CHAIN = "mark-for-masquerade"
_MARKS = "meta mark set meta mark or 16384"

_NEW = "ct state new jump"
_EARLY: Mapping[str, list[str]] = {
    "filter-prerouting": ["type filter hook prerouting", f"{_NEW} firewall-check"],
    "filter-output": ["type filter hook output", f"{_NEW} service-endpoints-check", f"{_NEW} firewall-check"],
    "filter-output-post-dnat": ["type filter hook output", f"{_NEW} cluster-ips-check"],
}
"""The filter's base chains up to 1.32: all is looked at before the translation."""
_LATER = (_LATE, "filter-output-pre-dnat", *_EARLY)

_MASQUERADING = ["meta mark and 16384 == 0 return", "meta mark set meta mark xor 16384", "masquerade"]
_WITH_PORT = re.compile(r"^(ip daddr \S+ )(?:tcp|udp|sctp) dport \d+ (.*jump mark-for-masquerade)$")
_TRANSLATED = re.compile(r"\d+ : ([\d.]+) \. (\d+)")
_DNAT = re.compile(r"dnat to (\S+)")
_ONE_OF_ONE = re.compile(r"dnat ip to numgen random mod 1 map \{ 0 : (\S+) \. (\d+) \}")


class Form(NamedTuple):
    """What should be as the node's version makes it, what is there, and which version that is, "" for Hoplab's own."""

    wanted: NftSaved
    there: NftSaved
    version: str = ""


def in_form(wanted: NftSaved, there: NftSaved, ports: Iterable[ProxiedPort], options: ProxyOptions) -> Form:
    """Both in the form in which `there` is."""
    if _MARK_CHAIN not in there.chains:
        told = _named_alike(there)
        return Form(wanted, _without_maps_of_one(told), "1.36" if _has_maps_of_one(told) else "")
    earlier = _marking_by_jumps(wanted, ports, options)
    if _LATE in there.chains:
        return Form(_without_ports(earlier), _without_ports(there), "1.33 to 1.35")
    return Form(_filtered_early(earlier), there, "1.32 or older")


def _without_ports(table: NftSaved) -> NftSaved:
    """A ClusterIP's masquerade rule asks for the port in 1.33, and no longer in 1.34: it is the same."""
    return _each_rule(table, lambda rule: _WITH_PORT.sub(r"\1\2", rule))


def _filtered_early(wanted: NftSaved) -> NftSaved:
    chains = {name: rules for name, rules in wanted.chains.items() if name not in _LATER}
    return NftSaved(wanted.sets, {**chains, **_EARLY})


def _marking_by_jumps(wanted: NftSaved, ports: Iterable[ProxiedPort], options: ProxyOptions) -> NftSaved:
    """Up to 1.35 each endpoint has a chain, with a rule for its hairpin, and each ClusterIP a rule for outsiders."""
    choosers: dict[str, tuple[ProxiedPort, bool]] = {}
    for port in ports:
        for named, local in ((service_chain, False), (local_chain, True)):
            choosers[named(port.name, port.protocol)] = port, local == port.internal_local
    chains: dict[str, list[str]] = {}
    for name, rules in wanted.chains.items():
        if name in choosers:
            port, internal = choosers[name]
            chains[name] = [*(_outsiders(port, options) if internal else ()), *_jumps(port, rules)]
            chains |= {chain: told for rule in rules for chain, told in _endpoints(port, rule)}
        elif name.startswith(ENDPOINT):
            chains[name] = [_hairpin(_DNAT.findall(rules[-1])[0]), *rules]
        else:
            chains[name] = [rule.replace(_MARKS, f"jump {_MARK_CHAIN}") for rule in rules]
    chains["services"] = [rule for rule in chains["services"] if _MARK_CHAIN not in rule]
    chains["masquerading"] = list(_MASQUERADING)
    chains[_MARK_CHAIN] = [_MARKS]
    return NftSaved({name: found for name, found in wanted.sets.items() if name != HAIRPINS.name}, chains)


def _outsiders(port: ProxiedPort, options: ProxyOptions) -> Iterator[str]:
    to = f"ip daddr {port.cluster_ip} {port.protocol} dport {port.port}"
    if options.masquerade_all:
        yield f"{to} jump {_MARK_CHAIN}"
    elif options.cluster_cidr:
        yield f"{to} ip saddr != {options.cluster_cidr} jump {_MARK_CHAIN}"


def _jumps(port: ProxiedPort, rules: Iterable[str]) -> Iterator[str]:
    """A chooser's rules, with jumps to the chains of the endpoints to which they translate."""
    for rule in rules:
        ends = _ends(rule)
        names = (endpoint_chain(port.name, port.protocol, end) for end in ends)
        choices = ", ".join(f"{number} : goto {name}" for number, name in enumerate(names))
        yield f"numgen random mod {len(ends)} vmap {{ {choices} }}" if ends else rule


def _endpoints(port: ProxiedPort, rule: str) -> Iterator[tuple[str, list[str]]]:
    for end in _ends(rule):
        told = [_hairpin(end), f"meta l4proto {port.protocol} dnat to {end}"]
        yield endpoint_chain(port.name, port.protocol, end), told


def _hairpin(end: str) -> str:
    return f"ip saddr {end.partition(':')[0]} jump {_MARK_CHAIN}"


def _ends(rule: str) -> list[str]:
    """Where a rule translates to, "address:port"; none where it jumps."""
    if "dnat" not in rule:
        return []
    return [f"{address}:{port}" for address, port in _TRANSLATED.findall(rule)] or _DNAT.findall(rule)


def _named_alike(there: NftSaved) -> NftSaved:
    """Versions of nft name the parts of what a map gives, or do not."""
    return _each_rule(there, lambda rule: rule.replace("dnat ip addr . port to", "dnat ip to"))


def _without_maps_of_one(there: NftSaved) -> NftSaved:
    """1.36 has a map for a single endpoint too."""
    return _each_rule(there, lambda rule: _ONE_OF_ONE.sub(r"dnat to \1:\2", rule))


def _has_maps_of_one(there: NftSaved) -> bool:
    return any(_ONE_OF_ONE.search(rule) for rules in there.chains.values() for rule in rules)


def _each_rule(table: NftSaved, change: Callable[[str], str]) -> NftSaved:
    return NftSaved(table.sets, {name: [change(rule) for rule in rules] for name, rules in table.chains.items()})
