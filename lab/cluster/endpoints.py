"""EndpointSlices: their labels and names, and what may be an endpoint's address."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from lab.cluster.pod_hashes import stable_hash

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"


def slice_name(namespace: str, service: str, number: int) -> str:
    """The name of a Service's slice, counted from 0."""
    return f"{service}-{stable_hash(f'{namespace}/{service}/{number}', 5)}"


def is_host(text: str) -> bool:
    """Whether Kubernetes would take the address for an endpoint, or for an external IP."""
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)
