"""Devices, neighbours and forwarding entries that are not as the network plugin made them."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.difference import At, Difference, Given
from lab.faults.fault import Fault, Parameter, Rewrite
from lab.faults.ground import Ground
from lab.network.objects import FdbEntry, Interface, IpSet, Neighbour, Route

STRANGER = "02:00:00:00:00:99"
UNDERLAY_MTU = 1500
IANA_PORT = 4789
ALLOWED = "cali40all-vxlan-net"
OUTER, OUTSIDE = "eth0", "eth1"  # towards the others; the gateway's towards the internet


def _far_neighbour(ground: Ground, node: str) -> Neighbour | None:
    """Of a tunnel's neighbour entries the one of the node that is farthest."""
    link = ground.vxlan(node)
    entries = [item for item in ground.held(node, Neighbour) if link and item.device == link[0].name]
    tunnels = {ground.addresses.tunnels.get(other): number for number, other in enumerate(ground.others(node))}
    return min(entries, key=lambda one: tunnels.get(one.address, len(tunnels)), default=None)


def _wrong_mac(ground: Ground, place: str, _: Given) -> Difference:
    found = _far_neighbour(ground, place)
    return Difference(objects=(replace(found, mac=STRANGER),)) if found else Difference()


def _far_entry(ground: Ground, node: str) -> FdbEntry | None:
    found = _far_neighbour(ground, node)
    entries = (item for item in ground.held(node, FdbEntry) if found and item.mac == found.mac)
    return next(entries, None)


def _fdb_to_nowhere(ground: Ground, place: str, _: Given) -> Difference:
    found = _far_entry(ground, place)
    if found is None:
        return Difference()
    subnet = found.remote.rpartition(".")[0]
    return Difference(objects=(replace(found, remote=f"{subnet}.250"),))


def _fdb_missing(ground: Ground, place: str, _: Given) -> Difference:
    found = _far_entry(ground, place)
    return Difference(gone=(found.key,)) if found else Difference()


def _vni(ground: Ground, place: str, given: Given) -> Difference:
    found = ground.vxlan(place)
    if found is None:
        return Difference()
    link, vxlan = found
    return Difference(objects=(replace(link, vxlan=replace(vxlan, vni=int(given["vni"]))),))


def _port(ground: Ground, place: str, given: Given) -> Difference:
    found = ground.vxlan(place)
    if found is None:
        return Difference()
    link, vxlan = found
    port = int(given["port"])
    other = port if port != vxlan.port else IANA_PORT
    return Difference(objects=(replace(link, vxlan=replace(vxlan, port=other)),))


def _mtu_blackhole(ground: Ground, _: str, __: Given) -> Difference:
    """Pods that send what is too large for the tunnel, and a node that tells none of its own so."""
    changed = [replace(link, mtu=UNDERLAY_MTU) for pod in ground.pods if (link := ground.link(pod, OUTER))]
    return Difference(
        (At("filter", "OUTPUT", "-p icmp --icmp-type fragmentation-needed -j DROP"),), objects=tuple(changed)
    )


def _tunnel_down(ground: Ground, place: str, _: Given) -> Difference:
    return _down(ground, place, ground.tunnel(place))


def _gateway_down(ground: Ground, place: str, _: Given) -> Difference:
    return _down(ground, place, ground.link(place, OUTSIDE))


def _down(ground: Ground, place: str, link: Interface | None) -> Difference:
    """The kernel takes the device's routes and neighbours with it."""
    if link is None:
        return Difference()
    routes = (item.key for item in ground.held(place, Route) if item.device == link.name)
    neighbours = (item.key for item in ground.held(place, Neighbour) if item.device == link.name)
    return Difference(objects=(replace(link, up=False),), gone=(*routes, *neighbours))


def _allowed(ground: Ground, node: str) -> IpSet | None:
    return next((item for item in ground.held(node, IpSet) if item.name == ALLOWED), None)


def _member_missing(ground: Ground, place: str, _: Given) -> Difference:
    held = _allowed(ground, place)
    if held is None or not ground.others(place):
        return Difference()
    missing = ground.addresses.nodes[ground.others(place)[0]]
    return Difference(objects=(replace(held, members=tuple(one for one in held.members if one != missing)),))


def _hairpin_off(ground: Ground, place: str, _: Given) -> Difference:
    ports = [item for item in ground.held(place, Interface) if item.hairpin]
    return Difference(objects=tuple(replace(item, hairpin=False) for item in ports))


def _beside(ground: Ground, pod: str) -> Interface | None:
    """The interface of another pod of the same node."""
    node = ground.node_of(pod) if pod in ground.pods else ""
    others = (one for one in ground.pods if one != pod and ground.node_of(one) == node)
    return next((link for one in others if (link := ground.link(one, OUTER)) and link.mac), None)


def _same_mac(ground: Ground, place: str, _: Given) -> Difference:
    link, other = ground.link(place, OUTER), _beside(ground, place)
    return Difference(objects=(replace(link, mac=other.mac),)) if link and other else Difference()


FAULTS = (
    Fault(
        "wrong-vtep-mac",
        "the neighbour entry of another node's tunnel has a MAC that nobody has",
        "flannel-io/flannel#1155",
        "packets arrive at the other node and are not for it",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Rewrite(_wrong_mac),
    ),
    Fault(
        "stale-fdb",
        "a forwarding entry still leads to a node's former address",
        "flannel-io/flannel#1795",
        "packets for one node's pods leave for an address where nobody is",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Rewrite(_fdb_to_nowhere),
    ),
    Fault(
        "fdb-missing",
        "the forwarding entry of another node's tunnel is missing",
        "many",
        "packets for one node's pods end in the tunnel's device",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Rewrite(_fdb_missing),
    ),
    Fault(
        "vni-differs",
        "one node's tunnel has another VXLAN number",
        "flannel and Calico side by side",
        "what the node's pods send is not for any device of the others, nor the other way round",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Rewrite(_vni),
        (Parameter("vni", 77, 1, 16_777_215, "the VXLAN number"),),
    ),
    Fault(
        "vxlan-port-differs",
        "one node's tunnel speaks on another UDP port",
        "4789 here and 8472 there: Linux' own default, which flannel uses",
        "nobody listens on the port to which the node sends",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Rewrite(_port),
        (Parameter("port", 8472, 1, 65_535, "the UDP port"),),
    ),
    Fault(
        "mtu-blackhole",
        "pods have a larger MTU than the tunnel, and a firewall drops the message that says so",
        "k8s-at-home pod-gateway#33, and many",
        "ping and small requests work, large ones hang",
        "a node with a VXLAN tunnel and a pod",
        lambda ground: tuple(
            node for node in ground.vxlan_nodes if any(ground.node_of(pod) == node for pod in ground.pods)
        ),
        Rewrite(_mtu_blackhole),
    ),
    Fault(
        "tunnel-down",
        "the tunnel's device is down, since another program had its port",
        "kubernetes/kubernetes#121530",
        "the node's routes through the tunnel are gone with it",
        "a node with a tunnel",
        lambda ground: ground.tunnel_nodes,
        Rewrite(_tunnel_down),
    ),
    Fault(
        "tunnel-host-unknown",
        "another node's address is missing from Calico's set of tunnel hosts",
        "confidential-containers/cloud-api-adaptor#244",
        "what that node sends through the tunnel is dropped",
        "a node with Calico's VXLAN",
        lambda ground: tuple(node for node in ground.vxlan_nodes if _allowed(ground, node)),
        Rewrite(_member_missing),
    ),
    Fault(
        "hairpin-off",
        "the bridge does not send a frame back to the port that it came from",
        "kubernetes/kubernetes#20475",
        "a pod reaches its own Service only when another pod is chosen",
        "a node with flannel's bridge",
        lambda ground: ground.of_kind("node") if ground.is_bridged else (),
        Rewrite(_hairpin_off),
    ),
    Fault(
        "duplicate-mac",
        "two pods behind one bridge have the same MAC",
        "images of machines that were copied, and weaveworks/weave#3438",
        "what is for one of them now and then goes to the other",
        "a pod on flannel's bridge with another one beside it",
        lambda ground: tuple(pod for pod in ground.pods if ground.is_bridged and _beside(ground, pod)),
        Rewrite(_same_mac),
    ),
    Fault(
        "gateway-down",
        "the NAT gateway has lost its line to the internet",
        "many",
        "everything inside works, nothing outside is reached",
        "the gateway",
        lambda ground: ground.of_kind("gateway"),
        Rewrite(_gateway_down),
    ),
)
