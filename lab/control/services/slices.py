"""Pods to the endpoints of a Service, and endpoints to slices: what each says, and which of them share one.

Source: kube-controller-manager's endpointslice controller, and its library k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from lab.api.resources import ENDPOINTSLICES, SERVICES
from lab.api.store import Json
from lab.cluster.distribution import AUTOMATIC, TOPOLOGY_MODE, Hints, hints
from lab.cluster.endpoints import CONTROLLER, MANAGED_BY, SERVICE_NAME
from lab.control.ownership import owner_reference
from lab.control.pods.podstatus import is_finished, is_ready, is_terminating

LIMIT = 100
"""So many endpoints a slice has at most (kube-controller-manager: --max-endpoints-per-slice)."""

HEADLESS = "service.kubernetes.io/headless"

Targets = tuple[int, ...]
"""The numbers that a Service's target ports have in a pod, -1 for a name that the pod has no port of."""


@dataclass(frozen=True, slots=True)
class Member:
    """A pod that a Service selects, by its place, as the Service's endpoint. `number` is its address, for sorting."""

    place: str
    number: int
    targets: Targets
    endpoint: Json


def can_be_endpoint(pod: Json) -> bool:
    """Whether its programs run, or have yet to end, at an IPv4 address."""
    try:
        IPv4Address((pod.get("status") or {}).get("podIP", ""))
    except AddressValueError:
        return False
    return not is_finished(pod)


def preference(service: Json) -> str:
    """The Service's trafficDistribution, "" where it does not count."""
    annotations = service["metadata"].get("annotations") or {}
    return "" if annotations.get(TOPOLOGY_MODE) in AUTOMATIC else service["spec"].get("trafficDistribution") or ""


def member(service: Json, pod: Json, zone: str = "") -> Member:
    """The pod as an endpoint of the Service, which selects it; `zone` is its node's, "" for none."""
    spec, metadata = service["spec"], pod["metadata"]
    serving, terminating = is_ready(pod), is_terminating(pod)
    ready = bool(spec.get("publishNotReadyAddresses")) or (serving and not terminating)
    endpoint: Json = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
    if node := pod["spec"].get("nodeName"):
        endpoint["nodeName"] = node
    if zone:
        endpoint["zone"] = zone
    if ready and (told := _hints(hints(preference(service), node or "", zone))):
        endpoint["hints"] = told
    hostname = pod["spec"].get("hostname")
    if hostname and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = hostname
    targets = tuple(_number(port, pod) for port in spec.get("ports") or ())
    place = f"{metadata['namespace']}/{metadata['name']}"
    return Member(place, int(IPv4Address(pod["status"]["podIP"])), targets, endpoint)


def _hints(made: Hints) -> Json:
    """As an endpoint has them; {} for none."""
    told = {"forZones": made.zones, "forNodes": made.nodes}
    return {key: [{"name": name} for name in names] for key, names in told.items() if names}


def _number(port: Json, pod: Json) -> int:
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    wanted = (target, port.get("protocol", "TCP"))
    for container in pod["spec"].get("containers") or ():
        for own in container.get("ports") or ():
            if (own.get("name"), own.get("protocol", "TCP")) == wanted:
                return int(own["containerPort"])
    return -1


def ports(service: Json, targets: Targets) -> list[Json]:
    """The ports of a slice whose endpoints have these numbers."""
    made = []
    for port, target in zip(service["spec"].get("ports") or (), targets, strict=False):
        if target < 0:
            continue
        told = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": target}
        app = {"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}
        made.append({**told, **app})
    return made


def is_headless(service: Json) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def labels(service: Json) -> dict[str, str]:
    """A slice's labels: the Service's own, and those by which it is found."""
    own = {
        key: value
        for key, value in (service["metadata"].get("labels") or {}).items()
        if key not in (SERVICE_NAME, MANAGED_BY, HEADLESS)
    }
    headless = {HEADLESS: ""} if is_headless(service) else {}
    return {**own, MANAGED_BY: CONTROLLER, SERVICE_NAME: service["metadata"]["name"], **headless}


def new_slice(service: Json, name: str) -> Json:
    """A slice of the Service without endpoints yet."""
    metadata = {
        "name": name,
        "generateName": f"{service['metadata']['name']}-",
        "namespace": service["metadata"]["namespace"],
        "labels": labels(service),
        "ownerReferences": [owner_reference(SERVICES, service)],
    }
    return {
        "apiVersion": ENDPOINTSLICES.api_version,
        "kind": ENDPOINTSLICES.kind,
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [],
        "ports": [],
    }


def spread(members: Sequence[Member], held: Sequence[Sequence[str]]) -> list[list[str]]:
    """The places that each slice has. `held` are those that the slices of these ports have now: who stays stays where
    it is, so that few slices change; who comes fills up what has room; the order within a slice is the members'.
    """
    order = {one.place: index for index, one in enumerate(members)}
    filled = [[place for place in places if place in order] for places in held]
    placed = {place for places in filled for place in places}
    coming = [place for place in order if place not in placed]
    for held_places in filled:
        room = LIMIT - len(held_places)
        held_places.extend(coming[:room])
        coming = coming[room:]
    filled += [coming[start : start + LIMIT] for start in range(0, len(coming), LIMIT)]
    return [sorted(places, key=order.__getitem__) for places in filled]


def places_of(item: Json) -> list[str]:
    """`NAMESPACE/POD` of each endpoint of a slice, "" for what is no pod. Whoever names no namespace means its own."""
    own = item["metadata"]["namespace"]
    references = [one.get("targetRef") or {} for one in item.get("endpoints") or ()]
    return [
        f"{one.get('namespace') or own}/{one.get('name', '')}" if one.get("kind") == "Pod" else "" for one in references
    ]
