"""What somebody wants done to the packets that leave a device: as readers of a lab know it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HELD = re.compile(r"\bimpairment of (\S+)(?: \(([^()]+:\d+)\))?$")
BY_HAND = "impair"
"""How `held_by` begins of what was set on the running lab."""


@dataclass(frozen=True, slots=True)
class Impaired:
    """`words` are as tc has them (`delay 20ms 5ms loss 1%`); `origin` is the file and line that say it, "" for what was
    set live.

    `means` is what does it: `netem`, `tbf`, `rule`, or `tbf and rule`. `delay` is in microseconds, `loss` in percent.
    """

    place: str
    device: str
    words: str = ""
    means: str = ""
    origin: str = ""
    delay: int = 0
    rate: int = 0
    loss: float = 0.0

    @property
    def where(self) -> str:
        """As `impair` takes it: `node-0/eth0`."""
        return f"{self.place}/{self.device}"

    @property
    def intent(self) -> str:
        """What its objects are for: `impairment of node-0/eth0 (two-subnet.yaml:31)`."""
        return f"impairment of {self.where}{f' ({self.origin})' if self.origin else ''}"

    @property
    def held_by(self) -> str:
        """What would bring it back at the next `up`."""
        return self.origin or f"{BY_HAND} {self.where}"


def is_impairment(intent: str) -> bool:
    """Whether an intent is that of an impairment's object."""
    return _HELD.search(intent) is not None


def held_by(intent: str) -> str:
    """What would bring back the object with this intent; "" if it is no impairment's."""
    found = _HELD.search(intent)
    return (found[2] or f"{BY_HAND} {found[1]}") if found else ""
