"""The queueing discipline at which packets leave a device, where it is not the kernel's usual one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

Key = tuple[str, ...]

NETEM, TBF = "netem", "tbf"
PACKETS = 1000  # what netem holds by default
WHOLE = 0xFFFFFFFF  # all packets, as the kernel counts shares
LATENCY_SECONDS = 0.4  # so long a packet waits at most for a rate, as tc(8) has it in its examples
TICKS_PER_SECOND = 100  # a burst is what the rate gives in so short a time, and at least a frame


@dataclass(frozen=True, slots=True)
class Qdisc:
    """`kind` is netem, tbf, or any other that somebody put there, of which nothing more is told.

    Times are nanoseconds, shares fractions of WHOLE, `rate` bytes a second; `limit` counts packets of netem and bytes
    of tbf, as does `burst`, which the kernel does not keep exactly.
    """

    rank: ClassVar[int] = 2
    place: str
    device: str
    kind: str
    delay: int = 0
    jitter: int = 0
    loss: int = 0
    duplicate: int = 0
    reorder: int = 0
    corrupt: int = 0
    rate: int = 0
    limit: int = 0
    burst: int = field(default=0, compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("qdisc", self.place, self.device)

    @property
    def words(self) -> str:
        """Its kind and what it does, as tc takes it."""
        if self.kind == TBF:
            return f"tbf rate {_rate(self.rate)} burst {self.burst}b limit {self.limit}b"
        if self.kind != NETEM:
            return self.kind
        said = [f"netem limit {self.limit}"]
        if self.delay:
            said.append(f"delay {_time(self.delay)}{f' {_time(self.jitter)}' if self.jitter else ''}")
        for name in ("loss", "duplicate", "reorder", "corrupt"):
            if part := getattr(self, name):
                said.append(f"{name} {100 * part / WHOLE:.6g}%")
        if self.rate:
            said.append(f"rate {_rate(self.rate)}")
        return " ".join(said)


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds // 1_000_000}ms" if nanoseconds % 1_000_000 == 0 else f"{nanoseconds / 1000:.15g}us"


def _rate(bytes_: int) -> str:
    bits = bytes_ * 8
    for unit, size in (("mbit", 10**6), ("kbit", 10**3)):
        if bits % size == 0:
            return f"{bits // size}{unit}"
    return f"{bits}bit"


def fraction(percent: float) -> int:
    """A share as the kernel counts it."""
    return round(percent / 100 * WHOLE)


def shaped(place: str, device: str, rate: int, mtu: int, intent: str) -> Qdisc:
    """A token bucket that lets `rate` bytes a second out of a device with that MTU."""
    frame = mtu + 18  # its Ethernet header, and a tag
    burst = max(rate // TICKS_PER_SECOND, frame)
    limit = int(rate * LATENCY_SECONDS) + burst
    return Qdisc(place, device, TBF, rate=rate, limit=limit, burst=burst, intent=intent)
