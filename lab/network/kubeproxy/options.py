"""kube-proxy's own options, under its own names: what differs from one cluster's configuration to another's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.network.ipv4 import Prefix, number

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """`cluster_cidr` is the pods' network, "" where kube-proxy was not told: then no traffic counts as from outside.

    `nodeport_addresses` are prefixes of node addresses on which node ports answer; without any, all do (iptables mode)
    or the node's own address does (nftables mode). `localhost_nodeports` lets 127.0.0.1 be one of them (iptables
    mode). `scheduler` is how IPVS chooses an endpoint (ipvs mode).
    """

    cluster_cidr: str = ""
    masquerade_all: bool = False
    nodeport_addresses: tuple[str, ...] = ()
    localhost_nodeports: bool = True
    scheduler: str = "rr"

    @property
    def any_node_port_address(self) -> bool:
        """Whether node ports answer on every address of a node (iptables and ipvs mode)."""
        return not self.nodeport_addresses or EVERYWHERE in self.nodeport_addresses

    def node_port_addresses(self, held: Iterable[str]) -> tuple[str, ...]:
        """Those of a node's addresses that are among `nodeport_addresses`, sorted."""
        prefixes = [Prefix.of(text) for text in self.nodeport_addresses]
        return tuple(sorted(one for one in held if any(number(one) in prefix for prefix in prefixes)))

    @property
    def serves_localhost(self) -> bool:
        """Whether node ports answer on 127.0.0.1 (iptables mode): allowed, and among the addresses."""
        loopback = Prefix.of("127.0.0.0/8")
        among = any(Prefix.of(text).overlaps(loopback) for text in self.nodeport_addresses)
        return self.localhost_nodeports and (among or self.any_node_port_address)
