"""What is known of all of the cluster, for the files of one machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from itertools import islice

from lab.exchange.importing.surroundings.blocks import Blocks
from lab.exchange.importing.surroundings.network import FLANNEL, TUNNELS, Network
from lab.exchange.importing.surroundings.underlay import Placed, Underlay
from lab.network.naming import calico_tunnel_mac


@dataclass(frozen=True)
class World:
    """What is known of all of the cluster: `chosen` are the nodes that the lab has, by the cluster's names."""

    ground: Underlay
    network: Network
    blocks: Blocks
    chosen: frozenset[str]

    @cached_property
    def owners(self) -> dict[IPv4Network, Placed]:
        """The node of each block."""
        return {block: one for one in self.ground.nodes for block in self.blocks.get(one.node.name, ())}

    @cached_property
    def tunnels(self) -> dict[str, str]:
        """The nodes whose tunnels have these addresses: the first of a node's first block in a pool that has one."""
        found: dict[str, str] = {}
        for node, owned in self.blocks.items():
            tunnelled = (block for block in owned if self.network.encapsulation_of(block) != "None")
            found |= {str(block.network_address): node for block in islice(tunnelled, 1)}
        return found

    @cached_property
    def macs(self) -> dict[str, str]:
        """Whose tunnel has which hardware address, as far as machines, annotations and Felix's own rule say."""
        found: dict[str, str] = {}
        for one in self.ground.nodes:
            if self.network.plugin != FLANNEL:
                found[calico_tunnel_mac(one.node.name)] = one.node.name
            for name in TUNNELS:
                if one.machine and name in one.machine.devices:
                    found[one.machine.devices[name].mac] = one.node.name
            data = one.node.annotation("flannel.alpha.coreos.com/backend-data")
            if '"VtepMAC":"' in data:
                found[data.partition('"VtepMAC":"')[2][:17]] = one.node.name
        found.pop("", None)
        return found

    def router(self, subnet: str) -> str:
        """The lab's router there."""
        return str(self.ground.subnets[subnet].network_address + 1)
