"""One try of a kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.attack.scene import Scene

Tried = tuple[str, str]
"""What came of it, as a tally has it, and the words to try it again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`part` of a hundred: how many are tried where a hundred are asked for. After `checked` tries what must hold is
    looked at. While a `quiet` kind is at work, others must be answered in time.
    """

    name: str
    attempt: Callable[[Scene, random.Random], Tried]
    part: int = 100
    checked: int = 100
    quiet: bool = True
