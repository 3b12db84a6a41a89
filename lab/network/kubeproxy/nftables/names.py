"""Names of kube-proxy's chains and affinity sets in nftables mode: what it is for, a hash, and whose it is in full.

Source: kube-proxy, nftables mode. The hash is the first 8 letters of base32(sha256(name)), so that names that differ
only at their ends look different. Names have room for 256 characters; those of IPv4 endpoints never fill it.
"""

from __future__ import annotations

from functools import lru_cache

from lab.network.kubeproxy.iptables.names import digest


@lru_cache(maxsize=1 << 16)
def service_base(port_name: str, protocol: str) -> str:
    """`ULMVA6XW-ns1/svc1/tcp/p80` of the Service port `ns1/svc1:p80`; `protocol` in lower case, here and below."""
    service, _, port = port_name.partition(":")
    return _hashed(f"{service}/{protocol}/{port}")


@lru_cache(maxsize=1 << 18)
def endpoint_base(port_name: str, protocol: str, endpoint: str) -> str:
    """`5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80` of the endpoint `10.180.0.1:80`."""
    service, _, port = port_name.partition(":")
    return _hashed(f"{service}/{protocol}/{port}__{endpoint.replace(':', '/')}")


def service_chain(port_name: str, protocol: str) -> str:
    """The chain that chooses among the endpoints of all nodes."""
    return f"service-{service_base(port_name, protocol)}"


def local_chain(port_name: str, protocol: str) -> str:
    """The chain that chooses among the endpoints of this node."""
    return f"local-{service_base(port_name, protocol)}"


def external_chain(port_name: str, protocol: str) -> str:
    """The chain of what comes by a node port, an external or a load balancer's address."""
    return f"external-{service_base(port_name, protocol)}"


def firewall_chain(port_name: str, protocol: str) -> str:
    """The chain that says who may use the load balancer's addresses."""
    return f"firewall-{service_base(port_name, protocol)}"


def endpoint_chain(port_name: str, protocol: str, endpoint: str) -> str:
    """The chain that sends a connection to one endpoint."""
    return f"endpoint-{endpoint_base(port_name, protocol, endpoint)}"


def affinity_set(port_name: str, protocol: str, endpoint: str) -> str:
    """The set of the clients that reached the endpoint not long ago."""
    return f"affinity-{endpoint_base(port_name, protocol, endpoint)}"


def _hashed(name: str) -> str:
    return f"{digest(name)[:8]}-{name}"
