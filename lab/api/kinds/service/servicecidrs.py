"""ServiceCIDRs and IPAddresses: where Services' addresses come from, and whose each is. Source: kube-apiserver."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.violations import immutable, invalid, required

Json = dict[str, Any]

MOST_CIDRS = 2
_PATH_LIKE = (".", "..")


def servicecidr_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    cidrs = (new.get("spec") or {}).get("cidrs") or []
    before = ((old or {}).get("spec") or {}).get("cidrs") or []
    if old is not None and cidrs != before:
        yield immutable("spec.cidrs", cidrs)
    if not cidrs:
        yield required("spec.cidrs", "at least one CIDR required")
    elif len(cidrs) > MOST_CIDRS:
        yield invalid("spec.cidrs", cidrs, "may only hold up to 2 values")
    for i, cidr in enumerate(cidrs):
        yield from _cidr_causes(f"spec.cidrs[{i}]", cidr)


def _cidr_causes(field: str, text: str) -> Iterator[Cause]:
    if ":" in text:
        yield invalid(field, text, "this lab's cluster has IPv4 addresses only")
        return
    try:
        IPv4Network(text)
    except ValueError:
        yield invalid(field, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")


def ip_name(value: str) -> list[str]:
    """What is wrong with an IPAddress's name: it is the address, as it is written shortest."""
    try:
        address = IPv6Address(value) if ":" in value else IPv4Address(value)
    except AddressValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if str(address) == value else [f"must be in canonical form ({address})"]


def ipaddress_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    reference = (new.get("spec") or {}).get("parentRef")
    if reference is None:
        yield required("spec.parentRef")
        return
    for part in ("resource", "name"):
        if not reference.get(part):
            yield required(f"spec.parentRef.{part}")
    for part in ("resource", "name", "namespace"):
        value = reference.get(part) or ""
        if value in _PATH_LIKE or "/" in value or "%" in value:
            yield invalid(f"spec.parentRef.{part}", value, "may not be '.' or '..', and may not contain '/' or '%'")
    if old is not None and reference != (old.get("spec") or {}).get("parentRef"):
        yield immutable("spec.parentRef", reference)
