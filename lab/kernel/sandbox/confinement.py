"""How a lab is confined, as whoever starts it wants it: with which power, which folders of theirs, which limits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from lab.errors import UsageError

LEAST_BYTES = 16 << 20  # of memory for a shell and what it runs, of disk for a copy of /etc
LEAST_PIDS = 301  # the kernel keeps 300 numbers for its own start (include/linux/threads.h)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_OF_THE_SYSTEM = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
)
_LIMITS = "such as memory=2G,pids=2000,cpu=50%,disk=1G"


@dataclass(frozen=True, slots=True)
class Limits:
    """What all programs in the lab's places may use together: bytes of memory, processes, hundredths of a processor;
    and bytes that each place may write. A memory of 0 is half of the machine's, a processor share of 0 all of it.
    `named` are those that were asked for.
    """

    memory: int = 0
    pids: int = 10_000
    cpu: int = 0
    disk: int = 256 << 20
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confinement:
    """`privileged`: root's lab without a user namespace. `shared` are folders that every place shows, to be written."""

    privileged: bool = False
    shared: tuple[str, ...] = ()
    limits: Limits = Limits()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Confinement:
        """What `to_json` wrote."""
        told = json.loads(text)
        found = Limits(**{**told["limits"], "named": tuple(told["limits"]["named"])})
        return Confinement(told["privileged"], tuple(told["shared"]), found)


USUAL = Confinement()


def shared(folders: Iterable[str]) -> tuple[str, ...]:
    """The folders' full paths. UsageError for what is no folder, or one of the system's own."""
    found = []
    for folder in folders:
        path = os.path.realpath(folder)
        if not os.path.isdir(path):
            raise UsageError(f"--share {folder}: there is no such folder")
        if path in _OF_THE_SYSTEM or any(
            path.startswith(f"{one}/") for one in ("/dev", "/etc", "/proc", "/sys", "/usr")
        ):
            raise UsageError(f"--share {folder}: that is one of the system's", "share a folder of your own below it")
        found.append(path)
    return tuple(dict.fromkeys(found))


def limits(given: Sequence[str]) -> Limits:
    """From `memory=2G,pids=2000,cpu=50%,disk=1G`, in one text or several. UsageError that says what would be right."""
    found, named = asdict(Limits()), []
    for each in (part for text in given for part in text.split(",")):
        name, _, value = each.strip().partition("=")
        named.append(name)
        if name in ("memory", "disk"):
            found[name] = _bytes(each, value)
        elif name == "pids" and value.isascii() and value.isdecimal() and int(value) >= LEAST_PIDS:
            found[name] = int(value)
        elif name == "pids":
            raise UsageError(f"--limit {each}: not a number of processes, of {LEAST_PIDS} or more", _LIMITS)
        elif name == "cpu" and value.rstrip("%").isascii() and value.rstrip("%").isdecimal() and int(value.rstrip("%")):
            found[name] = int(value.rstrip("%"))
        elif name == "cpu":
            raise UsageError(f"--limit {each}: not a share of a processor; 200% are two", _LIMITS)
        else:
            raise UsageError(f"--limit {each}: there is no limit of that name", _LIMITS)
    return Limits(**{**found, "named": tuple(dict.fromkeys(named))})


def _bytes(each: str, value: str) -> int:
    number, unit = value.upper().removesuffix("IB").removesuffix("B"), ""
    if number[-1:] in _UNITS and number[-1:]:
        number, unit = number[:-1], number[-1]
    if not (number.isascii() and number.isdecimal() and int(number)):
        raise UsageError(f"--limit {each}: not a size", _LIMITS)
    if int(number) * _UNITS[unit] < LEAST_BYTES:
        raise UsageError(f"--limit {each}: nothing runs in less than {LEAST_BYTES >> 20}M", _LIMITS)
    return int(number) * _UNITS[unit]
