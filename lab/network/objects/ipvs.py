"""What IPVS, the kernel's own balancer, holds in a place: virtual servers and their real servers. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """An address and port whose connections the kernel spreads. `protocol` is `tcp`, `udp` or `sctp`.

    With `persistence` (seconds, 0 for none) a client stays with the real server that it got. `scheduler` is as ipvsadm
    names it: `rr`, `lc`, `sh`.
    """

    rank: ClassVar[int] = 7
    place: str
    protocol: str
    address: str
    port: int
    scheduler: str = "rr"
    persistence: int = 0
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("virtual-server", self.place, self.protocol, self.address, str(self.port))

    @property
    def title(self) -> str:
        """`TCP 172.16.10.10:80`, as `ipvsadm -Ln` begins its line."""
        return f"{self.protocol.upper()} {self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class RealServer:
    """One of those that a virtual server's connections go to, by NAT (`Masq`). `address` and `port` are the virtual
    server's; `endpoint` is `ADDRESS:PORT`. With `weight` 0 it gets no new connections.
    """

    rank: ClassVar[int] = 7
    place: str
    protocol: str
    address: str
    port: int
    endpoint: str
    weight: int = 1
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("real-server", self.place, self.protocol, self.address, str(self.port), self.endpoint)

    @property
    def server(self) -> Key:
        """The key of the virtual server whose it is."""
        return ("virtual-server", self.place, self.protocol, self.address, str(self.port))
