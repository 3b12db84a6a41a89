"""What should work in a lab: requests between places of every kind, few of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, permutations

from lab.map.labmap import LabMap
from lab.map.place import Place

LARGE = 20_000  # bytes of an answer: what fills frames
MOST_PAIRS, MOST_SERVICES, MOST_NODES = 12, 12, 6  # of each kind; more are drawn out of all, evenly
WEB_PORT, API_PORT = 80, 443


@dataclass(frozen=True, slots=True)
class Errand:
    """A request, as `trace` takes it; `about` says what works if it is answered."""

    about: str
    source: str
    to: str
    protocol: str = "tcp"
    size: int = 0

    @property
    def words(self) -> str:
        """`namespace001/pod-0 → namespace001/pod-3 (20 kB)`."""
        how = [self.protocol] if self.protocol != "tcp" else []
        how += [f"{self.size // 1000} kB"] if self.size else []
        return f"{self.source} → {self.to}{f' ({chr(44).join(how)})' if how else ''}"


def errands(labmap: LabMap) -> tuple[tuple[Errand, ...], int]:
    """Those that are asked, and how many there would be."""
    groups = [
        list(_nodes(labmap)),
        list(_pods(labmap)),
        list(_large(labmap)),
        list(_services(labmap)),
        list(_node_ports(labmap)),
        list(_names(labmap)),
        list(_outside(labmap)),
    ]
    most = (MOST_PAIRS, MOST_PAIRS, MOST_PAIRS // 2, MOST_SERVICES, MOST_SERVICES // 2, MOST_SERVICES, MOST_PAIRS)
    asked = [one for group, limit in zip(groups, most, strict=True) for one in _some(group, limit)]
    return tuple(asked), sum(map(len, groups))


def _some(found: list[Errand], most: int) -> Iterable[Errand]:
    """All, or as many out of them, evenly."""
    return found if len(found) <= most else [found[len(found) * number // most] for number in range(most)]


def _serving(labmap: LabMap) -> dict[str, list[Place]]:
    """The ready pods that are not the cluster's own, by node."""
    found: dict[str, list[Place]] = {}
    for pod in labmap.of_kind("pod"):
        if pod.ready and pod.name not in labmap.dns.pods and not pod.name.startswith("kube-system/"):
            found.setdefault(pod.node, []).append(pod)
    return found


def _asking(labmap: LabMap) -> list[Place]:
    """One pod of each node."""
    return [pods[0] for pods in _serving(labmap).values()]


def _nodes(labmap: LabMap) -> Iterator[Errand]:
    for one, other in permutations(labmap.of_kind("node"), 2):
        same = set(one.subnets) & set(other.subnets)
        yield Errand(f"nodes of {'one subnet' if same else 'different subnets'}", one.name, other.name, "icmp")


def _pods(labmap: LabMap) -> Iterator[Errand]:
    by_node = _serving(labmap)
    for pods in by_node.values():
        if len(pods) > 1:
            yield Errand("pods of one node", pods[0].name, pods[1].name)
    for one, other in permutations(by_node.values(), 2):
        yield Errand(_apart(labmap, one[0], other[0]), one[0].name, other[0].name)


def _apart(labmap: LabMap, one: Place, other: Place) -> str:
    subnets = [set(labmap.by_name[pod.node].subnets) for pod in (one, other)]
    return f"pods of {'one subnet' if subnets[0] & subnets[1] else 'different subnets'}"


def _large(labmap: LabMap) -> Iterator[Errand]:
    """An answer that fills frames, in either direction."""
    for one, other in permutations(_asking(labmap), 2):
        yield Errand("large answers", one.name, other.name, size=LARGE)


def _services(labmap: LabMap) -> Iterator[Errand]:
    """Every Service that somebody stands behind, from one pod of each of a few nodes; the API, which says nothing to
    strangers, from one alone.
    """
    for number, pod in enumerate(islice(_asking(labmap), MOST_NODES)):
        for service in labmap.services:
            port = next((port for port in service.ports if port.preferred and port.protocol in ("TCP", "UDP")), None)
            if port is None or not service.cluster_ip or service.left_to:
                continue
            if service.cluster_ip == labmap.dns.service_ip:
                yield Errand("Services", pod.name, service.cluster_ip, "dns")
            elif port.protocol == "TCP" and (number == 0 or port.port != API_PORT):
                yield Errand("Services", pod.name, f"{service.cluster_ip}:{port.port}")


def _node_ports(labmap: LabMap) -> Iterator[Errand]:
    """From outside of the cluster. Under a Local policy a load balancer leaves out the nodes without a pod; who asks a
    NodePort Service asks any.
    """
    for service, port in labmap.by_node_port.values():
        if port.protocol != "TCP" or not port.preferred or service.left_to:
            continue
        holding = {labmap.node_of(one) for one in port.preferred}
        for node in labmap.of_kind("node"):
            if service.external_policy != "Local" or service.type == "NodePort" or node.name in holding:
                for gateway in labmap.of_kind("gateway"):
                    yield Errand("node ports", gateway.name, f"{node.address}:{port.node_port}")


def _names(labmap: LabMap) -> Iterator[Errand]:
    """Short, through the search list, and outside."""
    named = next((one for one in labmap.services if one.cluster_ip and any(port.preferred for port in one.ports)), None)
    for pod in islice(_asking(labmap), MOST_NODES):
        if not labmap.dns.service_ip or labmap.dns.service_ip not in labmap.resolver(pod).asked:
            continue
        if named is not None:
            port = next(port.port for port in named.ports if port.preferred)
            namespace = pod.name.partition("/")[0]
            name = named.name if named.namespace == namespace else f"{named.name}.{named.namespace}"
            protocol = "dns" if port == 53 else "tcp"
            if protocol == "tcp":
                yield Errand("names of the cluster", pod.name, f"{name}:{port}")
        if labmap.internet:
            yield Errand("names outside", pod.name, f"{labmap.internet[0].name}:{WEB_PORT}")


def _outside(labmap: LabMap) -> Iterator[Errand]:
    for node in labmap.of_kind("node"):
        if labmap.internet:
            yield Errand("the internet", node.name, f"{labmap.internet[0].address}:{WEB_PORT}")
