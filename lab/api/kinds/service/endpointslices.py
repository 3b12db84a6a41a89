"""EndpointSlices, and Endpoints, their older form. Source: kube-apiserver's defaults and validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import each, filled
from lab.api.kinds.ports import LAST, PROTOCOLS
from lab.api.kinds.violations import duplicate, immutable, in_range, invalid, not_supported, one_of, required

Json = dict[str, Any]

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
MOST_ENDPOINTS = 1000

MOST_ADDRESSES = 100
MOST_HINTS = 8  # for zones, and as many for nodes

_SLICE_PORT: Json = {"name": "", "protocol": "TCP"}
_PORT: Json = {"protocol": "TCP"}


def complete_slice(item: Json) -> Json:
    made = filled({}, item)
    made["endpoints"] = made.get("endpoints", [])
    made["ports"] = [filled(_SLICE_PORT, port) for port in made.get("ports", ())]
    return made


def complete_endpoints(item: Json) -> Json:
    if not item.get("subsets"):
        return item
    return {**item, "subsets": each(item["subsets"], _complete_subset)}


def _complete_subset(subset: Json) -> Json:
    return {**subset, "ports": [filled(_PORT, port) for port in subset["ports"]]} if subset.get("ports") else subset


def slice_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    kind = new.get("addressType")
    yield from one_of("addressType", kind, ADDRESS_TYPES)
    if kind == "IPv6":
        yield invalid("addressType", kind, "this lab's cluster has IPv4 addresses only")
    if old is not None and kind != old.get("addressType"):
        yield immutable("addressType", kind)
    if len(new["endpoints"]) > MOST_ENDPOINTS:
        told = f"Too many: {len(new['endpoints'])}: must have at most {MOST_ENDPOINTS} items"
        yield Cause("endpoints", told, "FieldValueTooMany")
    for i, endpoint in enumerate(new["endpoints"]):
        yield from _endpoint_causes(f"endpoints[{i}]", endpoint, kind)
    yield from _slice_port_causes(new["ports"])


def _endpoint_causes(at: str, endpoint: Json, kind: object) -> Iterator[Cause]:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield required(f"{at}.addresses", "must contain at least 1 address")
    elif len(addresses) > MOST_ADDRESSES:
        told = f"Too many: {len(addresses)}: must have at most {MOST_ADDRESSES} items"
        yield Cause(f"{at}.addresses", told, "FieldValueTooMany")
    for i, address in enumerate(addresses):
        field = f"{at}.addresses[{i}]"
        if kind == "IPv4":
            yield from _ip_causes(field, address)
        elif kind == "FQDN":
            yield from (invalid(field, address, told) for told in names.dns_subdomain(address))
    if endpoint.get("hostname"):
        yield from (
            invalid(f"{at}.hostname", endpoint["hostname"], told) for told in names.dns_label(endpoint["hostname"])
        )
    if endpoint.get("nodeName"):
        yield from (
            invalid(f"{at}.nodeName", endpoint["nodeName"], told) for told in names.dns_subdomain(endpoint["nodeName"])
        )
    for hinted, judge in (("forZones", names.label_value), ("forNodes", names.dns_subdomain)):
        yield from _hint_causes(f"{at}.hints.{hinted}", (endpoint.get("hints") or {}).get(hinted) or (), judge)


def _hint_causes(field: str, hints: Sequence[Json], judge: Callable[[str], list[str]]) -> Iterator[Cause]:
    if len(hints) > MOST_HINTS:
        yield Cause(field, f"Too many: {len(hints)}: must have at most {MOST_HINTS} items", "FieldValueTooMany")
        return
    seen: set[str] = set()
    for i, hint in enumerate(hints):
        name = hint.get("name") or ""
        if name in seen:
            yield duplicate(f"{field}[{i}].name", name)
        seen.add(name)
        yield from (invalid(f"{field}[{i}].name", name, told) for told in judge(name))


def _slice_port_causes(ports: list[Json]) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, port in enumerate(ports):
        at, name = f"ports[{i}]", port.get("name") or ""
        if name:
            yield from (invalid(f"{at}.name", name, told) for told in names.dns_label(name))
        if name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
        yield from one_of(f"{at}.protocol", port.get("protocol"), PROTOCOLS)
        if port.get("port") is not None:
            yield from in_range(f"{at}.port", port["port"], 1, LAST)


def endpoints_causes(new: Json, _old: Json | None) -> Iterator[Cause]:
    for i, subset in enumerate(new.get("subsets") or ()):
        at = f"subsets[{i}]"
        ready, others = subset.get("addresses") or (), subset.get("notReadyAddresses") or ()
        if not ready and not others:
            yield required(at, "must specify `addresses` or `notReadyAddresses`")
        for part, addresses in (("addresses", ready), ("notReadyAddresses", others)):
            for j, address in enumerate(addresses):
                yield from _ip_causes(f"{at}.{part}[{j}].ip", address.get("ip") or "")
        ports = subset.get("ports") or ()
        for j, port in enumerate(ports):
            field = f"{at}.ports[{j}]"
            if port.get("name"):
                yield from (invalid(f"{field}.name", port["name"], told) for told in names.dns_label(port["name"]))
            elif len(ports) > 1:
                yield required(f"{field}.name")
            yield from in_range(f"{field}.port", port.get("port", 0), 1, LAST)
            if port.get("protocol") not in PROTOCOLS:
                yield not_supported(f"{field}.protocol", port.get("protocol"), PROTOCOLS)


def _ip_causes(field: str, text: str) -> Iterator[Cause]:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        yield invalid(field, text, "must be a valid IPv4 address")
        return
    if address.is_unspecified:
        yield invalid(field, text, "may not be unspecified (0.0.0.0)")
    if address.is_loopback:
        yield invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        yield invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
