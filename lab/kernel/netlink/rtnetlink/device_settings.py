"""Per-device settings (net.ipv4.conf.DEV.*, net.ipv4.neigh.DEV.proxy_delay, …) without a file: they travel with the
link.

Opening a file under /proc/sys costs 0.1 ms in a new namespace, three times a pod and a hundred times a node;
IFLA_AF_SPEC carries them in a request about the link, and a dump of links tells all of them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from lab.kernel.netlink.transport import Request, RouteSocket, attribute, attributes, find, nested, text, u32
from lab.network.objects import Sysctl

RTM_GETLINK = 18
IFLA_AF_SPEC, IFLA_EXT_MASK = 26, 29
SKIP_STATISTICS = 1 << 3  # rtnetlink.h: RTEXT_FILTER_SKIP_STATS
IFLA_INET_CONF = 1
RTM_GETNEIGHTBL, RTM_SETNEIGHTBL = 66, 67
NDTA_NAME, NDTA_PARMS = 1, 6
NDTPA_IFINDEX, NDTPA_PROXY_DELAY = 1, 13
MILLISECONDS_PER_TICK = 10  # proxy_delay's file counts in USER_HZ, the kernel's messages in milliseconds

USUAL = {"forwarding": 1, "proxy_arp": 3, "rp_filter": 8, "route_localnet": 26}
"""Settings that every lab has, by their position in the kernel's array (uapi/linux/ip.h, IPV4_DEVCONF_*)."""
DEVCONF = {
    **USUAL,
    "accept_redirects": 4,
    "secure_redirects": 5,
    "send_redirects": 6,
    "shared_media": 7,
    "accept_source_route": 9,
    "log_martians": 11,
    "arp_filter": 13,
    "disable_xfrm": 15,
    "disable_policy": 16,
    "arp_announce": 18,
    "arp_ignore": 19,
    "promote_secondaries": 20,
    "arp_accept": 21,
    "arp_notify": 22,
    "accept_local": 23,
    "src_valid_mark": 24,
    "proxy_arp_pvlan": 25,
    "ignore_routes_with_linkdown": 29,
    "drop_unicast_in_l2_multicast": 30,
    "drop_gratuitous_arp": 31,
}

_TOLD = ("forwarding", "proxy_arp", "rp_filter", "ignore_routes_with_linkdown", "addr_gen_mode")
"""Settings of which a group tells when somebody writes their files."""

IFLA_INET6_ADDR_GEN_MODE = 8

_ARP = struct.pack("=Bxxx", socket.AF_INET)  # struct ndtmsg
_CONF = "net.ipv4.conf."
_CONF6 = "net.ipv6.conf."
_ADDR_GEN_MODE = ".addr_gen_mode"
_NEIGH = "net.ipv4.neigh."
_DELAY = ".proxy_delay"


def device_of(name: str) -> tuple[str, str] | None:
    """(device, setting) if this sysctl can travel with a link, else None. `all` and `default` are not devices."""
    if name.startswith(_CONF):
        device, _, setting = name[len(_CONF) :].rpartition(".")
        if setting in DEVCONF and device not in ("all", "default"):
            return device, setting
    elif name.startswith(_NEIGH) and name.endswith(_DELAY):
        return name[len(_NEIGH) : -len(_DELAY)], "proxy_delay"
    elif name.startswith(_CONF6) and name.endswith(_ADDR_GEN_MODE):
        return name[len(_CONF6) : -len(_ADDR_GEN_MODE)], "addr_gen_mode"
    return None


def is_untold(name: str) -> bool:
    """Whether this sysctl is a device's, and the kernel tells nobody when it changes."""
    of_device = device_of(name)
    return of_device is not None and of_device[1] not in _TOLD


def fingerprint(netlink: RouteSocket) -> tuple[bytes, ...]:
    """Of all devices' settings that are untold: equal when none has changed."""
    tables = netlink.dump(RTM_GETNEIGHTBL, _ARP)
    delays = [bytes(find(find(table, NDTA_PARMS, 4) or b"", NDTPA_PROXY_DELAY) or b"") for table in tables]
    links = netlink.dump(RTM_GETLINK, bytes(16) + u32(IFLA_EXT_MASK, SKIP_STATISTICS))
    return (*delays, *map(_conf, links))


def _conf(link: memoryview) -> bytes:
    families = find(link, IFLA_AF_SPEC, 16) or b""
    return bytes(find(find(families, socket.AF_INET) or b"", IFLA_INET_CONF) or b"")


def af_spec(settings: Iterable[tuple[str, str]]) -> bytes:
    """The attribute that writes these (setting, value) pairs, or nothing for none."""
    inet, inet6 = b"", b""
    for name, value in settings:
        if name == "addr_gen_mode":
            inet6 += attribute(IFLA_INET6_ADDR_GEN_MODE, bytes([int(value)]))
        else:
            inet += u32(DEVCONF[name], int(value))
    families = nested(socket.AF_INET, nested(IFLA_INET_CONF, inet)) if inet else b""
    families += nested(socket.AF_INET6, inet6) if inet6 else b""
    return nested(IFLA_AF_SPEC, families) if families else b""


def further(names: Iterable[str]) -> dict[str, list[str]]:
    """By device, those of these sysctls' settings that are no usual ones."""
    found: dict[str, list[str]] = {}
    for name in names:
        of_device = device_of(name)
        if of_device is not None and of_device[1] in DEVCONF and of_device[1] not in USUAL:
            found.setdefault(of_device[0], []).append(of_device[1])
    return found


def read_af_spec(device: str, spec: memoryview | None, more: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """(sysctl name, value) of every usual setting and these, for one device of a dump."""
    families = attributes(spec) if spec is not None else {}
    inet, inet6 = families.get(socket.AF_INET), families.get(socket.AF_INET6)
    conf = attributes(inet).get(IFLA_INET_CONF) if inet is not None else None
    if conf is not None:
        for name in (*USUAL, *more):
            (value,) = struct.unpack_from("=i", conf, (DEVCONF[name] - 1) * 4)
            yield f"{_CONF}{device}.{name}", str(value)
    mode = attributes(inet6).get(IFLA_INET6_ADDR_GEN_MODE) if inet6 is not None else None
    if mode is not None:
        yield f"{_CONF6}{device}{_ADDR_GEN_MODE}", str(mode[0])


def set_proxy_delay(index: int, ticks: str) -> Request:
    """Write net.ipv4.neigh.DEV.proxy_delay."""
    delay = int(ticks) * MILLISECONDS_PER_TICK
    parameters = nested(NDTA_PARMS, u32(NDTPA_IFINDEX, index), attribute(NDTPA_PROXY_DELAY, struct.pack("=Q", delay)))
    return Request(RTM_SETNEIGHTBL, 0, _ARP + text(NDTA_NAME, "arp_cache") + parameters)


def read_proxy_delays(netlink: RouteSocket, place: str, names: dict[int, str]) -> Iterator[Sysctl]:
    """net.ipv4.neigh.DEV.proxy_delay of every device."""
    for body in netlink.dump(RTM_GETNEIGHTBL, _ARP):
        parameters = attributes(attributes(body, 4).get(NDTA_PARMS, b""))
        if NDTPA_IFINDEX in parameters and NDTPA_PROXY_DELAY in parameters:
            device = names.get(int.from_bytes(parameters[NDTPA_IFINDEX], "little"))
            delay = int.from_bytes(parameters[NDTPA_PROXY_DELAY], "little") // MILLISECONDS_PER_TICK
            if device:
                yield Sysctl(place, f"{_NEIGH}{device}{_DELAY}", str(delay))
