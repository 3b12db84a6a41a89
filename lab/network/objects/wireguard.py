"""What a WireGuard device knows of itself and of whom it speaks to. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WireguardDevice:
    """The device's own side. `private_key` is as `wg` writes it (base64, 32 bytes), `port` is UDP's; what it sends
    itself has `mark`.
    """

    rank: ClassVar[int] = 6
    place: str
    device: str
    private_key: str
    port: int
    mark: int = 0
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("wireguard", self.place, self.device)


@dataclass(frozen=True, slots=True)
class WireguardPeer:
    """Another end: packets for the prefixes `allowed` (in their numbers' order) are encrypted for `public_key` and sent
    to `endpoint` (`ADDRESS:PORT`), and from it only what bears an address of them is taken. A `preshared` key both ends
    must have.
    """

    rank: ClassVar[int] = 6
    place: str
    device: str
    public_key: str
    endpoint: str
    allowed: tuple[str, ...]
    preshared: bool = False
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("wireguard-peer", self.place, self.device, self.public_key)
