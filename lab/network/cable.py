"""Cables: veth pairs, one end in each of two places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lab.network.objects import Interface


class End(NamedTuple):
    """One end: its place, its name and hardware address there, and what it is for."""

    place: str
    device: str
    mac: str
    intent: str


def cable(near: End, far: End, mtu: int, master: str = "", *, hairpin: bool = False) -> Iterator[Interface]:
    """Both ends. The near one makes both, and may be a port of the bridge `master`."""
    yield Interface(
        near.place,
        near.device,
        "veth",
        near.mac,
        mtu,
        master=master,
        hairpin=hairpin,
        peer_place=far.place,
        peer_name=far.device,
        intent=near.intent,
    )
    yield Interface(
        far.place,
        far.device,
        "veth",
        far.mac,
        mtu,
        peer_place=near.place,
        peer_name=near.device,
        primary=False,
        intent=far.intent,
    )
