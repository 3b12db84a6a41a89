"""Node ports: their range, and which of it is given to whom.

Source of the range and of the part of it that is kept for people's own choices: kube-apiserver's defaults.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

FIRST, LAST = 30000, 32767
ALL = LAST - FIRST + 1
KEPT = 86  # of the range, its 32nd part: given out only when the rest is used up
USED_UP = f"all node ports from {FIRST} to {LAST} are used up"


class NodePortsUsedUpError(ValueError):
    """Every port of the range has an owner."""


def free_port(taken: Collection[int], owner: str) -> int:
    """A port that is free whatever the protocol. It follows from the owner's name. Raises NodePortsUsedUpError."""
    start = int.from_bytes(blake2b(owner.encode(), digest_size=8).digest()) % (ALL - KEPT)
    for step in range(ALL):
        # All the way round from its own place; what is kept comes last.
        number = FIRST + KEPT + (start + step) % (ALL - KEPT) if step < ALL - KEPT else FIRST + ALL - 1 - step
        if number not in taken:
            return number
    raise NodePortsUsedUpError(USED_UP)
