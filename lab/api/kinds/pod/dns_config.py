"""A pod's own resolver and hosts file: dnsPolicy, dnsConfig, hostAliases. Source: kube-apiserver's validation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.violations import invalid, one_of, required

Json = dict[str, Any]

POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
MOST_NAMESERVERS = 3
MOST_SEARCHED = 32
LONGEST_SEARCH_LINE = 2048

# Search domains may have underscores (RelaxedDNSSearchValidation, in every cluster since 1.34).
_LABEL = "[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?"
_SEARCHED = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def resolver_causes(field: str, spec: Json) -> Iterator[Cause]:
    """What is wrong with these parts of the specification at `field`."""
    policy, config = spec.get("dnsPolicy"), spec.get("dnsConfig") or {}
    yield from one_of(f"{field}.dnsPolicy", policy, POLICIES)
    nameservers, searches = config.get("nameservers") or (), config.get("searches") or ()
    at = f"{field}.dnsConfig"
    if policy == "None" and not nameservers:
        yield required(f"{at}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
    if len(nameservers) > MOST_NAMESERVERS:
        yield invalid(f"{at}.nameservers", nameservers, f"must not have more than {MOST_NAMESERVERS} nameservers")
    for i, address in enumerate(nameservers):
        if not _is_ip(address):
            yield invalid(f"{at}.nameservers[{i}]", address, _NO_IP)
    yield from _search_causes(f"{at}.searches", searches)
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            yield required(f"{at}.options[{i}]", "must not be empty")
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        if not _is_ip(alias.get("ip")):
            yield invalid(f"{field}.hostAliases[{i}].ip", alias.get("ip"), _NO_IP)
        for j, name in enumerate(alias.get("hostnames") or ()):
            at_name = f"{field}.hostAliases[{i}].hostnames[{j}]"
            yield from (invalid(at_name, name, told) for told in names.dns_subdomain(name))


_NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _search_causes(at: str, searches: Sequence[str]) -> Iterator[Cause]:
    if len(searches) > MOST_SEARCHED:
        yield invalid(at, searches, f"must not have more than {MOST_SEARCHED} search paths")
    if len(" ".join(searches)) > LONGEST_SEARCH_LINE:
        told = f"must not have more than {LONGEST_SEARCH_LINE} characters (including spaces) in the search list"
        yield invalid(at, searches, told)
    for i, domain in enumerate(searches):
        plain = domain.removesuffix(".")
        if domain != "." and not (_SEARCHED.fullmatch(plain) and len(plain) <= names.LONGEST_SUBDOMAIN):
            yield from (invalid(f"{at}[{i}]", domain, told) for told in names.dns_subdomain(plain) or (_NO_NAME,))


_NO_NAME = "must be a domain name"


def _is_ip(value: object) -> bool:
    try:
        ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True
