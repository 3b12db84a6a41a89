"""What nodes, routers, gateway and internet are called, and whom they ask for names: the internet's resolver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.dns.resolver import HostsEntry, Resolver
from lab.network.objects import File
from lab.network.place_names import OWN_FILES, netns_name
from lab.network.wiring import GATEWAY, INTERNET

if TYPE_CHECKING:
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

LOCALHOST = (HostsEntry("127.0.0.1", ("localhost",)), HostsEntry("::1", ("localhost", "ip6-localhost", "ip6-loopback")))


def machine_resolver(addresses: Addresses) -> Resolver:
    """What the resolv.conf of every machine says; a pod with dnsPolicy Default has its node's."""
    return Resolver((addresses.resolver,))


def machines(topology: Topology, addresses: Addresses) -> Iterator[tuple[str, str]]:
    """Every place that is no pod, with the address that its own name has."""
    yield from addresses.nodes.items()
    for router in topology.spec.routers:
        yield router.name, addresses.routers[router.name, router.subnets[0]]
    yield GATEWAY, addresses.gateway_transit
    yield INTERNET, addresses.resolver


def files(topology: Topology, addresses: Addresses) -> Iterator[File]:
    """What `ip netns exec` and the lab's own commands put over /etc there."""
    resolver = machine_resolver(addresses).to_text()
    for place, address in machines(topology, addresses):
        folder = f"{OWN_FILES}/{netns_name(place)}"
        entries = (*LOCALHOST, HostsEntry(address, (place,)))
        yield File(place, f"{folder}/resolv.conf", resolver, "a machine asks the internet's resolver")
        yield File(place, f"{folder}/hosts", "".join(entry.to_text() for entry in entries), "the machine's own name")
        yield File(place, f"{folder}/hostname", f"{place}\n", "the machine's own name")
