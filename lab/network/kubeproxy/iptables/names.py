"""Names of kube-proxy's chains: a prefix that tells what the chain is for, and a hash that tells whose it is.

Source: kube-proxy, iptables mode. The hash is the first 16 letters of base32(sha256(S)); S is the Service port's name
("namespace/service:port", or "namespace/service" where the port has no name) with the protocol in lower case behind it,
and for an endpoint its "address:port" behind that. 16 letters keep every name within iptables' 28.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import product

_PAIRS = tuple(map("".join, product("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", repeat=2)))  # two letters for ten bits


def service_port_name(service: str, port: str) -> str:
    """How kube-proxy writes a Service port in comments: `namespace001/myapp:http`. `service` is "namespace/name"."""
    return f"{service}:{port}" if port else service


def digest(text: str) -> str:
    """The 16 letters that stand for `text` in a chain's name."""
    x = int.from_bytes(sha256(text.encode()).digest()[:10], "big")
    # base64.b32encode takes twice as long, and 10,000 Services have 30,000 chains
    return (
        f"{_PAIRS[x >> 70]}{_PAIRS[x >> 60 & 1023]}{_PAIRS[x >> 50 & 1023]}{_PAIRS[x >> 40 & 1023]}"
        f"{_PAIRS[x >> 30 & 1023]}{_PAIRS[x >> 20 & 1023]}{_PAIRS[x >> 10 & 1023]}{_PAIRS[x & 1023]}"
    )


def service_chain(port_name: str, protocol: str) -> str:
    """The chain that chooses among all endpoints of a Service port. `protocol` in lower case, here and below."""
    return "KUBE-SVC-" + digest(port_name + protocol)


def local_chain(port_name: str, protocol: str) -> str:
    """The chain that chooses among the endpoints of a Service port that are on the node itself."""
    return "KUBE-SVL-" + digest(port_name + protocol)


def external_chain(port_name: str, protocol: str) -> str:
    """The chain that takes what is sent to a Service port's node port, external or load balancer's address."""
    return "KUBE-EXT-" + digest(port_name + protocol)


def firewall_chain(port_name: str, protocol: str) -> str:
    """The chain that lets in whom a load balancer's source ranges name."""
    return "KUBE-FW-" + digest(port_name + protocol)


def endpoint_chain(port_name: str, protocol: str, endpoint: str) -> str:
    """The chain that sends a connection to one endpoint, written "address:port"."""
    return "KUBE-SEP-" + digest(port_name + protocol + endpoint)
