"""Addresses and nodes that pods had in a lab that was written down whole, where a new one would give others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lab.topology.broken import Word
from lab.topology.model import Model
from lab.topology.names import Name
from lab.topology.objection import Objection
from lab.topology.prefixes import HostAddress, Prefix
from lab.topology.yaml.document import Path

Place = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[a-z0-9][-a-z0-9.]*/[a-z0-9][-a-z0-9.]*$")]


class KeptPod(Model):
    """Where a pod ran, and its address."""

    node: Name = Field(description="The node on which it is put, if it may be there.")
    address: HostAddress = Field(description="Its address, if one of its node's blocks has it.")


class Kept(Model):
    """What a lab had given out. It counts when a lab is built, not where one runs already."""

    nodes: dict[Name, HostAddress] = Field(default={}, description="Addresses of nodes.")
    blocks: dict[Name, tuple[Prefix, ...]] = Field(
        default={}, description="The blocks of pods' addresses that each node has, in the order in which it took them."
    )
    pods: dict[Place, KeptPod] = Field(default={}, description="Pods, as NAMESPACE/NAME.")

    def objections(self, at: Path) -> Iterator[Objection]:
        """What two have that only one can."""
        given: dict[str, tuple[str, ...]] = {node: (address,) for node, address in self.nodes.items()}
        pods = {place: (pod.address,) for place, pod in self.pods.items()}
        blocks: dict[str, tuple[Word, ...]] = dict(self.blocks)
        for field, owned in (("nodes", given), ("blocks", blocks), ("pods", pods)):
            first: dict[str, str] = {}
            for name, held in owned.items():
                for one in held:
                    if one in first:
                        yield Objection((*at, field, name), f"{one} is {first[one]}'s already", "leave one of them out")
                    first.setdefault(one, name)
