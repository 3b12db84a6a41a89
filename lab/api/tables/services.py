"""Services and where they lead: EndpointSlices, Endpoints."""

from __future__ import annotations

from typing import Any

from lab.api.tables.ages import age
from lab.api.tables.column import AGE, NAME, NONE, SHOWN, UNSET, Column, listed, pairs, text, wide

Json = dict[str, Any]

SERVICES: tuple[Column, ...] = (
    NAME,
    text("Type", "How it can be reached: within the cluster, by a node's port, by a load balancer, by another name."),
    text("Cluster-IP", "Its address within the cluster."),
    text("External-IP", "Its addresses outside."),
    text("Port(s)", "Its ports, each with the node's port if it has one."),
    AGE,
    wide("Selector", "The labels of the pods behind it."),
)
ENDPOINTSLICES: tuple[Column, ...] = (
    NAME,
    text("AddressType", "Of what kind its addresses are."),
    text("Ports", "The ports of all its endpoints."),
    text("Endpoints", "Its addresses, ready or not."),
    AGE,
)
ENDPOINTS: tuple[Column, ...] = (NAME, text("Endpoints", "The ready addresses and their ports."), AGE)


def service_cells(item: Json, now: str) -> list[Any]:
    spec = item.get("spec") or {}
    return [
        item["metadata"]["name"],
        spec.get("type") or "ClusterIP",
        spec.get("clusterIP") or NONE,
        _outside(spec, item.get("status") or {}),
        ",".join(_port(port) for port in spec.get("ports") or ()) or NONE,
        age(item["metadata"].get("creationTimestamp"), now),
        pairs(spec.get("selector")),
    ]


def _port(port: Json) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol') or 'TCP'}"


def _outside(spec: Json, status: Json) -> str:
    kind = spec.get("type")
    if kind == "ExternalName":
        return spec.get("externalName") or NONE
    addresses = list(spec.get("externalIPs") or ())
    if kind == "LoadBalancer":
        ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
        balanced = sorted({one.get("ip") or one.get("hostname") or "" for one in ingress} - {""})
        return ",".join((*balanced, *addresses)) or "<pending>"
    return ",".join(addresses) or NONE


def slice_cells(item: Json, now: str) -> list[Any]:
    ports = [str(port.get("port") or port.get("name") or "*") for port in item.get("ports") or ()]
    addresses = [address for endpoint in item.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [
        item["metadata"]["name"],
        item.get("addressType") or "",
        listed(ports, len(ports), UNSET),
        listed(addresses, len(addresses), UNSET),
        age(item["metadata"].get("creationTimestamp"), now),
    ]


def endpoints_cells(item: Json, now: str) -> list[Any]:
    found, count = [], 0
    for subset in item.get("subsets") or ():
        addresses, ports = subset.get("addresses") or (), subset.get("ports") or (None,)
        count += len(addresses) * len(ports)
        for port in ports:
            suffix = f":{port.get('port')}" if port else ""
            found += [f"{address.get('ip')}{suffix}" for address in addresses[:SHOWN]]
    return [
        item["metadata"]["name"],
        listed(found, count, NONE),
        age(item["metadata"].get("creationTimestamp"), now),
    ]
