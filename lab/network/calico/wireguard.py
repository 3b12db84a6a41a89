"""Calico's WireGuard: a device on every node that encrypts what its pods send to other nodes' pods.

Felix has a routing table of its own for it, which is asked before the main one: what is for another node's addresses
goes to the device, what is for the node's own is thrown back to the main table. What the device sends itself bears a
mark, and is not looked up there. Source: felix/wireguard, felix/dataplane/linux (routes, rule, ports, MTU).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from lab.network.ipv4 import in_order
from lab.network.objects import Address, Interface, Object, Route, RoutingRule, WireguardDevice, WireguardPeer
from lab.network.tunnels import SEALED
from lab.topology.defaults import WIREGUARD

if TYPE_CHECKING:
    from lab.cluster.objects import Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

DEVICE = "wireguard.cali"
PORT = 51820
TABLE = "1"
PRIORITY = 99
MARK = 0x100000  # the next bit after those of Felix's rules


def node(topology: Topology, addresses: Addresses, node: str) -> Iterator[Object]:
    """The device of a node, whom it speaks to, and the routes that lead into it."""
    spec = topology.spec
    mtu = min(spec.cni.mtu or 0, spec.underlay_mtu - WIREGUARD)
    yield Interface(node, DEVICE, SEALED, "", mtu, intent="WireGuard to the other nodes")
    yield WireguardDevice(node, DEVICE, private_key(node), PORT, MARK, intent=f"what {node} encrypts with")
    yield Address(node, DEVICE, f"{addresses.wireguard[node]}/32", intent=f"WireGuard address of {node}")
    for remote in (one for one in addresses.nodes if one != node):
        allowed, endpoint = _prefixes(addresses, remote), f"{addresses.nodes[remote]}:{PORT}"
        key = public_key(private_key(remote))
        yield WireguardPeer(node, DEVICE, key, endpoint, allowed, intent=f"{remote}, and the pods there")
        for prefix in allowed:
            intent = f"pods of {remote}, encrypted"
            yield Route(node, prefix, device=DEVICE, scope="link", table=TABLE, intent=intent)
    for prefix in _prefixes(addresses, node):
        yield _thrown(node, prefix, f"of {node} itself: as the main table has it")
    intent = "all but what WireGuard itself sends: its table is asked first"
    yield RoutingRule(node, PRIORITY, TABLE, MARK, MARK, inverted=True, intent=intent)


def pod(pod: Pod, address: str) -> Route:
    """The route by which a pod's own node does not encrypt what is for it."""
    return _thrown(pod.node, f"{address}/32", f"pod {pod.place} on this node: as the main table has it")


def private_key(node: str) -> str:
    """A node's key, as `wg` writes it. It follows from the name, so that a plan can print it: a lab keeps no secret."""
    secret = bytearray(sha256(f"hoplab wireguard {node}".encode()).digest())
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    return b64encode(secret).decode()


@lru_cache(1 << 10)
def public_key(private: str) -> str:
    """Of a private key (Curve25519)."""
    from base64 import b64decode  # noqa: PLC0415  with what follows, for labs with WireGuard alone

    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415

    return b64encode(X25519PrivateKey.from_private_bytes(b64decode(private)).public_key().public_bytes_raw()).decode()


def _thrown(node: str, prefix: str, intent: str) -> Route:
    return Route(node, prefix, type="throw", table=TABLE, intent=intent)


def _prefixes(addresses: Addresses, node: str) -> tuple[str, ...]:
    """A node's blocks, and its tunnels' addresses."""
    ends = (addresses.tunnels.get(node, ""), addresses.wireguard[node])
    return in_order((*addresses.blocks[node], *(f"{one}/32" for one in ends if one)))
