"""WireGuard devices of a place, over generic netlink: what Felix and `wg` speak to the kernel.

Importing this module imports pyroute2, which takes a while: only a lab with such devices does.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP
from pyroute2.netlink.generic.wireguard import (
    WG_CMD_GET_DEVICE,
    WG_CMD_SET_DEVICE,
    WGPEER_F_REMOVE_ME,
    WGPEER_F_REPLACE_ALLOWEDIPS,
    WireGuard,
    wgmsg,
)

from lab.kernel.failure import guarded
from lab.kernel.netlink.generic import GenericSocket
from lab.network.ipv4 import in_order
from lab.network.objects import WireguardDevice, WireguardPeer
from lab.plan import Step

NO_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

Attributes = list[tuple[str, Any]]


class Held(NamedTuple):
    """A peer that is there. `handshake` is when the last one was (seconds, 0 for none)."""

    peer: WireguardPeer
    handshake: int


class Side(NamedTuple):
    """A device as it is."""

    device: WireguardDevice
    peers: tuple[Held, ...]


class WireguardSocket(GenericSocket):
    """A socket of the network namespace in which it was made. OSError where the kernel refuses."""

    def __init__(self) -> None:
        super().__init__(WireGuard, wgmsg)

    def configure(self, item: WireguardDevice) -> None:
        """The device's own side, as this says."""
        self._set(
            item.device,
            [
                ("WGDEVICE_A_PRIVATE_KEY", item.private_key),
                ("WGDEVICE_A_LISTEN_PORT", item.port),
                ("WGDEVICE_A_FWMARK", item.mark),
            ],
        )

    def put(self, item: WireguardPeer) -> None:
        """The peer, made or changed to this."""
        address, _, port = item.endpoint.partition(":")
        peer: Attributes = [
            ("WGPEER_A_PUBLIC_KEY", item.public_key),
            ("WGPEER_A_ENDPOINT", {"addr": address, "port": int(port)}),
            ("WGPEER_A_FLAGS", WGPEER_F_REPLACE_ALLOWEDIPS),
            ("WGPEER_A_PRESHARED_KEY", NO_KEY),
            ("WGPEER_A_ALLOWEDIPS", [{"attrs": _allowed(prefix)} for prefix in item.allowed]),
        ]
        self._set(item.device, [("WGDEVICE_A_PEERS", [{"attrs": peer}])])

    def remove(self, item: WireguardPeer) -> None:
        """The peer goes."""
        peer = [("WGPEER_A_PUBLIC_KEY", item.public_key), ("WGPEER_A_FLAGS", WGPEER_F_REMOVE_ME)]
        self._set(item.device, [("WGDEVICE_A_PEERS", [{"attrs": peer}])])

    def side(self, place: str, device: str) -> Side:
        """A device as it is; OSError where it is none of these."""
        own: dict[str, Any] = {}
        peers: dict[str, dict[str, Any]] = {}
        for told in self._request(WG_CMD_GET_DEVICE, [("WGDEVICE_A_IFNAME", device)], NLM_F_DUMP):
            attributes = dict(told["attrs"])
            own.update((name, value) for name, value in attributes.items() if name != "WGDEVICE_A_PEERS")
            for each in attributes.get("WGDEVICE_A_PEERS", ()):
                peer = dict(each["attrs"])
                # One with many prefixes goes on in the next message.
                known = peers.setdefault(_text(peer["WGPEER_A_PUBLIC_KEY"]), {})
                more = [*known.get("WGPEER_A_ALLOWEDIPS", ()), *peer.get("WGPEER_A_ALLOWEDIPS", ())]
                known.update(peer, WGPEER_A_ALLOWEDIPS=more)
        private = _text(own["WGDEVICE_A_PRIVATE_KEY"]) if "WGDEVICE_A_PRIVATE_KEY" in own else ""
        port, mark = own.get("WGDEVICE_A_LISTEN_PORT", 0), own.get("WGDEVICE_A_FWMARK", 0)
        return Side(
            WireguardDevice(place, device, "" if private == NO_KEY else private, port, mark),
            tuple(_held(place, device, key, peer) for key, peer in peers.items()),
        )

    def _set(self, device: str, attributes: Attributes) -> None:
        self._request(WG_CMD_SET_DEVICE, [("WGDEVICE_A_IFNAME", device), *attributes], NLM_F_ACK)


def carry_out(steps: Sequence[Step]) -> None:
    """In the calling thread's namespace: devices first, then whom they speak to. KernelError names the step."""
    if not steps:
        return
    with WireguardSocket() as kernel:
        for step in sorted(steps, key=lambda step: isinstance(step.object, WireguardPeer)):
            action: Callable[[Any], None] = kernel.configure
            if isinstance(step.object, WireguardPeer):
                action = kernel.remove if step.action == "remove" else kernel.put
            guarded(step, action, step.object)


def read(place: str, devices: Iterable[str]) -> Iterator[WireguardDevice | WireguardPeer]:
    """What these devices of the calling thread's namespace hold. One that went meanwhile holds nothing."""
    with WireguardSocket() as kernel:
        for device in devices:
            try:
                side = kernel.side(place, device)
            except OSError as error:
                if error.errno != errno.ENODEV:
                    raise
                continue
            yield side.device
            yield from (held.peer for held in side.peers)


def _allowed(text: str) -> Attributes:
    address, _, length = text.partition("/")
    return [
        ("WGALLOWEDIP_A_FAMILY", socket.AF_INET),
        ("WGALLOWEDIP_A_IPADDR", socket.inet_aton(address)),
        ("WGALLOWEDIP_A_CIDR_MASK", int(length)),
    ]


def _held(place: str, device: str, key: str, peer: Mapping[str, Any]) -> Held:
    endpoint = peer.get("WGPEER_A_ENDPOINT")
    allowed = (one["addr"] for one in peer["WGPEER_A_ALLOWEDIPS"] if ":" not in one["addr"])
    handshake = peer.get("WGPEER_A_LAST_HANDSHAKE_TIME")
    return Held(
        WireguardPeer(
            place,
            device,
            key,
            f"{endpoint['addr']}:{endpoint['port']}" if endpoint else "",
            in_order(allowed),
            preshared=_text(peer.get("WGPEER_A_PRESHARED_KEY", NO_KEY)) != NO_KEY,
        ),
        handshake["tv_sec"] if handshake else 0,
    )


def _text(value: Any) -> str:  # noqa: ANN401  a key, as pyroute2 decodes it
    return value.decode() if isinstance(value, bytes) else str(value)
