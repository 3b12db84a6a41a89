"""What becomes of a request to each kind of Service, by subject: from a pod, a node and outside, in each mode.

node-0 10.0.1.10: client, web-0 ──── subnet-a ── router ── gateway ── internet 203.0.113.53
node-1 10.0.2.10: other, web-1, far ─ subnet-b ────┘
"""

from __future__ import annotations

from typing import NamedTuple

from tests.integration.asking import DROPPED, REFUSED, Request
from tests.integration.service_kinds import NODE_0, NODE_1, TUNNEL_0

IPTABLES, NFTABLES, IPVS = "iptables", "nftables", "ipvs"
BOTH = (IPTABLES, NFTABLES)
EVERY = (*BOTH, IPVS)


class Row(NamedTuple):
    """One request: from where, to whom, and what becomes of it in `modes`.

    `who` are those that may answer, or REFUSED or DROPPED; `seen` is the place whose address they see as the client's.
    With `affine` the same one answers every time.
    """

    place: str
    asked: Request
    who: tuple[str, ...]
    seen: str = ""
    modes: tuple[str, ...] = EVERY
    affine: bool = False


def tcp(end: str, times: int = 1) -> Request:
    """To an address, and port 80 unless it says another."""
    host, _, port = end.partition(":")
    return Request("tcp", host, int(port or 80), times)


def udp(end: str, times: int = 1) -> Request:
    """The same over UDP."""
    return tcp(end, times)._replace(protocol="udp")


def each(place: str, end: str, who: tuple[str, ...], seen: str = "", modes: tuple[str, ...] = EVERY) -> tuple[Row, Row]:
    """Over TCP and over UDP."""
    return Row(place, tcp(end), who, seen, modes), Row(place, udp(end), who, seen, modes)


WEB, FAR, WEB_0, WEB_1 = ("web-0", "web-1"), ("far",), ("web-0",), ("web-1",)
NO, NOTHING = (REFUSED,), (DROPPED,)
ASKED_OFTEN = 6

SUBJECTS: dict[str, tuple[Row, ...]] = {
    "a cluster ip: pods keep their address, all others are masqueraded": (
        Row("client", tcp("172.16.30.1", 4), WEB, "client"),
        Row("client", udp("172.16.30.1", 4), WEB, "client"),
        Row("node-0", tcp("172.16.30.1", 4), WEB, "node-0"),
        *each("node-0", "172.16.30.2", FAR, "tunnel of node-0"),
        *each("internet", "172.16.30.2", FAR, "node-0"),
    ),
    "a pod that reaches itself sees its node": (
        *each("far", "172.16.30.2", FAR, "node-1"),
        *each("far", f"{NODE_1}:30082", FAR, "node-1"),
        *each("far", "198.51.100.12", FAR, "node-1"),
        *each("far", "198.51.100.22", FAR, "node-1"),
    ),
    "a node port": (
        *each("node-0", f"{NODE_0}:30082", FAR, "node-0"),
        *each("node-1", f"{NODE_0}:30082", FAR, "node-0"),
        *each("client", f"{NODE_0}:30082", FAR, "node-0"),
        *each("client", f"{NODE_1}:30082", FAR, "node-1"),
        *each("internet", f"{NODE_0}:30082", FAR, "node-0"),
    ),
    "a node port on a node's other addresses": (
        Row("node-0", tcp("127.0.0.1:30082"), FAR, "node-0", (IPTABLES,)),
        Row("node-1", tcp("127.0.0.1:30082"), FAR, "node-1", (IPTABLES,)),
        Row("node-0", tcp("127.0.0.1:30082"), NO, modes=(NFTABLES, IPVS)),
        *each("client", f"{TUNNEL_0}:30082", FAR, "node-0", (IPTABLES, IPVS)),
        *each("client", f"{TUNNEL_0}:30082", NO, modes=(NFTABLES,)),
    ),
    "an external ip": (
        *each("internet", "198.51.100.12", FAR, "node-0"),
        *each("client", "198.51.100.12", FAR, "node-0"),
        *each("node-0", "198.51.100.12", FAR, "node-0"),
        *each("node-1", "198.51.100.12", FAR, "node-1"),
    ),
    "a load balancer's address": (
        *each("internet", "198.51.100.22", FAR, "node-0"),
        *each("client", "198.51.100.22", FAR, "node-0"),
        *each("other", "198.51.100.22", FAR, "node-1"),
        *each("node-0", "198.51.100.22", FAR, "node-0"),
    ),
    "source ranges guard the load balancer's address, and it alone": (
        *each("internet", "198.51.100.23", FAR, "node-0"),
        *each("node-0", "198.51.100.23", FAR, "node-0"),
        *each("client", "198.51.100.23", NOTHING, modes=BOTH),
        # What Felix lets in from its pods is no longer asked for the ranges: docs/services.md.
        *each("client", "198.51.100.23", FAR, modes=(IPVS,)),
        *each("node-1", "198.51.100.23", NOTHING),
        *each("client", "172.16.30.3", FAR, "client"),
        *each("client", f"{NODE_0}:30083", FAR, "node-0"),
    ),
    "internal policy local": (
        *each("other", "172.16.30.5", FAR, "other"),
        *each("node-1", "172.16.30.5", FAR, "node-1"),
        *(row for place in ("client", "node-0", "internet") for row in each(place, "172.16.30.5", NOTHING, modes=BOTH)),
        # A virtual server without real servers, and no rule that drops.
        *(row for place in ("client", "node-0", "internet") for row in each(place, "172.16.30.5", NO, modes=(IPVS,))),
    ),
    "external policy local: who asks from outside keeps its address, and is lost where there is no endpoint": (
        *each("internet", f"{NODE_1}:30086", FAR, "internet"),
        *each("internet", "198.51.100.136", FAR, "internet"),
        *each("internet", "198.51.100.146", FAR, "internet"),
        *each("internet", f"{NODE_0}:30086", NOTHING),
        *each("internet", "198.51.100.16", NOTHING),
        *each("internet", "198.51.100.26", NOTHING),
        *each("node-1", f"{NODE_0}:30086", NOTHING),
    ),
    "external policy local: pods and the node itself reach every endpoint": (
        *each("client", f"{NODE_0}:30086", FAR, "client"),
        *each("client", "198.51.100.16", FAR, "client"),
        *each("client", "198.51.100.26", FAR, "client"),
        *each("client", "172.16.30.6", FAR, "client"),
        *each("node-0", f"{NODE_0}:30086", FAR, "node-0"),
        *each("node-1", "198.51.100.26", FAR, "node-1", BOTH),
        # The address is the node's own, with which it asks; to an endpoint of its own it is not masqueraded.
        *each("node-1", "198.51.100.26", FAR, modes=(IPVS,)),
        *each("node-0", "198.51.100.26", FAR, "node-0"),
    ),
    "both policies local": (
        Row("client", tcp("172.16.30.8"), NOTHING, modes=BOTH),
        Row("client", tcp("172.16.30.8"), FAR, modes=(IPVS,)),
        Row("other", tcp("172.16.30.8"), FAR, "other"),
        Row("client", tcp(f"{NODE_0}:30088"), FAR, "client"),
        Row("node-0", tcp(f"{NODE_0}:30088"), FAR, "node-0"),
        Row("internet", tcp(f"{NODE_1}:30088"), FAR, "internet"),
        Row("internet", tcp(f"{NODE_0}:30088"), NOTHING),
    ),
    "without endpoints it is refused": (
        *each("client", "172.16.30.7", NO),
        *each("node-0", "172.16.30.7", NO),
        *each("internet", "172.16.30.7", NO),
        *each("client", f"{NODE_0}:30087", NO),
        *each("node-0", f"{NODE_0}:30087", NO),
        *each("node-1", f"{NODE_0}:30087", NO),
        *each("internet", f"{NODE_0}:30087", NO),
        *each("client", "198.51.100.17", NO),
        *each("node-1", "198.51.100.17", NO),
        *each("internet", "198.51.100.17", NO),
        *each("client", "198.51.100.27", NO),
        *each("internet", "198.51.100.27", NO),
        # In iptables mode no rule on its way out knows these: it leaves the node, and the router leads it back, where
        # nobody takes a packet of their own from outside.
        *each("node-0", "198.51.100.17", NOTHING, modes=(IPTABLES,)),
        *each("node-0", "198.51.100.17", NO, modes=(NFTABLES, IPVS)),
    ),
    "endpoints that terminate are the last resort, of all and of a node": (
        Row("other", tcp("172.16.30.9", 2), WEB_0, "other"),
        Row("node-1", tcp("172.16.30.9", 2), WEB_0, "node-1"),
        Row("client", tcp("172.16.30.10", ASKED_OFTEN), WEB_1, "client"),
        Row("internet", tcp(f"{NODE_0}:30090"), WEB_0, "internet"),
        Row("internet", tcp(f"{NODE_1}:30090"), WEB_1, "internet"),
    ),
    "session affinity": tuple(
        Row(place, one, WEB, seen, affine=True)
        for place, seen in (("client", "client"), ("other", "other"), ("node-0", "node-0"), ("internet", "node-0"))
        for one in (tcp("172.16.30.4", ASKED_OFTEN), udp("172.16.30.4", ASKED_OFTEN))
    ),
}

# With masqueradeAll, and node ports on addresses of 10.0.0.0/16 alone.
OPTIONS: dict[str, tuple[Row, ...]] = {
    "masqueradeAll": (
        *each("client", "172.16.30.2", FAR, "node-0"),
        *each("other", "172.16.30.2", FAR, "node-1"),
        Row("client", tcp("172.16.30.1", 4), WEB, "node-0"),
    ),
    "nodePortAddresses": (
        *each("client", f"{NODE_0}:30082", FAR, "node-0"),
        *each("internet", f"{NODE_1}:30082", FAR, "node-1"),
        *each("client", f"{TUNNEL_0}:30082", NO),
        Row("node-0", tcp("127.0.0.1:30082"), NO),
    ),
}
