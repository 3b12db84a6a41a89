"""The Kubernetes objects that matter to the network, placed and resolved. Everything is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.cluster.environment import Variable
from lab.cluster.power import Power

PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""The label by which a Service is handed to another proxy than kube-proxy, whatever its value."""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    port: int
    protocol: str = "TCP"
    name: str = ""


@dataclass(frozen=True, slots=True)
class PodDns:
    """`dnsPolicy` and `dnsConfig`: options are pairs of a name and a value, which may be ""."""

    policy: str = "ClusterFirst"
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    @property
    def adds_nothing(self) -> bool:
        """Whether the policy alone says all."""
        return not (self.nameservers or self.searches or self.options)


CLUSTER_FIRST = PodDns()
NO_MORE = Power()


@dataclass(frozen=True, slots=True)
class HostAlias:
    """Names that a pod's hosts file gives to an address."""

    ip: str
    hostnames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod on its node. Without `command` it runs the built-in server on its `ports`.

    One that is not `running` has its network, but its container has ended and is to be started again later.
    """

    namespace: str
    name: str
    node: str
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    command: tuple[str, ...] = ()
    ready: bool = True
    hostname: str = ""
    subdomain: str = ""
    owner: str = ""
    system: str = ""  # "dnsmasq" or "coredns": the cluster's DNS server that runs in it
    running: bool = True
    dns: PodDns = CLUSTER_FIRST
    host_aliases: tuple[HostAlias, ...] = ()
    fqdn: bool = False  # setHostnameAsFQDN
    host_network: bool = False  # asked for: the lab gives it a network of its own all the same
    pools: tuple[str, ...] = ()  # prefixes of the pools that its address shall come from; () for any
    address: str = ""  # which it shall have, if it is free and of its node's blocks
    variables: tuple[Variable, ...] = ()  # of its program
    power: Power = NO_MORE  # which its program asks for
    unobeyed: tuple[str, ...] = field(default=(), compare=False)  # what else of its manifest is not obeyed, in words

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    name: str
    protocol: str
    port: int
    target_port: int | str
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One target of a Service port: a pod (its address is the network's to say), or a bare address from a manifest.

    Traffic goes to those that are ready; where a Service has none of these, to those that serve while they terminate.
    Of the ready ones a proxy prefers those whose hints name its node, or else its zone: `for_nodes`, `for_zones`.
    """

    pod: str = ""
    address: str = ""
    node: str = ""
    hostname: str = ""
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone: str = ""
    for_zones: tuple[str, ...] = ()
    for_nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortEndpoints:
    """The endpoints of one Service port, all with the same resolved target port number."""

    port: str
    protocol: str
    target: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    namespace: str
    name: str
    service: str
    ports: tuple[PortEndpoints, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """`cluster_ip` is "" for headless (None) and ExternalName Services.

    `affinity_seconds` is 0 without session affinity. The policies are `Cluster` or `Local`; `source_ranges` restrict
    who may use the load balancer's addresses, which are those of status.loadBalancer; ports are 0 for none. Where a
    label names another `proxy`, kube-proxy leaves the Service alone.
    """

    namespace: str
    name: str
    type: str
    cluster_ip: str
    ports: tuple[ServicePort, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    external_name: str = ""
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int = 0
    internal_policy: str = "Cluster"
    external_policy: str = "Cluster"
    health_check_port: int = 0
    proxy: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Deployment:
    namespace: str
    name: str
    replicas: int


@dataclass(frozen=True)
class Cluster:
    """All of it; the order is the files' order, system objects first. `zones` are those of the nodes that have one."""

    nodes: tuple[str, ...]
    namespaces: tuple[str, ...]
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    zones: tuple[tuple[str, str], ...] = ()

    @cached_property
    def zone_of(self) -> Mapping[str, str]:
        """The zone of every node, "" for none."""
        return {**dict.fromkeys(self.nodes, ""), **dict(self.zones)}
