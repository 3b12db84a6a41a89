"""Makes the map of a lab from its design."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.cluster.objects import CLUSTER_FIRST, PROXY_NAME
from lab.map import behind
from lab.map.labmap import LabMap
from lab.map.names import Dns, HostName
from lab.map.place import Link, Place, Subnet, Way, Written
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.dns import pod_names
from lab.network.dns.resolver import HostsEntry, Resolver
from lab.network.ipv4 import Prefix, number
from lab.network.objects import (
    Address,
    FdbEntry,
    Interface,
    Listener,
    Namespace,
    Neighbour,
    Network,
    Route,
    RoutingRule,
    WireguardDevice,
)
from lab.network.place_names import UNDERLAY
from lab.network.pods import cluster_dns
from lab.network.underlay.machine_names import machine_resolver
from lab.network.underlay.saved_machine import held_by
from lab.topology.defaults import complete, pools_of

if TYPE_CHECKING:
    from lab.cluster import objects as cluster_objects
    from lab.cluster.objects import Cluster
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology


NOT_READY = "not ready"
SAID_SO = "its EndpointSlice says that it is not ready"
TERMINATING = "terminating"
LAST_RESORT = "terminating, still serving: a last resort"
NOTHING_SAID: Mapping[str, str] = {}


def lab_map(
    topology: Topology,
    cluster: Cluster,
    addresses: Addresses,
    network: Network,
    lab: str = "",
    unready: Mapping[str, str] = NOTHING_SAID,
) -> LabMap:
    """The map of a designed lab; `lab` is the running instance's name, the topology's own when not given.

    `unready` says why pods are not ready, in words, by their places: a design does not know.
    """
    spec = complete(topology).spec
    held: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    ways: defaultdict[str, list[Way]] = defaultdict(list)
    links: defaultdict[str, list[Link]] = defaultdict(list)
    encrypting: dict[tuple[str, str], WireguardDevice] = {}
    asked_first = {(item.place, item.table) for item in network if isinstance(item, RoutingRule) and item.for_all}
    written: defaultdict[str, list[Written]] = defaultdict(list)
    for item in network if spec.machines else ():
        if isinstance(item, Route | Neighbour | FdbEntry) and held_by(item.intent):
            written[item.place].append(Written(Written.words(item.key), item.intent))
    for item in network:
        if isinstance(item, Address):
            held[item.place, item.device].append(item.address)
        elif isinstance(item, Route):
            if not item.table or (item.place, item.table) in asked_first:
                ways[item.place].append(_way(item))
        elif isinstance(item, WireguardDevice):
            encrypting[item.place, item.device] = item
    for item in network:
        # A dummy device leads nowhere, and what it holds are no addresses of the place's, but of Services.
        if isinstance(item, Interface) and item.kind != "dummy":
            link = _link(item, tuple(held[item.place, item.name]))
            if own := encrypting.get((item.place, item.name)):
                link = replace(link, local=addresses.nodes[item.place], port=own.port, mark=own.mark)
            links[item.place].append(link)
    wires = {(link.peer_place, link.peer_name): link.master for link in links[UNDERLAY] if link.master}
    subnets = tuple(Subnet(one.name, one.cidr, _bridge(one.cidr, links, wires)) for one in spec.subnets)
    named = {subnet.bridge: subnet.name for subnet in subnets}
    ready = {pod.place: pod.ready for pod in cluster.pods}
    deployments = {pod.place: pod.owner for pod in cluster.pods if pod.owner}
    why = {place: unready.get(place, NOT_READY) for place, is_ready in ready.items() if not is_ready}
    named_as = {pod.place: _names(pod, spec.dns.domain, cluster, addresses) for pod in cluster.pods if _is_unusual(pod)}
    unobeyed = {pod.place: pod.unobeyed for pod in cluster.pods if pod.unobeyed}
    places = [
        Place(
            item.place,
            item.kind,
            item.node,
            ready.get(item.place, True),
            tuple(named[w] for k in links[item.place] if (w := wires.get((item.place, k.name), "")) in named),
            tuple(links[item.place]),
            tuple(ways[item.place]),
            why.get(item.place, ""),
            cluster.zone_of.get(item.place, ""),
            *named_as.get(item.place, _AS_USUAL),
            unobeyed.get(item.place, ()),
            deployments.get(item.place, ""),
            tuple(written[item.place]),
        )
        for item in network
        if isinstance(item, Namespace)
    ]
    if all(place.name != UNDERLAY for place in places):
        places.append(Place(UNDERLAY, UNDERLAY, links=tuple(links[UNDERLAY])))
    slices: defaultdict[tuple[str, str], list[cluster_objects.EndpointSlice]] = defaultdict(list)
    for piece in cluster.slices:
        slices[piece.namespace, piece.service].append(piece)
    heard = _heard(network)
    services = tuple(
        _service(service, slices[service.namespace, service.name], addresses, unready, cluster, heard)
        for service in cluster.services
    )
    dns_service = next((one.cluster_ip for one in services if one.full_name == "kube-system/kube-dns"), "")
    return LabMap(
        lab=lab or topology.metadata.name,
        encapsulation=spec.cni.encapsulation or "",
        subnets=subnets,
        places=tuple(places),
        services=services,
        dns=Dns(
            spec.dns.domain, dns_service, tuple(pod.place for pod in cluster.pods if pod.system), addresses.resolver
        ),
        internet=tuple(HostName(name, addresses.web) for name in spec.internet.names),
        service_cidr=spec.services.cidr,
        unmasked=tuple(pool.cidr for pool in pools_of(spec.cni) if not pool.nat_outgoing),
    )


def _heard(network: Network) -> behind.Heard:
    """Where the built-in servers listen."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for item in network:
        if isinstance(item, Listener):
            found[item.place].append((item.protocol, item.port))
    return found


_Names = tuple[Resolver | None, str, tuple[HostsEntry, ...]]
_AS_USUAL: _Names = (None, "", ())


def _is_unusual(pod: cluster_objects.Pod) -> bool:
    """Whether its names or its resolver are other than its place's name and namespace tell."""
    return (
        bool(pod.hostname or pod.subdomain or pod.host_aliases or pod.host_network or pod.dns != CLUSTER_FIRST)
        or len(pod.name) > pod_names.LONGEST_LABEL
    )


def _names(pod: cluster_objects.Pod, domain: str, cluster: Cluster, addresses: Addresses) -> _Names:
    """Its resolver, host name and hosts, as its files say them."""
    resolver = pod_names.resolver(pod, domain, cluster_dns(cluster), machine_resolver(addresses))
    hosts = tuple(pod_names.hosts(pod, domain, addresses.pods[pod.place]))
    return resolver, pod_names.host_name(pod, domain), hosts


def _link(item: Interface, addresses: tuple[str, ...]) -> Link:
    tunnel = item.vxlan or item.ipip
    return Link(
        item.name,
        item.kind,
        item.mac,
        addresses,
        item.master,
        item.peer_place,
        item.peer_name,
        tunnel.local if tunnel else "",
        item.vxlan.vni if item.vxlan else 0,
        item.vxlan.port if item.vxlan else 0,
        item.mtu,
    )


def _way(item: Route) -> Way:
    """Of a route with several next hops the first: which of them a packet takes, nobody can say before."""
    hop = item.hops[0] if item.hops else item
    return Way(item.destination, hop.via, hop.device, item.type, item.table)


def _bridge(cidr: str, links: Mapping[str, list[Link]], wires: Mapping[tuple[str, str], str]) -> str:
    """The bridge of a subnet: the wire of any interface that has an address in it."""
    subnet = Prefix.of(cidr)
    for (place, name), wire in wires.items():
        for link in links[place]:
            if link.name == name and any(number(address.partition("/")[0]) in subnet for address in link.addresses):
                return wire
    return ""


def _service(
    service: cluster_objects.Service,
    slices: Iterable[cluster_objects.EndpointSlice],
    addresses: Addresses,
    unready: Mapping[str, str],
    cluster: Cluster,
    heard: behind.Heard,
) -> Service:
    """The Service with its endpoints resolved to addresses through its slices. One in two of them is ready if either
    says so, as for kube-proxy.
    """
    found: defaultdict[tuple[str, str], dict[tuple[str, int], Endpoint]] = defaultdict(dict)
    for port in (port for piece in slices for port in piece.ports):
        known = found[port.port, port.protocol]
        for end in port.endpoints:
            made = _endpoint(end, addresses, port.target, unready)
            if made.ready or (made.address, made.port) not in known:
                known[made.address, made.port] = made
    ports = []
    for index, one in enumerate(service.ports):
        there = tuple(found[one.name, one.protocol].values())
        told = behind.reason(service, index, there, cluster, heard)
        ports.append(ServicePort(one.port, one.protocol, one.name, one.node_port, there, told.why, told.mends))
    return Service(
        service.namespace,
        service.name,
        service.cluster_ip,
        service.type,
        service.external_name,
        tuple(ports),
        service.external_ips,
        service.load_balancer_ips,
        service.internal_policy,
        service.external_policy,
        "" if service.proxy is None else f"{PROXY_NAME}={service.proxy}",
    )


def _endpoint(one: cluster_objects.Endpoint, addresses: Addresses, target: int, unready: Mapping[str, str]) -> Endpoint:
    address = one.address or addresses.pod(one.pod)
    if one.ready:
        node = "" if one.pod else one.node
        return Endpoint(address, target, one.pod, node=node, for_nodes=one.for_nodes, for_zones=one.for_zones)
    if one.terminating:
        why = LAST_RESORT if one.serving else TERMINATING
    else:
        why = unready.get(one.pod, NOT_READY) if one.pod else SAID_SO
    serving = one.serving and one.terminating
    return Endpoint(address, target, one.pod, False, serving, one.terminating, "" if one.pod else one.node, why)
