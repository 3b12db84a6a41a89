"""Small clusters for the network's tests, made by hand: nothing is read, nothing is parsed."""

from __future__ import annotations

from dataclasses import dataclass

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, Pod, PodDns, PortEndpoints, Service, ServicePort
from lab.network.design import Addresses, assign, design
from lab.network.objects import Address, Chain, FdbEntry, Interface, Neighbour, Network, Route, Sysctl
from lab.topology.schema import Cni, Metadata, Node, Router, Spec, Subnet, Topology
from lab.topology.wires import Firewall

CALICO = Cni()
SUBNET_A = Subnet(name="subnet-a", cidr="10.0.1.0/24")
SUBNET_B = Subnet(name="subnet-b", cidr="10.0.2.0/24")
SUBNET_C = Subnet(name="subnet-c", cidr="10.0.3.0/24")


@dataclass(frozen=True)
class Lab:
    """A designed lab, with what a test asks of it."""

    topology: Topology
    cluster: Cluster
    addresses: Addresses
    network: Network

    def routes(self, place: str) -> dict[str, Route]:
        return {item.destination: item for item in self.network if isinstance(item, Route) and item.place == place}

    def interfaces(self, place: str) -> dict[str, Interface]:
        return {item.name: item for item in self.network if isinstance(item, Interface) and item.place == place}

    def held(self, place: str, device: str) -> list[str]:
        found = (item for item in self.network if isinstance(item, Address))
        return [item.address for item in found if (item.place, item.device) == (place, device)]

    def neighbours(self, place: str) -> set[Neighbour]:
        return {item for item in self.network if isinstance(item, Neighbour) and item.place == place}

    def forwarding(self, place: str) -> set[FdbEntry]:
        return {item for item in self.network if isinstance(item, FdbEntry) and item.place == place}

    def settings(self, place: str) -> dict[str, str]:
        return {item.name: item.value for item in self.network if isinstance(item, Sysctl) and item.place == place}

    def rules(self, place: str, table: str, chain: str) -> list[str]:
        item = self.network.by_key[("chain", place, table, chain)]
        assert isinstance(item, Chain)
        return [rule.text for rule in item.rules]


def spec(
    nodes: dict[str, str],
    subnets: tuple[Subnet, ...] = (SUBNET_A, SUBNET_B),
    routers: tuple[Router, ...] = (),
    cni: Cni = CALICO,
    firewalls: tuple[Firewall, ...] = (),
) -> Topology:
    """A topology of these nodes, each with the subnet it stands in."""
    stand = tuple(Node(name=name, subnet=subnet) for name, subnet in nodes.items())
    named = Spec(subnets=subnets, nodes=stand, routers=routers, cni=cni, firewalls=firewalls)
    return Topology(metadata=Metadata(name="test"), spec=named)


def cluster(
    topology: Topology, *pods: Pod, services: tuple[Service, ...] = (), slices: tuple[EndpointSlice, ...] = ()
) -> Cluster:
    """A cluster of these pods on the topology's nodes."""
    namespaces = dict.fromkeys(("default", "kube-system", *(pod.namespace for pod in pods)))
    return Cluster(tuple(node.name for node in topology.spec.nodes), tuple(namespaces), pods, services, slices)


def made(topology: Topology, cluster_: Cluster, previous: Addresses | None = None) -> Lab:
    addresses = assign(topology, cluster_, previous)
    return Lab(topology, cluster_, addresses, design(topology, cluster_, addresses))


def two_subnet(cni: Cni = CALICO, firewalls: tuple[Firewall, ...] = ()) -> Lab:
    """node-0 (pod-0, pod-1, a DNS pod) and node-1 (pod-2) in subnet-a, node-2 (pod-3) in subnet-b."""
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-a", "node-2": "subnet-b"}, cni=cni, firewalls=firewalls)
    pods = (
        Pod("kube-system", "dns-0", "node-0", system="dnsmasq", dns=PodDns("Default")),
        Pod("namespace001", "pod-0", "node-0"),
        Pod("namespace001", "pod-1", "node-0"),
        Pod("namespace001", "pod-2", "node-1", labels=(("app", "myapp"),)),
        Pod("namespace001", "pod-3", "node-2", labels=(("app", "myapp"),)),
    )
    services = (
        Service("kube-system", "kube-dns", "ClusterIP", "172.16.0.10", (ServicePort("dns", "UDP", 53, 53),)),
        Service("namespace001", "myapp", "ClusterIP", "172.16.10.10", (ServicePort("http", "TCP", 80, 8080),)),
    )
    endpoints = tuple(Endpoint(pod=pod.place, node=pod.node) for pod in pods if pod.labels)
    slices = (EndpointSlice("namespace001", "myapp-1", "myapp", (PortEndpoints("http", "TCP", 8080, endpoints),)),)
    return made(topology, cluster(topology, *pods, services=services, slices=slices))
