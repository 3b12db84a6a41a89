"""The address sets that a Calico node's rules match against. Names and contents: felix (main IP sets)."""

from __future__ import annotations

from dataclasses import dataclass

from lab.network.objects import IpSet


@dataclass(frozen=True, slots=True)
class Tunnel:
    """How a node tunnels: `kind` is `vxlan`, `ipip` or "", `port` the UDP port of VXLAN. With `wireguard` it encrypts
    what would go that way.
    """

    kind: str
    device: str = ""
    port: int = 0
    wireguard: bool = False


def ip_sets(
    node: str,
    node_addresses: dict[str, str],
    pools: tuple[str, ...],
    masqueraded: tuple[str, ...],
    tunnel: Tunnel,
    tunnel_addresses: tuple[str, ...],
) -> tuple[IpSet, ...]:
    """The sets that the rules of a node match against (felix: names of main IP sets). `masqueraded` are the pools with
    natOutgoing.
    """
    others = tuple(sorted(address for name, address in node_addresses.items() if name != node))
    everyone = tuple(sorted(node_addresses.values()))
    own = tuple(sorted({node_addresses[node], "127.0.0.1", *filter(None, tunnel_addresses)}))
    sets = [
        IpSet(node, "cali40all-ipam-pools", "hash:net", pools, intent="all pod addresses"),
        IpSet(
            node, "cali40masq-ipam-pools", "hash:net", masqueraded, intent="pods that are masqueraded on their way out"
        ),
        IpSet(node, "cali40this-host", "hash:net", own, intent=f"addresses of {node} itself"),
    ]
    if tunnel.kind == "vxlan":
        intent = "nodes that may send VXLAN to this one"
        sets.append(IpSet(node, "cali40all-vxlan-net", "hash:net", others, intent=intent))
    if tunnel.kind == "ipip":
        sets.append(IpSet(node, "cali40all-hosts-net", "hash:net", everyone, intent="nodes that may send IPIP"))
    return tuple(sets)
