"""Which nodes, pods and Services the lab gets: all, those of some nodes, or what a request to one Service can touch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from lab.cluster.endpoints import SERVICE_NAME
from lab.errors import UsageError
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.objects import Kept, Objects, Pod, ipv4
from lab.exchange.importing.surroundings.underlay import Placed, Underlay
from lab.suggestion import did_you_mean

AROUND_NODES = 4
AROUND_PODS = 12
OWN_SERVICES = ("default/kubernetes", "kube-system/kube-dns")
"""The lab has its own of these."""


@dataclass(slots=True)
class Chosen:
    """`nodes` by the cluster's names."""

    nodes: tuple[Placed, ...]
    pods: list[Pod] = field(default_factory=list)
    services: list[Kept] = field(default_factory=list)
    slices: dict[str, list[Kept]] = field(default_factory=dict)
    """of each Service, by NAMESPACE/NAME"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants of the cluster; "" and () for all of it."""

    only: tuple[str, ...] = ()
    around: str = ""


def choose(objects: Objects, ground: Underlay, asked: Asked, notes: Notes) -> Chosen:
    """UsageError for a node or Service that there is not."""
    slices = slices_by_service(objects)
    nodes = _only(ground, asked.only)
    inside = {one.node.name for one in nodes}
    pods = [pod for pod in objects.pods if pod.node in inside and not pod.host and not _is_dns(pod)]
    services = [one for one in objects.services if one.place not in OWN_SERVICES]
    if asked.around:
        return _around(asked.around, services, slices, pods, nodes, notes)
    if asked.only:
        addresses = {pod.address for pod in pods} | {one.address for one in nodes}
        services = [one for one in services if _touches(slices.get(one.place, []), addresses)]
    return Chosen(nodes, pods, services, {one.place: slices.get(one.place, []) for one in services})


def slices_by_service(objects: Objects) -> dict[str, list[Kept]]:
    """The EndpointSlices of IPv4."""
    found: defaultdict[str, list[Kept]] = defaultdict(list)
    for one in objects.slices:
        if one.labels.get(SERVICE_NAME) and one.spec.get("addressType") == "IPv4":
            found[f"{one.namespace}/{one.labels[SERVICE_NAME]}"].append(one)
    return dict(found)


def endpoints(slices: list[Kept]) -> list[str]:
    """The addresses in them, ready ones first."""
    ready: list[str] = []
    others: list[str] = []
    for one in slices:
        for endpoint in one.spec.get("endpoints") or ():
            is_ready = (endpoint.get("conditions") or {}).get("ready") is not False
            addresses = [found for text in endpoint.get("addresses") or () if (found := ipv4(text))]
            (ready if is_ready else others).extend(addresses)
    return [*dict.fromkeys(ready + others)]


def _is_dns(pod: Pod) -> bool:
    return pod.namespace == "kube-system" and ("k8s-app", "kube-dns") in pod.labels


def _only(ground: Underlay, names: tuple[str, ...]) -> tuple[Placed, ...]:
    if not names:
        return ground.nodes
    known = [one.node.name for one in ground.nodes]
    for name in names:
        if name not in known:
            raise UsageError(f"--only: there is no node {name!r}", did_you_mean(name, known, _some(known)))
    return tuple(one for one in ground.nodes if one.node.name in names)


def _some(names: list[str]) -> str:
    return f"there are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"


def _touches(slices: list[Kept], addresses: set[str]) -> bool:
    """Whether one of its endpoints is there; a Service that has none anywhere is as broken here as there."""
    found = endpoints(slices)
    return not found or any(one in addresses for one in found)


def _around(
    name: str,
    services: list[Kept],
    slices: dict[str, list[Kept]],
    pods: list[Pod],
    nodes: tuple[Placed, ...],
    notes: Notes,
) -> Chosen:
    places = [one.place for one in services]
    wanted = name if "/" in name else f"default/{name}"
    if wanted not in places:
        raise UsageError(f"--around: there is no Service {wanted}", did_you_mean(wanted, places, _some(places)))
    service = services[places.index(wanted)]
    where = {pod.address: pod for pod in pods}
    behind = [where[address] for address in endpoints(slices.get(wanted, [])) if address in where]
    by_name = {one.node.name: one for one in nodes}
    kept = _spread(behind, by_name)
    client = _client(service, behind, kept, pods, by_name)
    chosen = {pod.node for pod in kept} | ({client.node} if client else set())
    fewest = 2
    for one in nodes:  # a Service without endpoints is asked from somewhere all the same
        if len(chosen) >= fewest:
            break
        chosen.add(one.node.name)
    inside = [pod for pod in behind if pod.node in chosen][:AROUND_PODS]
    if len(inside) < len(behind):
        notes.add(f"{wanted} has {len(behind)} pods: {len(inside)} of them, on {len(chosen)} nodes, are in the lab")
    inside += [client] if client else []
    return Chosen(
        tuple(one for one in nodes if one.node.name in chosen), inside, [service], {wanted: slices.get(wanted, [])}
    )


def _spread(behind: list[Pod], nodes: dict[str, Placed]) -> list[Pod]:
    """One pod of each of a few nodes, of other subnets first."""
    found: dict[str, Pod] = {}
    subnets: set[str] = set()
    for fresh in (True, False):
        for pod in behind:
            subnet = nodes[pod.node].subnet
            if len(found) < AROUND_NODES - 1 and pod.node not in found and (subnet not in subnets) is fresh:
                found[pod.node] = pod
                subnets.add(subnet)
    return [*found.values()]


def _client(service: Kept, behind: list[Pod], kept: list[Pod], pods: list[Pod], nodes: dict[str, Placed]) -> Pod | None:
    """Somebody who asks: a pod that is none of its own, on a node of its own and in its namespace if there is one, in
    the subnet of one endpoint.
    """
    own = {pod.place for pod in behind}
    taken = {pod.node for pod in kept}
    near = {nodes[pod.node].subnet for pod in kept}
    others = [pod for pod in pods if pod.place not in own]
    return min(
        others,
        key=lambda pod: (pod.node in taken, pod.namespace != service.namespace, nodes[pod.node].subnet not in near),
        default=None,
    )
