"""What every device of a place that forwards must have set: `net.ipv4.ip_forward` is only what new ones begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.network.objects import Interface, Object, Sysctl
from lab.network.place_names import UNDERLAY
from lab.network.wiring import INTERNET

_SETTINGS = (
    ("net.ipv4.conf.%s.forwarding", "1", "forwards packets"),
    ("net.ipv4.conf.%s.rp_filter", "0", "no reverse path filter"),
)


def of_devices(objects: Iterable[Object]) -> Iterator[Sysctl]:
    """The settings of each of the interfaces among these objects, which belong to nodes, routers and the gateway.

    A bridge's port forwards nothing itself.
    """
    for item in objects:
        if isinstance(item, Interface) and not item.master and item.place not in (UNDERLAY, INTERNET):
            for name, value, intent in _SETTINGS:
                yield Sysctl(item.place, name % item.name, value, f"{item.name} {intent}")
