"""The network under the cluster: a bridge per subnet, and nodes, routers, gateway and internet plugged into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.cable import End, cable
from lab.network.ipv4 import Prefix
from lab.network.naming import device_name, mac, port_name
from lab.network.objects import Address, Interface, Namespace, Object, Offload, Sysctl
from lab.network.place_names import UNDERLAY
from lab.network.wiring import GATEWAY, INTERNET, TRANSIT, Wiring, wiring

if TYPE_CHECKING:
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

ETHERNET_MTU = 1500


def namespaces(topology: Topology) -> Iterator[Namespace]:
    """The places that every lab has besides pods."""
    wires = wiring(topology)
    for node, subnet in wires.nodes.items():
        yield Namespace(node, "node", intent=f"node in {subnet}")
    for router, subnets in wires.routers.items():
        yield Namespace(router, "router", intent=f"router between {', '.join(subnets)}")
    yield Namespace(GATEWAY, "gateway", intent="NAT gateway to the internet")
    yield Namespace(INTERNET, "internet", intent="the outside: a web server and a resolver")


def underlay(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    """Settings, bridges, cables and addresses of everything below the cluster. Routes are `routing`'s."""
    wires = wiring(topology)
    mtu = topology.spec.underlay_mtu
    outside_mtu = min(mtu, ETHERNET_MTU)
    yield from _sysctls(topology, wires)
    for subnet, cidr in wires.subnets.items():
        yield _bridge(subnet, mtu, f"subnet {subnet}, {cidr}")
    yield _bridge(TRANSIT, mtu, f"between {wires.first_router} and the gateway, {wires.transit}")
    yield _bridge(INTERNET, outside_mtu, f"the internet, {topology.spec.internet.cidr}")
    for node, subnet in wires.nodes.items():
        yield from _plug(node, "eth0", subnet, mtu, _held(wires, subnet, addresses.nodes[node]))
    for router, subnets in wires.routers.items():
        for number, subnet in enumerate(subnets):
            held = _held(wires, subnet, addresses.routers[router, subnet])
            yield from _plug(router, f"eth{number}", subnet, mtu, held)
    transit, outside = Prefix.of(wires.transit), Prefix.of(topology.spec.internet.cidr)
    first = wires.first_router
    last = f"eth{len(wires.routers[first])}"
    yield from _plug(first, last, TRANSIT, mtu, f"{addresses.router_transit}/{transit.length}")
    yield from _plug(GATEWAY, "eth0", TRANSIT, mtu, f"{addresses.gateway_transit}/{transit.length}")
    yield from _plug(GATEWAY, "eth1", INTERNET, outside_mtu, f"{addresses.gateway_internet}/{outside.length}")
    yield from _plug(INTERNET, "eth0", INTERNET, outside_mtu, f"{addresses.resolver}/{outside.length}")
    yield Address(INTERNET, "eth0", f"{addresses.web}/{outside.length}", intent="the internet's web server")
    yield from _without_offload(topology)


def _without_offload(topology: Topology) -> Iterator[Offload]:
    """Both ends of the cables that the file says it of, so that it counts for either direction."""
    for link in topology.spec.links:
        if link.offload == "off":
            place, _, device = link.on.partition("/")
            intent = f"spec.links: no offload on {link.on}"
            yield Offload(place, device, intent)
            yield Offload(UNDERLAY, port_name(place, device), intent)


def _held(wires: Wiring, subnet: str, address: str) -> str:
    return f"{address}/{Prefix.of(wires.subnets[subnet]).length}"


def _bridge(subnet: str, mtu: int, intent: str) -> Interface:
    name = device_name(subnet)
    return Interface(UNDERLAY, name, "bridge", mac(UNDERLAY, name), mtu, intent=intent)


def _plug(place: str, device: str, subnet: str, mtu: int, address: str) -> Iterator[Object]:
    """A cable from a place into a subnet's bridge, and the place's address there."""
    port = port_name(place, device)
    near = End(UNDERLAY, port, mac(UNDERLAY, port), f"port of {subnet} for {place}")
    yield from cable(near, End(place, device, mac(place, device), f"{place} in {subnet}"), mtu, device_name(subnet))
    yield Address(place, device, address, intent=f"address of {place} in {subnet}")


def _sysctls(topology: Topology, wires: Wiring) -> Iterator[Sysctl]:
    """All that matters, on every place: a fresh namespace inherits some values from the machine's own."""
    nodes = tuple(wires.nodes)
    bridged = "1" if topology.spec.cni.plugin == "flannel" else "0"
    for place in (*nodes, *wires.routers, GATEWAY, INTERNET):
        forwards = "0" if place == INTERNET else "1"
        yield Sysctl(place, "net.ipv4.ip_forward", forwards, intent="forwards packets" if forwards == "1" else "a host")
        for scope in ("all", "default"):
            yield Sysctl(place, f"net.ipv4.conf.{scope}.rp_filter", "0", intent="no reverse path filter")
            yield Sysctl(place, f"net.ipv6.conf.{scope}.disable_ipv6", "1", intent="IPv4 only")
    yield Sysctl(UNDERLAY, "net.ipv6.conf.all.disable_ipv6", "1", intent="a wire has no addresses")
    yield Sysctl(UNDERLAY, "net.ipv6.conf.default.disable_ipv6", "1", intent="a wire has no addresses")
    yield Sysctl(UNDERLAY, "net.bridge.bridge-nf-call-iptables", "0", intent="subnets are wires, no firewalls")
    for node in nodes:
        intent = "pods behind cni0 meet the node's rules" if bridged == "1" else "routed pods need no bridge filter"
        yield Sysctl(node, "net.bridge.bridge-nf-call-iptables", bridged, intent=intent)
