"""Objects as a running cluster records them, status included: the fields that kube-proxy reads, as pydantic models.

Unlike `manifests`, these are not what somebody asks for: addresses and ports are given, and Kubernetes has accepted
them already. What cannot be in any cluster is refused all the same, for it becomes part of rules.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lab.cluster.file.manifests import EndpointConditions, EndpointHints, Manifest, Port
from lab.topology.field_errors import refusal
from lab.topology.names import LABEL, REMEDIES, DnsName, Name


def _address(text: str) -> str:
    try:
        IPv6Address(text) if ":" in text else IPv4Address(text)
    except ValueError:
        raise refusal("this is not an IP address", "such as 10.0.1.10") from None
    return text


def _cluster_address(text: str) -> str:
    return text if text in ("", "None") else _address(text)


def _port_name(text: str) -> str:
    if text and not re.fullmatch(LABEL, text):
        raise refusal("this is not a port's name", REMEDIES[LABEL][1])
    return text


def _prefix(text: str) -> str:
    try:
        # Kubernetes takes a prefix with bits beyond its length, and spaces around it
        IPv6Network(text.strip(), strict=False) if ":" in text else IPv4Network(text.strip(), strict=False)
    except ValueError:
        raise refusal("this is not an IP prefix", "such as 203.0.113.0/24") from None
    return text.strip()


IpAddress = Annotated[str, AfterValidator(_address)]
ClusterIp = Annotated[str, AfterValidator(_cluster_address)]
IpPrefix = Annotated[str, AfterValidator(_prefix)]
Protocol = Literal["TCP", "UDP", "SCTP"]
PortName = Annotated[str, AfterValidator(_port_name)]
PortOrNone = Annotated[int, Field(ge=0, le=65535, strict=True)]


class ClusterMetadata(Manifest):
    name: DnsName
    labels: dict[str, str] = Field(default={})


class Metadata(ClusterMetadata):
    namespace: Name = "default"


class ServicePort(Manifest):
    name: PortName = ""
    protocol: Protocol = "TCP"
    port: Port
    node_port: PortOrNone = 0


class ClientIpConfig(Manifest):
    timeout_seconds: Annotated[int, Field(ge=1, le=86400, strict=True)] = 10800


class AffinityConfig(Manifest):
    client_ip: ClientIpConfig = Field(default=ClientIpConfig(), alias="clientIP")


class ServiceSpec(Manifest):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    cluster_ip: ClusterIp = Field(default="", alias="clusterIP")
    cluster_ips: tuple[ClusterIp, ...] = Field(default=(), alias="clusterIPs")
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[IpAddress, ...] = Field(default=(), alias="externalIPs")
    load_balancer_source_ranges: tuple[IpPrefix, ...] = ()
    session_affinity: Literal["None", "ClientIP"] = "None"
    session_affinity_config: AffinityConfig = AffinityConfig()
    internal_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    external_traffic_policy: Literal["", "Cluster", "Local"] = "Cluster"
    health_check_node_port: PortOrNone = 0


class Ingress(Manifest):
    ip: Annotated[str, AfterValidator(lambda text: text and _address(text))] = ""
    ip_mode: str = "VIP"


class LoadBalancer(Manifest):
    ingress: tuple[Ingress, ...] = ()


class ServiceStatus(Manifest):
    load_balancer: LoadBalancer = LoadBalancer()


class Service(Manifest):
    metadata: Metadata
    spec: ServiceSpec
    status: ServiceStatus = ServiceStatus()


class SliceEndpoint(Manifest):
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    conditions: EndpointConditions = EndpointConditions()
    node_name: DnsName = ""
    hints: EndpointHints = EndpointHints()


class SlicePort(Manifest):
    """A port without a number means all ports; kube-proxy passes it over."""

    name: PortName = ""
    protocol: Protocol = "TCP"
    port: Port | None = None


class EndpointSlice(Manifest):
    metadata: Metadata
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[SlicePort, ...] = ()


class NodeAddress(Manifest):
    type: str
    address: str


class NodeStatus(Manifest):
    addresses: tuple[NodeAddress, ...] = ()


class Node(Manifest):
    metadata: ClusterMetadata
    status: NodeStatus = NodeStatus()


class ServiceCidrSpec(Manifest):
    cidrs: tuple[IpPrefix, ...] = ()


class ServiceCidr(Manifest):
    metadata: ClusterMetadata
    spec: ServiceCidrSpec = ServiceCidrSpec()


Object = Service | EndpointSlice | Node | ServiceCidr
