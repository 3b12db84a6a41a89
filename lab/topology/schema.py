"""What a person writes in the Topology document, as pydantic models. Field names are those of the file.

The descriptions are what an editor shows beside the field: schema_export.py makes topologies/schema.json of them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from lab.topology.broken import Broken
from lab.topology.expect.expectation import Expectation
from lab.topology.field_errors import refusal
from lab.topology.handed.drifted import Drifted
from lab.topology.handed.kept import Kept
from lab.topology.model import Model, Port
from lab.topology.names import LABEL_KEY, LABEL_VALUE, DnsName, Name
from lab.topology.prefixes import AnyPrefix, HostAddress, Prefix
from lab.topology.real_machines import Machine
from lab.topology.wires import Firewall, Link

Encapsulation = Literal["VXLANCrossSubnet", "VXLAN", "IPIPCrossSubnet", "IPIP", "None"]
Mtu = Annotated[int, Field(ge=576, le=65535, strict=True)]
FileName = Annotated[str, Field(min_length=1, max_length=4096)]
LabelKey = Annotated[str, Field(pattern=LABEL_KEY)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE)]

ZONE = "topology.kubernetes.io/zone"
"""The label that says which zone a node is in."""


class Subnet(Model):
    """A layer-2 segment of the underlay; its bridge has the subnet's name."""

    name: Name = Field(description="Name of the subnet, by which nodes and routers refer to it.")
    cidr: Prefix = Field(description="Its IPv4 prefix, such as 10.0.1.0/24. Routers have the first addresses of it.")


class Router(Model):
    """Joins subnets. The first subnet's first address is the router's, and so on for each."""

    name: Name = Field(description="Name of the router; also its place in commands such as `exec`.")
    subnets: tuple[Name, ...] = Field(
        default=(), description="Subnets it has an interface in; all of them unless given."
    )


class Node(Model):
    """A machine of the cluster. Without `address` it gets the next free one from .10 on."""

    name: Name = Field(description="Name of the node; also its place in commands such as `exec`.")
    subnet: Name | None = Field(default=None, description="Subnet it stands in; the first one unless given.")
    address: HostAddress | None = Field(
        default=None, description="Its IPv4 address in the subnet; unless given, the next free one from .10 on."
    )
    zone: LabelValue = Field(
        default="",
        description="Zone it is in: its label topology.kubernetes.io/zone, which trafficDistribution goes by.",
    )
    pod_cidrs: tuple[Prefix, ...] = Field(
        default=(),
        alias="podCIDRs",
        description="Blocks of the pods' prefix that are its own from the beginning (/26 with calico, one /24 with "
        "flannel), as a cluster gave them; unless given, the next free one.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default={}, description="Further labels of its Node, which a pod's nodeSelector may ask for."
    )


class IpPool(Model):
    """Addresses that Calico gives to pods, and how packets to them travel."""

    cidr: Prefix = Field(description="Its IPv4 prefix. Nodes take blocks of 64 addresses as their pods need them.")
    encapsulation: Encapsulation | None = Field(
        default=None, description="When packets to its pods travel in a tunnel; VXLANCrossSubnet unless given."
    )
    nat_outgoing: bool = Field(
        default=True,
        strict=True,
        description="Whether its pods leave the cluster with their node's address.",
    )


class Cni(Model):
    """How pods get their addresses and reach each other: the network plugin."""

    plugin: Literal["calico", "flannel"] = Field(
        default="calico",
        description="`calico`: every pod behind a routed `cali…` interface. `flannel`: pods behind the bridge `cni0`.",
    )
    encapsulation: Encapsulation | None = Field(
        default=None,
        description="When packets between nodes travel in a tunnel: always (`VXLAN`, `IPIP`), only between subnets "
        "(`…CrossSubnet`) or never (`None`). Calico's default is VXLANCrossSubnet, flannel's VXLAN.",
    )
    pod_cidr: Prefix = Field(
        default="10.244.0.0/16",
        alias="podCIDR",
        description="Prefix of all pods' addresses. Each node takes a part: a /26 with calico, a /24 with flannel.",
    )
    vni: Annotated[int, Field(ge=1, le=16777215, strict=True)] | None = Field(
        default=None, description="VXLAN network identifier. Calico's default is 4096, flannel's 1."
    )
    port: Port | None = Field(default=None, description="UDP port of VXLAN. Calico's default is 4789, flannel's 8472.")
    mtu: Mtu | None = Field(
        default=None,
        description="MTU of pods and tunnels in bytes. Unless given: the underlay's less 50 for VXLAN, 20 for IPIP, 60 "
        "where wireguardEnabled. A VXLAN tunnel never has more than that, whatever the pods have.",
    )
    nat_outgoing: bool = Field(
        default=True,
        strict=True,
        description="Whether pods leave the cluster with their node's address (`natOutgoing` of Calico's pool).",
    )
    wireguard_enabled: bool = Field(
        default=False,
        strict=True,
        description="Whether nodes encrypt what pods send to other nodes' (`wireguardEnabled` of Calico's Felix), in "
        "whatever subnet: WireGuard's routes are asked before those of the encapsulation.",
    )
    ip_pools: tuple[IpPool, ...] = Field(
        default=(),
        description="Calico's pools, in place of podCIDR, encapsulation and natOutgoing. A pod gets its address from "
        "the first that has room, or from those that its annotation cni.projectcalico.org/ipv4pools lists.",
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        given = {"pod_cidr": "podCIDR", "encapsulation": "encapsulation", "nat_outgoing": "natOutgoing"}
        twice = [name for key, name in given.items() if key in self.model_fields_set]
        if self.ip_pools and twice:
            raise refusal(f"{twice[0]} and ipPools both say what pods have", "say it in ipPools alone")
        return self


Scheduler = Literal["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh"]
SCHEDULERS: tuple[str, ...] = get_args(Scheduler)


class Ipvs(Model):
    """How kube-proxy uses IPVS, in ipvs mode."""

    scheduler: Scheduler = Field(
        default="rr", description="How the kernel chooses an endpoint (kube-proxy's `ipvs.scheduler`): in turn."
    )


class Services(Model):
    """Where ClusterIPs come from, and how each node turns them into pods' addresses."""

    cidr: Prefix = Field(
        default="172.16.0.0/16", description="Prefix of the ClusterIPs. The tenth address is the cluster's DNS."
    )
    proxy: Literal["iptables", "nftables", "ipvs"] = Field(
        default="iptables", description="The mode of kube-proxy on every node."
    )
    masquerade_all: bool = Field(
        default=False,
        strict=True,
        description="Whether whoever asks a ClusterIP is masqueraded, pods too (kube-proxy's `--masquerade-all`).",
    )
    node_port_addresses: tuple[AnyPrefix, ...] = Field(
        default=(),
        description="Prefixes of nodes' addresses on which node ports answer (kube-proxy's `--nodeport-addresses`); "
        "unless given, all addresses of a node (with `nftables`, the one that it has in its subnet). `127.0.0.0/8` is "
        "for `iptables` alone.",
    )
    ipvs: Ipvs = Field(default=Ipvs(), description="For `ipvs` alone.")


class Dns(Model):
    """The cluster's DNS servers, in pods of kube-system behind the Service kube-dns."""

    server: Literal["dnsmasq", "coredns"] = Field(
        default="dnsmasq",
        description="The program that answers: `dnsmasq`, or the real `coredns` (`./inv setup --coredns` makes it).",
    )
    domain: DnsName = Field(
        default="cluster.local", description="The cluster's domain, the end of every Service's name."
    )
    replicas: Annotated[int, Field(ge=1, le=16, strict=True)] = Field(
        default=2, description="How many DNS pods there are; at most one on each node."
    )


class Internet(Model):
    """The outside: a network with a web server and a resolver, reached through the NAT gateway."""

    cidr: Prefix = Field(default="203.0.113.0/24", description="Prefix of the addresses outside.")
    names: tuple[DnsName, ...] = Field(
        default=("www.example.com",), description="Names that the outside's resolver knows, all of its web server."
    )


class Spec(Model):
    """The network of the cluster. Everything has a default."""

    subnets: tuple[Subnet, ...] = Field(
        default=(Subnet(name="subnet-a", cidr="10.0.1.0/24"),),
        description="Segments that nodes stand in; packets between two of them cross a router.",
    )
    routers: tuple[Router, ...] = Field(
        default=(), description="Unless given, one router called `router` joins all subnets."
    )
    nodes: tuple[Node, ...] = Field(
        default=(Node(name="node-0"), Node(name="node-1")),
        description="The machines of the cluster, at most 1,000; unless given, node-0 and node-1.",
    )
    cni: Cni = Field(default=Cni(), description="The network plugin: pods' addresses and tunnels.")
    services: Services = Field(default=Services(), description="ClusterIPs and kube-proxy.")
    dns: Dns = Field(default=Dns(), description="The cluster's DNS.")
    firewalls: tuple[Firewall, ...] = Field(default=(), description="Rules of your own on nodes and routers.")
    machines: tuple[Machine, ...] = Field(
        default=(), description="What real machines printed of themselves, for nodes and routers to be like them."
    )
    links: tuple[Link, ...] = Field(default=(), description="Cables of the underlay that are otherwise than usual.")
    faults: tuple[Broken, ...] = Field(
        default=(), description="What is broken from the beginning, in ways that have names: docs/faults.md."
    )
    drift: tuple[Drifted, ...] = Field(
        default=(), description="What was changed by hand in the lab that this file was written of: docs/handover.md."
    )
    expect: tuple[Expectation, ...] = Field(
        default=(), description="What is to become of requests, at most 1,000: `./inv verify` sends them."
    )
    internet: Internet = Field(default=Internet(), description="The world outside the cluster.")
    kept: Kept = Field(default=Kept(), description="Addresses and nodes of pods in the lab that this was written of.")
    files: dict[FileName, str] = Field(
        default={},
        description="Texts of files that this one names, such as a rulesFile: they are not looked for beside.",
    )
    underlay_mtu: Mtu = Field(
        default=1500, alias="underlayMTU", description="MTU of the nodes' and routers' interfaces, in bytes."
    )


class Metadata(Model):
    """What the lab is called."""

    name: Name = Field(description="Name of the topology, and of the lab unless `--lab` gives another.")


class Topology(Model):
    """A cluster's network. Kubernetes manifests follow in the same file, each after a line of `---`."""

    api_version: Literal["hoplab/v1"] = Field(default="hoplab/v1", description="Always hoplab/v1.")
    kind: Literal["Topology"] = Field(default="Topology", description="Always Topology.")
    metadata: Metadata = Field(description="What the lab is called.")
    spec: Spec = Field(default=Spec(), description="The network of the cluster. Everything has a default.")
