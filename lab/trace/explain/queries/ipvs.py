"""What IPVS of a place has for an address and a port: its virtual server there and the real ones, as the kernel lists
them. Every user may read that list, whatever the mode of kube-proxy is by design.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LIST = Path("/proc/thread-self/net/ip_vs")
_REAL = "->"
PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True)
class Real:
    """A real server: `endpoint` is ADDRESS:PORT, `forward` the way there (`Masq` is NAT)."""

    endpoint: str
    forward: str
    weight: int


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual server. `flags` has what follows the scheduler: `persistent 10800 FFFFFFFF`."""

    protocol: str
    address: str
    port: int
    scheduler: str
    flags: str = ""
    real: tuple[Real, ...] = ()

    @property
    def title(self) -> str:
        """As `ipvsadm -Ln` begins its line."""
        return f"{self.protocol.upper()} {self.address}:{self.port} {self.scheduler}"


def listed() -> tuple[Virtual, ...]:
    """All of the calling thread's namespace; none where the kernel has no IPVS."""
    try:
        return tuple(read(_LIST.read_text(encoding="ascii").splitlines()))
    except OSError:
        return ()


def read(lines: Iterable[str]) -> Iterator[Virtual]:
    """Those in the lines of /proc/net/ip_vs; what is of IPv6 or of firewall marks is passed over."""
    found: Virtual | None = None
    real: list[Real] = []
    for line in lines:
        words = line.split()
        if words and words[0] == _REAL:
            if found is not None and (end := _end(words[1])) is not None:
                real.append(Real(f"{end[0]}:{end[1]}", words[2], int(words[3])))
            continue
        if found is not None:
            yield _with(found, real)
        found, real = _virtual(words), []
    if found is not None:
        yield _with(found, real)


def _virtual(words: list[str]) -> Virtual | None:
    end = _end(words[1]) if len(words) > 2 and words[0] in PROTOCOLS else None
    return Virtual(words[0].lower(), *end, words[2], " ".join(words[3:])) if end else None


def _with(found: Virtual, real: list[Real]) -> Virtual:
    return Virtual(found.protocol, found.address, found.port, found.scheduler, found.flags, tuple(real))


def _end(text: str) -> tuple[str, int] | None:
    """`AC100A0A:0050` is 172.16.10.10 port 80."""
    address, _, port = text.partition(":")
    try:
        return socket.inet_ntoa(bytes.fromhex(address)), int(port, 16)
    except (ValueError, OSError):
        return None
