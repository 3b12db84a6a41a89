"""The pools that pods' addresses come from, and the blocks of them that nodes claim. Source: Calico's IPAM.

Calico uses all addresses of a block but the tunnel's. flannel's subnet has cni0 as .1 and a broadcast address, and a
node has only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lab.errors import UsageError
from lab.network.ipv4 import Prefix
from lab.topology.defaults import PLUGINS, pools_of, tunnel_pool

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.topology.schema import Cni


@dataclass(frozen=True, slots=True)
class Pools:
    """In the order in which they are tried; `tunnel_index` is the one that nodes have a block of in any case, `block`
    the length of blocks.
    """

    prefixes: tuple[Prefix, ...]
    encapsulations: tuple[str, ...]
    tunnel_index: int
    block: int
    flannel: bool
    field: str

    @classmethod
    def of(cls, cni: Cni) -> Pools:
        """Of a complete topology."""
        pools = pools_of(cni)
        return cls(
            tuple(Prefix.of(pool.cidr) for pool in pools),
            tuple(pool.encapsulation or "None" for pool in pools),
            tunnel_pool(cni),
            PLUGINS[cni.plugin].block,
            cni.plugin == "flannel",
            "ipPools" if cni.ip_pools else "podCIDR",
        )

    @property
    def tunnel(self) -> Prefix:
        return self.prefixes[self.tunnel_index]

    def index_of(self, block: Prefix) -> int | None:
        """Which pool a block is of; None for one of none."""
        return next((i for i, pool in enumerate(self.prefixes) if block.network in pool), None)

    def has(self, block: str) -> bool:
        """Whether it is one of theirs."""
        found = Prefix.of(block)
        return found.length == self.block and self.index_of(found) is not None

    def encapsulation_of(self, block: str) -> str:
        """How packets to a block's pods travel."""
        index = 0 if len(self.prefixes) == 1 else self.index_of(Prefix.of(block))
        return self.encapsulations[index or 0]

    def tunnel_block(self, owned: Sequence[Prefix]) -> Prefix:
        """Of a node's blocks the one whose first address is its tunnel's."""
        return next(block for block in owned if block.network in self.tunnel)

    def open_to(self, asked: tuple[str, ...]) -> Sequence[int]:
        """The pools that a pod may have its address from: those that it asks for, as far as there are such."""
        found = [i for i, pool in enumerate(self.prefixes) if str(pool) in asked] if asked else []
        return found or range(len(self.prefixes))

    def free_blocks(self, taken: Iterable[Prefix]) -> list[Iterator[Prefix]]:
        """For each pool, the blocks that nobody has, in order."""
        gone = frozenset(block.network for block in taken)
        return [self._free(pool, gone) for pool in self.prefixes]

    def _free(self, pool: Prefix, gone: frozenset[int]) -> Iterator[Prefix]:
        step = 1 << (32 - self.block)
        for network in range(pool.network, pool.network + pool.size - step + 1, step):
            if network not in gone:
                yield Prefix(network, self.block)

    def addresses(self, index: int, owned: list[Prefix], more: Iterator[Prefix], used: set[int]) -> Iterator[int]:
        """Free addresses of a node in one pool, block by block; claims another block (in `owned`) when all are used,
        and ends where the pool does.
        """
        blocks = [block for block in owned if block.network in self.prefixes[index]]
        reserved = self.tunnel_block(owned).network
        while True:
            for block in blocks:
                start = 2 if self.flannel else int(block.network == reserved)
                for address in range(block.network + start, block.network + block.size - int(self.flannel)):
                    if address not in used:
                        yield address
            if self.flannel:
                told = f"spec.nodes: the pods of one node do not fit into its {owned[0]}"
                raise UsageError(told, "fewer pods per node")
            claimed = next(more, None)
            if claimed is None:
                return
            owned.append(claimed)
            blocks = [claimed]

    def exhausted(self) -> NoReturn:
        """UsageError: no pool has another block."""
        pools = ", ".join(map(str, self.prefixes))
        has = "has" if len(self.prefixes) == 1 else "have"
        told = f"spec.cni.{self.field}: {pools} {has} no /{self.block} block left; a node's pods need one"
        raise UsageError(told, "a larger podCIDR has room" if self.field == "podCIDR" else "a further pool has room")


def unknown_pools(cni: Cni, cluster: Cluster) -> tuple[str, ...]:
    """Pods that ask for a pool that is none: a sentence for each. Calico would not start them."""
    known = frozenset(pool.cidr for pool in pools_of(cni))
    asking = ((pod, [one for one in pod.pools if one not in known]) for pod in cluster.pods if pod.pools)
    there = ", ".join(sorted(known))
    return tuple(
        f"{pod.place} asks for an address of {', '.join(missing)}, which is no pool (there is {there}): it gets any"
        for pod, missing in asking
        if len(missing) == len(pod.pools)
    )
