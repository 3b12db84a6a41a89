"""What differs between kube-proxy's nft table as it should be and that of a real node, in words.

Names in this mode say in full whose a chain is; with their hash they prove that kube-proxy made them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.network.kubeproxy.difference.choosing import endpoint_differences
from lab.network.kubeproxy.difference.finding import Compared, Finding, gathered, older
from lab.network.kubeproxy.difference.nft_forms import CHOOSERS, ENDPOINT, in_form
from lab.network.kubeproxy.difference.nft_saved import NftSaved, read_table, wanted_table
from lab.network.kubeproxy.iptables.names import digest
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.kubeproxy.service_ports import ProxiedPort
from lab.network.objects import NftObject

_OWN = re.compile(
    r"(service|local|external|firewall|endpoint)-([A-Z2-7]{8})-((.+?/.+?)/(?:tcp|udp|sctp)/([^_]*)(?:__(.*))?)"
)
_GOTO = re.compile(r"goto (endpoint-\S+?)(?=[,\s]|$)")
_DNAT = re.compile(r"dnat to (\S+)")
_TRANSLATED = re.compile(r"\d+ : ([\d.]+) \. (\d+)")
_OUTSIDE = re.compile(r"ip saddr != (\S+) (?:jump mark-for-masquerade|meta mark set)")


def nft_differences(
    objects: Iterable[NftObject], ports: Iterable[ProxiedPort], options: ProxyOptions, saved: str, file: str
) -> Compared:
    """What differs; `saved` is what `nft list` printed. Raises FileError for what it would not."""
    balanced = tuple(ports)
    form = in_form(wanted_table(objects), read_table(saved, file), balanced, options)
    lines = gathered(_NftComparison(form.wanted, balanced, form.there).findings())
    compared = "it is compared as that version lays it out"
    return Compared(lines, (older(form.version, compared),) if form.version else ())


def _service(chain: str) -> str:
    """The Service port whose chain it is, as in kube-proxy's comments; "" for chains that all share."""
    found = _OWN.fullmatch(chain)
    if not found or digest(found[3])[:8] != found[2]:
        return ""
    return f"{found[4]}:{found[5]}" if found[5] else found[4]


def _endpoint(chain: str) -> str:
    found = _OWN.fullmatch(chain)
    return (found[6] or "").replace("/", ":") if found else ""


class _NftComparison:
    def __init__(self, wanted: NftSaved, ports: Iterable[ProxiedPort], there: NftSaved) -> None:
        self._wanted = wanted
        self._there = there
        self._services = frozenset(port.name for port in ports)
        self._gone: dict[str, list[str]] = {}

    def findings(self) -> Iterator[Finding]:
        found = [*self._sets(), *self._chains(), *self._leftovers()]
        absent = self._absent()
        yield from (Finding("missing", name, "nothing of it is there") for name in sorted(absent))
        yield from (one for one in found if one.service not in absent)
        for name, there in self._gone.items():
            yield Finding("stale", name, f"not among the objects; there are still {'; '.join(there)}")

    def _absent(self) -> frozenset[str]:
        """Services of which no chain is there, and to which no map leads."""
        present = frozenset(map(_service, self._there.chains)) | frozenset(_owners(self._there))
        return frozenset(filter(None, map(_service, self._wanted.chains))) - present

    def _sets(self) -> Iterator[Finding]:
        for name, elements in self._wanted.sets.items():
            if name not in self._there.sets:
                yield Finding("missing", "", f"the set {name}")
                continue
            there = self._there.sets[name]
            for key, verdict in elements.items():
                if key not in there:
                    yield Finding("missing", _led_to(verdict), f"{_entry(key, verdict)} in {name}")
                elif there[key] != verdict:
                    text = f"{_entry(key, there[key])} in {name}; it should be {_entry(key, verdict)}"
                    yield Finding("stale", _led_to(verdict), text)
            for key, verdict in there.items():
                if key not in elements:
                    yield from self._beyond(name, key, verdict)
        for name in self._there.sets:
            if name not in self._wanted.sets:
                yield Finding("foreign", "", f"the set {name}")

    def _beyond(self, name: str, key: str, verdict: str) -> Iterator[Finding]:
        """An element that should not be there."""
        owner, text = _led_to(verdict), f"{_entry(key, verdict)} in {name}"
        if owner and owner not in self._services:
            self._gone.setdefault(owner, []).append(text)
        else:
            # an address alone, and one that nobody answers, follow from a Service that is no more, whichever it was
            yield Finding(
                "stale" if owner or not verdict or verdict in ("drop", "goto reject-chain") else "foreign", owner, text
            )

    def _chains(self) -> Iterator[Finding]:
        for chain, want in self._wanted.chains.items():
            have = self._there.chains.get(chain)
            owner = _service(chain)
            if have is None:
                if not chain.startswith(ENDPOINT):
                    yield Finding("missing", owner, f"chain {chain}")
            elif have != want:
                yield from _chain_differences(owner, chain, want, have)

    def _leftovers(self) -> Iterator[Finding]:
        chosen = {name for rules in self._there.chains.values() for rule in rules for name in _GOTO.findall(rule)}
        for chain in self._there.chains:
            owner = _service(chain)
            if chain in self._wanted.chains:
                continue
            if not owner:
                yield Finding("foreign", "", f"chain {chain}")
            elif owner not in self._services:
                self._gone.setdefault(owner, []).append(f"chain {chain}")
            elif chain not in chosen:
                what = f"endpoint {_endpoint(chain)}" if chain.startswith(ENDPOINT) else "it"
                yield Finding("stale", owner, f"{what} has the chain {chain} still")


def _owners(table: NftSaved) -> Iterator[str]:
    """Services to which maps lead."""
    return (_led_to(verdict) for elements in table.sets.values() for verdict in elements.values() if verdict)


def _led_to(verdict: str) -> str:
    return _service(verdict.removeprefix("goto "))


def _entry(key: str, verdict: str) -> str:
    return f"{key} : {verdict}" if verdict else key


def _chain_differences(service: str, chain: str, want: list[str], have: list[str]) -> Iterator[Finding]:
    want_rest, have_rest = list(want), list(have)
    if chain.startswith(CHOOSERS):
        yield from _choices(service, want, have)
        chosen = _chosen(want) & _chosen(
            have
        )  # session affinity of an endpoint that is told already goes without saying
        want_rest, have_rest = ([rule for rule in rules if _counts(rule, chosen)] for rules in (want, have))
    elif chain.startswith(ENDPOINT):
        sends = next((found[1] for rule in have if (found := _DNAT.search(rule))), "nowhere")
        if sends != _endpoint(chain):
            yield Finding("stale", service, f"endpoint {_endpoint(chain)}: {chain} sends to {sends}")
            want_rest, have_rest = ([rule for rule in rules if "dnat" not in rule] for rules in (want, have))
    missing = [rule for rule in want_rest if rule not in have_rest]
    beyond = [rule for rule in have_rest if rule not in want_rest]
    if not missing and not beyond and want_rest != have_rest:
        yield Finding("stale", service, f"the rules of {chain} are in another order")
    for rule in missing:
        outside = _OUTSIDE.search(rule)
        told = f"traffic from outside {outside[1]} is not masqueraded" if outside else f"the rule {rule} in {chain}"
        yield Finding("missing", service, told)
    for rule in beyond:
        outside = _OUTSIDE.search(rule)
        if outside:
            option = f"as with kube-proxy's option --cluster-cidr {outside[1]}"
            yield Finding("stale", service, f"traffic from outside {outside[1]} is masqueraded, {option}")
        else:
            yield Finding("foreign", service, f"the rule {rule} in {chain}")


def _chosen(rules: Iterable[str]) -> frozenset[str]:
    return frozenset(name for rule in rules if _chooses(rule) for name in _GOTO.findall(rule))


def _chooses(rule: str) -> bool:
    """Whether the rule of a chooser leads to an endpoint whoever asks: by its chain, or since 1.36 by itself."""
    return "numgen" in rule or "dnat" in rule


def _ends(rule: str) -> list[str]:
    """The endpoints that such a rule leads to."""
    direct = _DNAT.search(rule) if "map {" not in rule else None
    translated = [f"{address}:{port}" for address, port in _TRANSLATED.findall(rule)]
    return [direct[1]] if direct else translated or [_endpoint(name) for name in _GOTO.findall(rule)]


def _counts(rule: str, chosen: frozenset[str]) -> bool:
    return not _chooses(rule) and ("@affinity-" not in rule or bool(chosen.intersection(_GOTO.findall(rule))))


def _choices(service: str, want: list[str], have: list[str]) -> Iterator[Finding]:
    """The endpoints among which a chain chooses."""
    wanted, found = ([one for rule in rules if _chooses(rule) for one in _ends(rule)] for rules in (want, have))
    yield from endpoint_differences(service, wanted, found)
    told = next((rule for rule in have if _chooses(rule)), "")
    if f"mod {len(found)} " not in told and not (len(found) == 1 and "numgen" not in told and told):
        yield Finding("foreign", service, f"its endpoints are not chosen evenly: {told}")
