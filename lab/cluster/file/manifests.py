"""Kubernetes manifests as people have them: the fields that matter to the network, as pydantic models.

Other fields are Kubernetes' business and are passed over; `null` counts as not given, as it does there.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from lab.cluster.nodeports import FIRST, LAST
from lab.topology.field_errors import refusal
from lab.topology.names import LABEL_KEY, LABEL_VALUE, SERVICE_LABEL, DnsName, Name
from lab.topology.yaml.document import shown

LabelKey = Annotated[str, Field(pattern=LABEL_KEY)]
Labels = dict[LabelKey, Annotated[str, Field(pattern=LABEL_VALUE)]]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
PortName = Annotated[str, Field(pattern=SERVICE_LABEL, max_length=15)]
NodePort = Annotated[int, Field(ge=FIRST, le=LAST, strict=True)]
Flag = Annotated[bool, Field(strict=True)]

MAX_REPLICAS = 10_000


def _argument(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise refusal("an argument cannot hold a NUL character", "leave it out")
    return value


def _target_port(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refusal(f"{shown(value)} is not a port", "give a number, or the name of a containerPort")
    if isinstance(value, int) and not 1 <= value <= 65535:
        raise refusal(f"{value} is not a port", "ports are 1 to 65535")
    if isinstance(value, str) and value.isdecimal():
        raise refusal(f"{shown(value)} is a name made of digits", "write the number without quotes")
    return value


Protocol = Literal["TCP", "UDP", "SCTP"]
Argument = Annotated[str, BeforeValidator(_argument)]
TargetPort = Annotated[Any, BeforeValidator(_target_port)]


@lru_cache(1024)
def _one_set(names: frozenset[str]) -> set[str]:
    return set(names)


class Manifest(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: object) -> object:
        if isinstance(value, dict) and None in value.values():
            return {key: item for key, item in value.items() if item is not None}
        return value

    def model_post_init(self, _: object) -> None:
        """Which fields were given is one set for all that were given the same: they are kept by the ten thousands."""
        object.__setattr__(self, "__pydantic_fields_set__", _one_set(frozenset(self.model_fields_set)))


class Metadata(Manifest):
    """What all objects have; templates have no name."""

    namespace: Name = "default"
    labels: Labels = {}
    annotations: dict[str, str] = {}


class NamedMetadata(Metadata):
    name: DnsName


class LabelMetadata(Metadata):
    name: Name


class ServiceMetadata(Metadata):
    name: Annotated[str, Field(pattern=SERVICE_LABEL)]


class Namespace(Manifest):
    metadata: LabelMetadata


class Stored(Manifest):
    """A kind that the API stores and that the network is not made of; what is in it is the API's to judge."""

    metadata: NamedMetadata


class StoredClusterWide(Manifest):
    """The same outside of all namespaces."""

    metadata: NamedMetadata


class ContainerPort(Manifest):
    container_port: Port
    name: PortName = ""
    protocol: Protocol = "TCP"


class Container(Manifest):
    name: Name
    command: tuple[Argument, ...] = ()
    args: tuple[Argument, ...] = ()
    ports: tuple[ContainerPort, ...] = ()


def _ip(value: object) -> object:
    try:
        return str(ip_address(str(value)))
    except ValueError:
        raise refusal(f"{shown(value)} is not an IP address", "write it as 10.0.0.53") from None


IpAddress = Annotated[str, BeforeValidator(_ip)]
# A search domain may have underscores, end with a dot, or be the root (Kubernetes 1.34).
SearchDomain = Annotated[str, Field(pattern=r"^(\.|[a-z0-9_]([-a-z0-9_.]{0,252}[a-z0-9_])?\.?)$", max_length=254)]


class DnsOption(Manifest):
    name: Annotated[str, Field(pattern=r"^[!-9;-~]+$", max_length=63)]
    value: Annotated[str, Field(pattern=r"^[!-~]*$", max_length=63)] = ""


class DnsConfig(Manifest):
    nameservers: Annotated[tuple[IpAddress, ...], Field(max_length=3)] = ()
    searches: Annotated[tuple[SearchDomain, ...], Field(max_length=32)] = ()
    options: tuple[DnsOption, ...] = ()


class HostAlias(Manifest):
    ip: IpAddress
    hostnames: tuple[DnsName, ...] = ()


class PodSpec(Manifest):
    containers: Annotated[tuple[Container, ...], Field(min_length=1)]
    node_name: str = ""
    node_selector: dict[str, str] = {}
    hostname: Name = ""
    subdomain: Name = ""
    host_network: Flag = False
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] = "ClusterFirst"
    dns_config: DnsConfig = DnsConfig()
    host_aliases: tuple[HostAlias, ...] = ()
    set_hostname_as_fqdn: Flag = Field(default=False, alias="setHostnameAsFQDN")


class Pod(Manifest):
    metadata: NamedMetadata
    spec: PodSpec


class LabelSelector(Manifest):
    match_labels: Labels = {}
    match_expressions: tuple[Any, ...] = ()


class PodTemplate(Manifest):
    metadata: Metadata
    spec: PodSpec


class DeploymentSpec(Manifest):
    replicas: Annotated[int, Field(ge=0, le=MAX_REPLICAS, strict=True)] = 1
    selector: LabelSelector
    template: PodTemplate


class Deployment(Manifest):
    metadata: NamedMetadata
    spec: DeploymentSpec


class ServicePort(Manifest):
    name: Name = ""
    port: Port
    target_port: TargetPort = None
    protocol: Protocol = "TCP"
    node_port: NodePort | None = None


class ClientIpConfig(Manifest):
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400, strict=True)] = 10_800


class SessionAffinityConfig(Manifest):
    client_ip: ClientIpConfig = Field(default=ClientIpConfig(), alias="clientIP")


class ServiceSpec(Manifest):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    cluster_ip: str = Field(default="", alias="clusterIP")
    selector: Labels = {}
    ports: tuple[ServicePort, ...] = ()
    external_name: DnsName = ""
    external_ips: tuple[str, ...] = Field(default=(), alias="externalIPs")
    load_balancer_source_ranges: tuple[str, ...] = ()
    allocate_load_balancer_node_ports: Flag = True
    health_check_node_port: NodePort | None = None
    session_affinity: Literal["None", "ClientIP"] = "None"
    session_affinity_config: SessionAffinityConfig = SessionAffinityConfig()
    internal_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    external_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    publish_not_ready_addresses: Flag = False
    traffic_distribution: str = ""


class Ingress(Manifest):
    """An address of a load balancer; in `ipMode` Proxy it delivers by itself, and nodes need not know."""

    ip: str = ""
    ip_mode: Literal["VIP", "Proxy"] = "VIP"


class LoadBalancer(Manifest):
    ingress: tuple[Ingress, ...] = ()


class ServiceStatus(Manifest):
    load_balancer: LoadBalancer = LoadBalancer()


class Service(Manifest):
    metadata: ServiceMetadata
    spec: ServiceSpec
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(Manifest):
    """What is not said is: ready, serving, not terminating."""

    ready: Flag = True
    serving: Flag = True
    terminating: Flag = False


class ObjectReference(Manifest):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class Named(Manifest):
    name: str


class EndpointHints(Manifest):
    for_zones: tuple[Named, ...] = ()
    for_nodes: tuple[Named, ...] = ()


class SliceEndpoint(Manifest):
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    conditions: EndpointConditions = EndpointConditions()
    hostname: Name = ""
    node_name: str = ""
    zone: str = ""
    hints: EndpointHints = EndpointHints()
    target_ref: ObjectReference = ObjectReference()


class SlicePort(Manifest):
    name: str = ""
    port: Port
    protocol: Protocol = "TCP"


class EndpointSlice(Manifest):
    metadata: NamedMetadata
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[SlicePort, ...] = ()


Object = Namespace | Pod | Deployment | Service | EndpointSlice | Stored | StoredClusterWide
