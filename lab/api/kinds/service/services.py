"""Services: what the API server fills in, and what an update leaves as it was. Source: kube-apiserver."""

from __future__ import annotations

from typing import Any

from lab.api.kinds.filling import filled

Json = dict[str, Any]

NONE = "None"  # of a cluster address, and of session affinity
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
AFFINITY_SECONDS = 10_800

_SPEC: Json = {"type": "ClusterIP", "sessionAffinity": NONE}
_PORT: Json = {"protocol": "TCP"}
_INSIDE: Json = {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
_AFFINITY: Json = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}


def complete_service(service: Json) -> Json:
    """A Service as the API server stores it, but for the addresses and ports that are given out later."""
    spec = filled(_SPEC, service.get("spec") or {})
    if "ports" in spec:
        spec["ports"] = [_complete_port(port) for port in spec["ports"]]
    if spec["sessionAffinity"] == "ClientIP":
        spec["sessionAffinityConfig"] = _complete_affinity(spec.get("sessionAffinityConfig"))
    elif spec["sessionAffinity"] == NONE:
        spec.pop("sessionAffinityConfig", None)
    if spec["type"] != "ExternalName":
        spec = {**_INSIDE, **spec}
        if spec.get("clusterIP"):
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
        elif spec.get("clusterIPs"):
            spec["clusterIP"] = spec["clusterIPs"][0]
    if is_reachable_from_outside(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    return {**service, "spec": spec, "status": filled({"loadBalancer": {}}, service.get("status") or {})}


def _complete_port(port: Json) -> Json:
    made = filled(_PORT, port)
    if not made.get("targetPort") and "port" in made:
        made["targetPort"] = made["port"]
    return made


def _complete_affinity(told: Json | None) -> Json:
    timeout = ((told or {}).get("clientIP") or {}).get("timeoutSeconds")
    return _AFFINITY if timeout is None else {"clientIP": {"timeoutSeconds": timeout}}


def is_headless(spec: Json) -> bool:
    return spec.get("clusterIP") == NONE


def is_reachable_from_outside(spec: Json) -> bool:
    """Through its nodes' ports, a load balancer, or addresses of its own."""
    return spec.get("type") in WITH_NODE_PORTS or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_check_port(spec: Json) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def carried_service(new: Json, old: Json) -> Json:
    """The new Service with the addresses and ports of the old where it says none, and without those that it repeats of
    the old one though its type no longer has them.
    """
    spec, was = dict(new.get("spec") or {}), old.get("spec") or {}
    kind, before = spec.get("type") or "ClusterIP", was.get("type")
    if kind == "ExternalName":
        if before != "ExternalName":
            _drop(spec, was, ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"))
    elif before != "ExternalName":
        _keep(spec, was, ("clusterIP", "clusterIPs") if not spec.get("clusterIP") else ())
        _keep(spec, was, ("ipFamilies", "ipFamilyPolicy"))
    if before in WITH_NODE_PORTS and spec.get("ports"):
        ports = {_port_key(port): port.get("nodePort") for port in was.get("ports") or ()}
        carry = _keep_node_port if kind in WITH_NODE_PORTS else _drop_node_port
        spec["ports"] = [carry(port, ports.get(_port_key(port))) for port in spec["ports"]]
    if needs_health_check_port(was):
        if needs_health_check_port(spec):
            _keep(spec, was, ("healthCheckNodePort",))
        else:
            _drop(spec, was, ("healthCheckNodePort",))
    if kind != "LoadBalancer":
        _drop(spec, was, ("allocateLoadBalancerNodePorts", "loadBalancerClass"))
    if not is_reachable_from_outside({**spec, "type": kind}):
        _drop(spec, was, ("externalTrafficPolicy",))
    return {**new, "spec": spec}


def _keep(spec: Json, was: Json, parts: tuple[str, ...]) -> None:
    for part in parts:
        if not spec.get(part) and part in was:
            spec[part] = was[part]


def _drop(spec: Json, was: Json, parts: tuple[str, ...]) -> None:
    """Whoever read the old one repeats them; whoever changes them is told that they may not be."""
    for part in parts:
        if part in spec and spec[part] == was.get(part):
            del spec[part]


def _port_key(port: Json) -> tuple[object, object]:
    return port.get("protocol") or "TCP", port.get("port")


def _keep_node_port(port: Json, number: int | None) -> Json:
    return {**port, "nodePort": number} if number and not port.get("nodePort") else port


def _drop_node_port(port: Json, number: int | None) -> Json:
    if number and port.get("nodePort") == number:
        return {key: value for key, value in port.items() if key != "nodePort"}
    return port
