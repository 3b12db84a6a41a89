"""What a link does to the packets that leave there, in the words and units of tc-netem(8) and tc(8).

Ranges: a delay is at most a minute, for nobody waits longer; a rate is what a 32 bit number of bytes a second can say.
A share is a percentage, with or without its sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MICROSECONDS = {"": 1, "us": 1, "usec": 1, "usecs": 1, "ms": 1_000, "msec": 1_000, "msecs": 1_000}
MICROSECONDS |= {"s": 1_000_000, "sec": 1_000_000, "secs": 1_000_000}
BITS = {"": 1, "bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
BITS |= {"kibit": 2**10, "mibit": 2**20, "gibit": 2**30}
BITS |= {"bps": 8, "kbps": 8 * 10**3, "mbps": 8 * 10**6, "gbps": 8 * 10**9}
MOST_MICROSECONDS = 60_000_000
LEAST_BITS, MOST_BITS = 1_000, 30 * 10**9
TIMES, SHARES = ("delay", "jitter"), ("loss", "duplicate", "reorder", "corrupt")
FIELDS = ("loss", "delay", "jitter", "rate", "duplicate", "reorder", "corrupt")
"""As the file and the options of `impair` name them."""
NETEM_ONLY = ("delay", "jitter", "duplicate", "reorder", "corrupt")
"""What no other part of a kernel does."""

_NUMBER = re.compile(r"([-+]?\d{1,12}(?:\.\d{1,9})?)\s*([a-z]*|%)")


class ImpairmentError(ValueError):
    """A value that cannot be: `field` says which, the text what is wrong with it, `remedy` what would be right."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.field = field
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Impairment:
    """Times in microseconds, shares in percent, the rate in bits a second; 0 is none."""

    loss: float = 0.0
    delay: int = 0
    jitter: int = 0
    rate: int = 0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in FIELDS)

    @property
    def needs_netem(self) -> tuple[str, ...]:
        """The fields of it that only netem can do."""
        return tuple(name for name in NETEM_ONLY if getattr(self, name))

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Impairment:
        """Of the fields' texts; "" is not given. ImpairmentError for the first that cannot be, alone or together."""
        made = cls.of(given)
        for error in made.contradictions():
            raise error
        return made

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Impairment:
        """The same, whatever the fields say together."""
        read = {name: value(name, text) for name, text in given.items() if text}
        loss, duplicate, reorder, corrupt = (read.get(name, 0.0) for name in SHARES)
        delay, jitter, bits = (round(read.get(name, 0)) for name in (*TIMES, "rate"))
        return cls(loss, delay, jitter, bits, duplicate, reorder, corrupt)

    def contradictions(self) -> Iterator[ImpairmentError]:
        """Fields that mean nothing without another."""
        if self.jitter and not self.delay:
            yield ImpairmentError("jitter", "there is a jitter and no delay", "jitter varies a delay: give both")
        elif self.jitter > self.delay:
            problem = f"the jitter {time(self.jitter)} is more than the delay {time(self.delay)}"
            yield ImpairmentError("jitter", problem, "nothing leaves before it came: make it smaller")
        if self.reorder and not self.delay:
            remedy = "what is reordered leaves at once, all else after the delay: give both"
            yield ImpairmentError("reorder", "there is a reorder and no delay", remedy)

    @property
    def words(self) -> str:
        """As tc says it: `delay 20ms 5ms loss 1% rate 10mbit`."""
        said = []
        if self.delay:
            said.append(f"delay {time(self.delay)}{f' {time(self.jitter)}' if self.jitter else ''}")
        said += [f"{name} {share(getattr(self, name))}" for name in SHARES if getattr(self, name)]
        if self.rate:
            said.append(f"rate {rate(self.rate)}")
        return " ".join(said)


def value(field: str, text: str) -> float:
    """What the text of a field says, in the unit of `Impairment`. ImpairmentError."""
    if field in TIMES:
        return _in(field, text, MICROSECONDS, (0, MOST_MICROSECONDS), "write it as 20ms", ("0", "60s"))
    if field == "rate":
        limits = ("1kbit", "30gbit")
        return _in(field, text, BITS, (LEAST_BITS, MOST_BITS), "write it as 10mbit", limits)
    found = _NUMBER.fullmatch(text)
    if found is None or found[2] not in ("", "%"):
        raise ImpairmentError(field, f"{ascii(text)[:60]} is no percentage", "write it as 1%")
    percent = float(found[1])
    if not 0 <= percent <= 100:
        raise ImpairmentError(field, f"{text} is not possible", "it is between 0% and 100%")
    return percent


def _in(
    field: str, text: str, units: Mapping[str, int], limits: tuple[int, int], example: str, said: tuple[str, str]
) -> int:
    found = _NUMBER.fullmatch(text.lower())
    if found is None or found[2] not in units:
        what = "rate" if field == "rate" else "time"
        known = ", ".join(one for one in units if one)
        raise ImpairmentError(field, f"{ascii(text)[:60]} is no {what}", f"{example}; units are {known}")
    number = round(float(found[1]) * units[found[2]])
    least, most = limits
    if not least <= number <= most:
        raise ImpairmentError(field, f"{text} is not possible", f"it is between {said[0]} and {said[1]}")
    return number


def time(microseconds: int) -> str:
    """`20ms`, `1.5s`, `300us`."""
    for unit, size in (("s", 1_000_000), ("ms", 1_000)):
        if microseconds >= size:
            return f"{microseconds / size:.6g}{unit}"
    return f"{microseconds}us"


def share(percent: float) -> str:
    """`1%`, `0.1%`."""
    return f"{percent:.6g}%"


def rate(bits: int) -> str:
    """`10mbit`, `1500kbit`."""
    for unit, size in (("gbit", 10**9), ("mbit", 10**6), ("kbit", 10**3)):
        if bits >= size and bits % size == 0:
            return f"{bits // size}{unit}"
    return f"{bits}bit"
