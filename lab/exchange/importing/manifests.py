"""The chosen objects as manifests for a lab: what the network is made of, and nothing of what runs in the pods."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lab.cluster.endpoints import SERVICE_NAME
from lab.cluster.file.podchecks import READY
from lab.cluster.pools import ADDRESS
from lab.exchange.importing.collection.objects import Kept, Objects, Pod, Port, ipv4
from lab.exchange.importing.collection.text import Json
from lab.exchange.importing.surroundings.selection import Chosen, endpoints, slices_by_service
from lab.exchange.importing.surroundings.underlay import Underlay

_OWN_NAMESPACES = ("default", "kube-system")
_FIELDS = (
    *("type", "externalName", "externalIPs", "sessionAffinity", "sessionAffinityConfig", "internalTrafficPolicy"),
    *("externalTrafficPolicy", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts", "healthCheckNodePort"),
    *("publishNotReadyAddresses", "trafficDistribution"),
)
_USUAL = {
    "type": "ClusterIP",
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "externalTrafficPolicy": "Cluster",
    "allocateLoadBalancerNodePorts": True,
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document's text, and what it is of: `Service shop/cart`."""

    named: str
    text: str


def manifests(objects: Objects, chosen: Chosen, ground: Underlay) -> list[Manifest]:
    """All documents, namespaces first."""
    asked = _ports_asked(chosen)
    names = {one.node.name: one.name for one in ground.nodes}
    used = {pod.namespace for pod in chosen.pods} | {service.namespace for service in chosen.services}
    made = [_document("v1", "Namespace", {"name": name}) for name in sorted(used - {*_OWN_NAMESPACES})]
    made += [_pod(pod, asked[pod.address], names) for pod in chosen.pods]
    hosts = {pod.address for pod in objects.pods if pod.host}
    every = slices_by_service(objects)
    for service in chosen.services:
        # Pods in their node's own network are none of the lab's: their addresses stand in slices by themselves.
        foreign = any(address in hosts for address in endpoints(every.get(service.place, [])))
        made.append(_service(service, every.get(service.place, []), selected=not foreign))
        if foreign or not service.spec.get("selector"):
            made += [_slice(one, names) for one in chosen.slices.get(service.place, [])]
    return made


def _ports_asked(chosen: Chosen) -> defaultdict[str, dict[tuple[str, int], str]]:
    """By a pod's address the ports that Services send to: nobody has to declare them."""
    found: defaultdict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    for slices in chosen.slices.values():
        for one in slices:
            ports = [port for port in one.spec.get("ports") or () if isinstance(port.get("port"), int)]
            for address in endpoints([one]):
                for port in ports:
                    found[address][str(port.get("protocol") or "TCP"), port["port"]] = ""
    return found


def _document(version: str, kind: str, metadata: Json, **parts: Json | str | list[Json]) -> Manifest:
    told = {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata,
        **{key: part for key, part in parts.items() if part},
    }
    lines = [f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in told.items()]
    place = "/".join(str(metadata[key]) for key in ("namespace", "name") if key in metadata)
    return Manifest(f"{kind} {place}", "\n".join(lines) + "\n")


def _pod(pod: Pod, asked: dict[tuple[str, int], str], names: dict[str, str]) -> Manifest:
    metadata: Json = {"name": pod.name, "namespace": pod.namespace, "annotations": {ADDRESS: pod.address}}
    if pod.labels:
        metadata["labels"] = dict(pod.labels)
    if not pod.ready:
        metadata["annotations"][READY] = "false"
    ports = {(port.protocol, port.number): port.name for port in pod.ports}
    ports |= {key: "" for key in asked if key not in ports}
    container: Json = {"name": "server", "image": "built-in"}
    if ports:
        container["ports"] = [_container_port(Port(name, *key)) for key, name in ports.items()]
    spec: Json = {"nodeName": names[pod.node], "containers": [container]}
    spec |= {key: value for key, value in (("hostname", pod.hostname), ("subdomain", pod.subdomain)) if value}
    return _document("v1", "Pod", metadata, spec=spec)


def _container_port(port: Port) -> Json:
    made: Json = {"containerPort": port.number}
    if port.name:
        made["name"] = port.name
    if port.protocol != "TCP":
        made["protocol"] = port.protocol
    return made


def _service(one: Kept, slices: list[Kept], *, selected: bool) -> Manifest:
    spec: Json = {key: one.spec[key] for key in _FIELDS if one.spec.get(key) not in (None, [], {}, _USUAL.get(key))}
    address = one.spec.get("clusterIP")
    if address == "None" or ipv4(address):
        spec["clusterIP"] = address
    if selected and one.spec.get("selector"):
        spec["selector"] = one.spec["selector"]
    numbers = _numbers(slices)
    spec["ports"] = [_service_port(port, numbers) for port in one.spec.get("ports") or ()]
    if not spec["ports"]:
        del spec["ports"]
    ingress = [
        {"ip": entry["ip"]} for entry in (one.status.get("loadBalancer") or {}).get("ingress") or () if entry.get("ip")
    ]
    metadata: Json = {"name": one.name, "namespace": one.namespace}
    labels = {key: value for key, value in one.labels.items() if key == "service.kubernetes.io/service-proxy-name"}
    if labels:
        metadata["labels"] = labels
    return _document(
        "v1", "Service", metadata, spec=spec, status={"loadBalancer": {"ingress": ingress}} if ingress else {}
    )


def _numbers(slices: list[Kept]) -> dict[str, set[int]]:
    """What each port of the Service really leads to."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for one in slices:
        for port in one.spec.get("ports") or ():
            if isinstance(port.get("port"), int):
                found[str(port.get("name") or "")].add(port["port"])
    return found


def _service_port(port: Json, numbers: dict[str, set[int]]) -> Json:
    made: Json = {key: port[key] for key in ("name", "port", "targetPort", "nodePort") if port.get(key)}
    if port.get("protocol") not in (None, "TCP"):
        made["protocol"] = port["protocol"]
    known = numbers.get(str(port.get("name") or ""), set())
    if isinstance(made.get("targetPort"), str) and len(known) == 1:
        made["targetPort"] = min(known)  # a name that no container of the lab may have
    return made


def _slice(one: Kept, names: dict[str, str]) -> Manifest:
    metadata = {"name": one.name, "namespace": one.namespace, "labels": {SERVICE_NAME: one.labels[SERVICE_NAME]}}
    told: dict[str, str | list[Json]] = {
        "addressType": "IPv4",
        "endpoints": [*_endpoints(one, names)],
        "ports": [
            {key: port[key] for key in ("name", "port", "protocol") if port.get(key) is not None}
            for port in one.spec.get("ports") or ()
        ],
    }
    return _document("discovery.k8s.io/v1", "EndpointSlice", metadata, **told)


def _endpoints(one: Kept, names: dict[str, str]) -> Iterator[Json]:
    for endpoint in one.spec.get("endpoints") or ():
        made: Json = {"addresses": [text for text in endpoint.get("addresses") or () if ipv4(text)]}
        conditions = {
            key: value for key, value in (endpoint.get("conditions") or {}).items() if isinstance(value, bool)
        }
        if conditions:
            made["conditions"] = conditions
        if endpoint.get("nodeName") in names:
            made["nodeName"] = names[endpoint["nodeName"]]
        if made["addresses"]:
            yield made
