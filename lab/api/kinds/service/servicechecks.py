"""What can be wrong with a Service. Source: kube-apiserver's validation."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.metadata import label_causes
from lab.api.kinds.ports import LAST, PROTOCOLS, port_causes
from lab.api.kinds.service.services import NONE, is_headless, is_reachable_from_outside, needs_health_check_port
from lab.api.kinds.violations import duplicate, forbidden, immutable, in_range, invalid, not_supported, one_of, required
from lab.cluster.distribution import PREFERENCES
from lab.cluster.nodeports import FIRST as FIRST_NODE_PORT
from lab.cluster.nodeports import LAST as LAST_NODE_PORT

Json = dict[str, Any]

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
POLICIES = ("Cluster", "Local")
AFFINITIES = ("ClientIP", NONE)
LONGEST_AFFINITY = 86_400  # seconds

_NO_IPV6 = "this lab's cluster has IPv4 addresses only"


def service_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    """`new` is completed."""
    spec = new["spec"]
    yield from _type_causes(spec)
    yield from _ports_causes(spec)
    yield from label_causes("spec.selector", spec.get("selector"))
    yield from _affinity_causes(spec)
    yield from _address_causes(spec)
    yield from _outside_causes(spec)
    yield from _policy_causes(spec)
    if old is not None:
        yield from _update_causes(spec, old["spec"])


def _type_causes(spec: Json) -> Iterator[Cause]:
    kind = spec.get("type")
    yield from one_of("spec.type", kind, TYPES)
    if kind == "ExternalName":
        for part in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(part):
                yield forbidden(f"spec.{part}", "may not be set for ExternalName services")
        name = (spec.get("externalName") or "").removesuffix(".")
        if name:
            yield from (invalid("spec.externalName", name, told) for told in names.dns_subdomain(name))
        else:
            yield required("spec.externalName")
    elif kind in ("LoadBalancer", "NodePort") and is_headless(spec):
        yield invalid("spec.clusterIPs[0]", NONE, f"may not be set to 'None' for {kind} services")


def _ports_causes(spec: Json) -> Iterator[Cause]:
    ports = spec.get("ports") or ()
    if not ports and not is_headless(spec) and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    called: set[str] = set()
    for i, port in enumerate(ports):
        at, name = f"spec.ports[{i}]", port.get("name")
        if name:
            yield from (invalid(f"{at}.name", name, told) for told in names.dns_label(name))
            if name in called:
                yield duplicate(f"{at}.name", name)
            called.add(name)
        elif len(ports) > 1:
            yield required(f"{at}.name")
        yield from in_range(f"{at}.port", port.get("port", 0), 1, LAST)
        yield from one_of(f"{at}.protocol", port.get("protocol"), PROTOCOLS)
        yield from port_causes(f"{at}.targetPort", port.get("targetPort"))
        if port.get("appProtocol") is not None:
            yield from (
                invalid(f"{at}.appProtocol", port["appProtocol"], told) for told in names.label_key(port["appProtocol"])
            )
    yield from _node_port_causes(spec, ports)
    seen: set[tuple[object, object]] = set()
    for i, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            yield duplicate(f"spec.ports[{i}]", {"port": key[1], "protocol": key[0]})
        seen.add(key)


def _node_port_causes(spec: Json, ports: Any) -> Iterator[Cause]:  # noqa: ANN401 JSON
    seen: set[tuple[object, object]] = set()
    for i, port in enumerate(ports):
        at, number = f"spec.ports[{i}].nodePort", port.get("nodePort")
        if not number:
            continue
        if spec.get("type") == "ClusterIP":
            yield forbidden(at, "may not be used when `type` is 'ClusterIP'")
        elif not FIRST_NODE_PORT <= number <= LAST_NODE_PORT:
            told = "provided port is not in the valid range. The range of valid ports is"
            yield invalid(at, number, f"{told} {FIRST_NODE_PORT}-{LAST_NODE_PORT}")
        key = (port.get("protocol"), number)
        if key in seen:
            yield duplicate(at, number)
        seen.add(key)


def _affinity_causes(spec: Json) -> Iterator[Cause]:
    affinity = spec.get("sessionAffinity")
    yield from one_of("spec.sessionAffinity", affinity, AFFINITIES)
    if affinity == "ClientIP":
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        timeout = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 0 < timeout <= LONGEST_AFFINITY:
            yield invalid(field, timeout, f"must be greater than 0 and less than {LONGEST_AFFINITY}")


def _address_causes(spec: Json) -> Iterator[Cause]:
    if spec.get("type") == "ExternalName":
        return
    addresses = spec.get("clusterIPs") or ()
    if addresses and spec.get("clusterIP") != addresses[0]:
        yield invalid("spec.clusterIPs", list(addresses), "first value must match `clusterIP`")
    for i, address in enumerate(addresses):
        if address == NONE:
            if i or len(addresses) > 1:
                yield invalid(f"spec.clusterIPs[{i}]", address, "'None' must be the first and only value")
        else:
            yield from _ip_causes(f"spec.clusterIPs[{i}]", address)
    if len(addresses) > 1:
        yield invalid("spec.clusterIPs", list(addresses), f"may only hold 1 value: {_NO_IPV6}")
    for i, family in enumerate(spec.get("ipFamilies") or ()):
        if family == "IPv6":
            yield invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")
        elif family != "IPv4":
            yield not_supported(f"spec.ipFamilies[{i}]", family, ("IPv4", "IPv6"))
    policy = spec.get("ipFamilyPolicy")
    if policy == "RequireDualStack":
        yield invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
    elif policy not in (None, "SingleStack", "PreferDualStack"):
        yield not_supported("spec.ipFamilyPolicy", policy, ("PreferDualStack", "RequireDualStack", "SingleStack"))


_RESERVED = (
    ("is_unspecified", "may not be unspecified"),
    ("is_loopback", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
    ("is_link_local", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
    ("is_multicast", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
)


def _outside_causes(spec: Json) -> Iterator[Cause]:
    for i, text in enumerate(spec.get("externalIPs") or ()):
        field = f"spec.externalIPs[{i}]"
        wrong = list(_ip_causes(field, text))
        yield from wrong
        if not wrong:
            address = IPv4Address(text)
            yield from (invalid(field, text, told) for what, told in _RESERVED if getattr(address, what))
    ranges = spec.get("loadBalancerSourceRanges") or ()
    if ranges and spec.get("type") != "LoadBalancer":
        yield forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'")
    for i, text in enumerate(ranges):
        if not _is_network(text.strip()):
            told = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            yield invalid(f"spec.LoadBalancerSourceRanges[{i}]", text, told)
    if spec.get("allocateLoadBalancerNodePorts") is not None and spec.get("type") != "LoadBalancer":
        yield forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
    if spec.get("loadBalancerClass") is not None and spec.get("type") != "LoadBalancer":
        yield forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'")


def _policy_causes(spec: Json) -> Iterator[Cause]:
    outside = spec.get("externalTrafficPolicy")
    if is_reachable_from_outside(spec):
        yield from one_of("spec.externalTrafficPolicy", outside, POLICIES)
    elif outside:
        yield invalid("spec.externalTrafficPolicy", outside, "may only be set for externally-accessible services")
    if spec.get("healthCheckNodePort"):
        if needs_health_check_port(spec):
            yield from in_range("spec.healthCheckNodePort", spec["healthCheckNodePort"], 1, LAST)
        else:
            told = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            yield invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], told)
    if spec.get("internalTrafficPolicy") or spec.get("type") != "ExternalName":
        yield from one_of("spec.internalTrafficPolicy", spec.get("internalTrafficPolicy"), POLICIES)
    if spec.get("trafficDistribution") is not None and spec["trafficDistribution"] not in PREFERENCES:
        yield not_supported("spec.trafficDistribution", spec["trafficDistribution"], PREFERENCES)


def _update_causes(new: Json, old: Json) -> Iterator[Cause]:
    if "ExternalName" in (new.get("type"), old.get("type")):
        return
    was = old.get("clusterIPs") or [old.get("clusterIP")]
    wanted = new.get("clusterIPs") or [new.get("clusterIP")]
    if was[0] and wanted[0] != was[0]:
        told = "may not change once set"
        yield invalid("spec.clusterIPs[0]", wanted, told)
        return
    if needs_health_check_port(old) and needs_health_check_port(new):
        port = new.get("healthCheckNodePort")
        if port != old.get("healthCheckNodePort"):
            yield forbidden("spec.healthCheckNodePort", "field is immutable")
    balanced = new.get("type") == "LoadBalancer" == old.get("type")
    if balanced and new.get("loadBalancerClass") != old.get("loadBalancerClass"):
        yield immutable("spec.loadBalancerClass", new.get("loadBalancerClass"))


def _ip_causes(field: str, text: str) -> Iterator[Cause]:
    try:
        IPv4Address(text)
    except AddressValueError:
        if _is_ipv6(text):
            yield invalid(field, text, _NO_IPV6)
        else:
            yield invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        IPv4Network(text)
    except ValueError:
        return False
    return "/" in text
