"""Which chain of kube-proxy's belongs to which Service port: by its name, or else by the comments around it.

A name proves itself: it is a hash of the Service port, so a comment that yields the same hash tells the truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.network.kubeproxy.difference.saved import SavedRule
from lab.network.kubeproxy.iptables.names import (
    endpoint_chain,
    external_chain,
    firewall_chain,
    local_chain,
    service_chain,
)
from lab.network.kubeproxy.service_ports import ProxiedPort

ENDPOINT = "KUBE-SEP-"
CHOOSERS = ("KUBE-SVC-", "KUBE-SVL-")
PER_SERVICE = (*CHOOSERS, "KUBE-EXT-", "KUBE-FW-", ENDPOINT, "KUBE-XLB-")

_NAMED = re.compile(r"(?:^|\s)([a-z0-9][-a-z0-9]*/[a-z0-9][-.a-z0-9]*(?::[-a-z0-9]+)?)(?=\s|$)")
_PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose a chain is: a Service port as kube-proxy writes it, and for KUBE-SEP the endpoint."""

    name: str
    endpoint: str = ""


def known_chains(ports: Iterable[ProxiedPort]) -> dict[str, Owned]:
    """Every name that a chain of these ports can have."""
    known = {}
    for port in ports:
        for name in (service_chain, local_chain, external_chain, firewall_chain):
            known[name(port.name, port.protocol)] = Owned(port.name)
        for target in port.targets:
            known[endpoint_chain(port.name, port.protocol, target.endpoint)] = Owned(port.name, target.endpoint)
    return known


def spoken_of(rule: SavedRule) -> str:
    """The Service port that its comment names, or ""."""
    found = _NAMED.search(rule.comment)
    return found[1] if found else ""


def translation(rules: Iterable[SavedRule]) -> str:
    """Where a KUBE-SEP chain sends to, "address:port"; "" for nowhere."""
    words = next((rule.target.split() for rule in rules if rule.chain == "DNAT"), [])
    return words[words.index("--to-destination") + 1] if "--to-destination" in words[:-1] else ""


def proven(chain: str, name: str, endpoint: str = "") -> bool:
    """Whether kube-proxy itself would give the chain of this Service port, and endpoint, that name."""
    if chain.startswith(ENDPOINT):
        return any(endpoint_chain(name, protocol, endpoint) == chain for protocol in _PROTOCOLS)
    hashed = chain.rpartition("-")[2]
    return any(service_chain(name, protocol).rpartition("-")[2] == hashed for protocol in _PROTOCOLS)


def named_owners(saved: Mapping[str, list[SavedRule]], known: Mapping[str, Owned]) -> dict[str, Owned]:
    """Owners of chains of a node's nat table: those that are known, and those that comments around them name."""
    owners = {chain: known[chain] for chain in saved if chain in known}
    callers: dict[str, list[tuple[str, SavedRule]]] = {}
    for chain, rules in saved.items():
        for rule in rules:
            callers.setdefault(rule.chain, []).append((chain, rule))
    waiting = [chain for chain in saved if chain.startswith(PER_SERVICE) and chain not in owners]
    # Endpoints last: in large clusters they have no comments, and only whoever leads to them tells whose they are.
    for chain in sorted(waiting, key=lambda chain: chain.startswith(ENDPOINT)):
        rules, leading = saved[chain], callers.get(chain, [])
        spoken = [spoken_of(rule) for rule in rules] + [spoken_of(rule) for _, rule in leading]
        inherited = [owners[caller].name for caller, _ in leading if caller in owners]
        name = next(filter(None, [*spoken, *inherited]), "")
        if name:
            owners[chain] = Owned(name, translation(rules) if chain.startswith(ENDPOINT) else "")
    return owners
