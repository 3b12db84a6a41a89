"""What stands where in a lab, as a drawing needs it: nodes by subnet, pods by node, cables, and who tunnels to whom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from lab.map.labmap import LabMap
from lab.map.place import Link, Place, Subnet
from lab.map.services import Service
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED, TUNNELS

MOST_ENDPOINTS = 3


@dataclass(frozen=True, slots=True)
class Cable:
    """A place's interface and the segment (bridge) it is plugged into."""

    place: str
    link: Link
    segment: str

    @property
    def address(self) -> str:
        """The first one, with its prefix length, or ""."""
        return "".join(self.link.addresses[:1])


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The overlay: which nodes send to another node through it, by which of their devices."""

    label: str
    devices: dict[str, Link]


@dataclass(frozen=True, slots=True)
class Structure:
    """`machines` are routers, gateway and internet, in that order; `cables` are theirs and the nodes'."""

    subnets: tuple[tuple[Subnet, tuple[Place, ...]], ...]
    machines: tuple[Place, ...]
    pods: dict[str, tuple[Place, ...]]
    cables: tuple[Cable, ...]
    tunnel: Tunnel | None

    def between_machines(self) -> tuple[tuple[Cable, ...], ...]:
        """The ends of each segment that is no subnet, in the machines' order: router, gateway, internet."""
        subnets = {subnet.bridge for subnet, _ in self.subnets}
        order = {place.name: i for i, place in enumerate(self.machines)}
        segments: defaultdict[str, list[Cable]] = defaultdict(list)
        for cable in self.cables:
            if cable.segment not in subnets and cable.place in order:
                segments[cable.segment].append(cable)
        return tuple(tuple(sorted(ends, key=lambda end: order[end.place])) for ends in segments.values())

    def cables_down(self, place: str) -> tuple[Cable, ...]:
        """A place's cables into subnets, in the subnets' order."""
        order = {subnet.bridge: i for i, (subnet, _) in enumerate(self.subnets)}
        own = [cable for cable in self.cables if cable.place == place and cable.segment in order]
        return tuple(sorted(own, key=lambda cable: order[cable.segment]))

    def cables_aside(self, place: str) -> tuple[Cable, ...]:
        """A place's cables into segments that are no subnet."""
        return tuple(end for ends in self.between_machines() for end in ends if end.place == place)


def structure(lab: LabMap) -> Structure:
    """The structure of a lab; a node that is on several subnets stands in the first."""
    nodes: defaultdict[str, list[Place]] = defaultdict(list)
    pods: defaultdict[str, list[Place]] = defaultdict(list)
    for place in lab.places:
        if place.kind == "node":
            nodes["".join(place.subnets[:1])].append(place)
        elif place.kind == "pod":
            pods[place.node].append(place)
    underlay = lab.by_name.get(UNDERLAY)
    plugged = {(link.peer_place, link.peer_name): link.master for link in underlay.links} if underlay else {}
    return Structure(
        subnets=tuple((subnet, tuple(nodes[subnet.name])) for subnet in lab.subnets),
        machines=(*lab.of_kind("router"), *lab.of_kind("gateway"), *lab.of_kind("internet")),
        pods={node: tuple(found) for node, found in pods.items()},
        cables=tuple(
            Cable(place.name, link, segment)
            for place in lab.places
            for link in place.links
            if (segment := plugged.get((place.name, link.name), ""))
        ),
        tunnel=_tunnel(lab),
    )


def _tunnel(lab: LabMap) -> Tunnel | None:
    """Seen from the nodes' routes: a device that no route leads through carries nothing."""
    devices: dict[str, Link] = {}
    for node in lab.of_kind("node"):
        used = {way.device for way in node.routes}
        for link in node.links:
            if link.kind in TUNNELS and link.name in used:
                devices[node.name] = link
    if not devices:
        return None
    first = next(iter(devices.values()))
    what = {
        "vxlan": f"VXLAN, VNI {first.vni}, UDP port {first.port}",
        "ipip": "IPIP, IP protocol 4",
        SEALED: f"WireGuard, UDP port {first.port}",
    }[first.kind]
    crossing = first.kind != SEALED and lab.encapsulation.endswith("CrossSubnet")
    who = "nodes of different subnets" if crossing else "nodes"
    return Tunnel(f"{what}: tunnel between {who}", devices)


def addresses_of(place: Place) -> tuple[str, ...]:
    """A line per interface that has an address: `eth0 10.0.1.10/24`."""
    return tuple(f"{link.name} {', '.join(link.addresses)}" for link in place.links if link.addresses)


def host_end(pod: Place) -> str:
    """The node's end of a pod's veth, "" when it is not known."""
    return next((link.peer_name for link in pod.links if link.peer_place == pod.node), "")


def shown_pods(found: Structure, node: str) -> tuple[tuple[Place, ...], int]:
    """The first pods of a node, and how many are left out: the more nodes, the fewer pods of each."""
    pods = found.pods.get(node, ())
    nodes = sum(len(group) for _, group in found.subnets)
    most = 6 if nodes <= 6 else 3
    return (pods, 0) if len(pods) <= most else (pods[:most], len(pods) - most)


def service_lines(service: Service) -> tuple[str, ...]:
    """A Service as lines of text: its name, and each port with the first of the endpoints it leads to."""
    if service.external_name:
        return service.full_name, f"is {service.external_name}"
    lines = [service.full_name]
    for port in service.ports:
        lines.append(f"{service.cluster_ip or 'headless'}:{port.port}/{port.protocol}")
        ready = [
            " ".join(filter(None, ("→", one.pod.rpartition("/")[2], f"{one.address}:{one.port}")))
            for one in port.endpoints
            if one.ready
        ]
        lines += ready[:MOST_ENDPOINTS] or ["→ nobody is ready"]
        if len(ready) > MOST_ENDPOINTS:
            lines.append(f"+ {len(ready) - MOST_ENDPOINTS} more")
    return tuple(lines)
