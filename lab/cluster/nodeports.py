"""Node ports: those that Services ask for, and those that are given out.

Source of the range and of the part of it that is kept for people's own choices: kube-apiserver's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

FIRST, LAST = 30000, 32767
KEPT = 86  # of the range, its 32nd part: given out only when the rest is used up


class NodePortsUsedUpError(ValueError):
    """Every port of the range has an owner."""


class NodePorts:
    """The ports of the range that are free, whatever the protocol; `taken` are those that manifests name.

    `previous` has the ports that were given before, by owner: `NAMESPACE/NAME:PORT/PROTOCOL`.
    """

    def __init__(self, taken: Iterable[int], previous: Mapping[str, int], owners: Iterable[str]) -> None:
        self._taken = set(taken)
        self._given: dict[str, int] = {}
        for owner in owners:
            number = previous.get(owner, 0)
            if number and number not in self._taken:
                self._taken.add(number)
                self._given[owner] = number

    def give(self, owner: str) -> int:
        """Its port of before, else a free one that follows from the owner's name. Raises NodePortsUsedUpError."""
        if owner not in self._given:
            self._given[owner] = self._free(owner)
            self._taken.add(self._given[owner])
        return self._given[owner]

    def _free(self, owner: str) -> int:
        size = LAST - FIRST + 1
        start = int.from_bytes(blake2b(owner.encode(), digest_size=8).digest()) % (size - KEPT)
        for step in range(size):
            # All the way round from its own place; what is kept comes last.
            number = FIRST + KEPT + (start + step) % (size - KEPT) if step < size - KEPT else FIRST + size - 1 - step
            if number not in self._taken:
                return number
        raise NodePortsUsedUpError(f"all node ports from {FIRST} to {LAST} are used up")
