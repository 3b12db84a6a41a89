"""Drops in hooks that iptables does not show: netdev's ingress, traffic control, XFRM, a queue that nobody reads."""

from __future__ import annotations

from lab.faults.difference import At, Difference, Given
from lab.faults.fault import Commands, Fault, Parameter, Rewrite
from lab.faults.ground import Ground
from lab.network.objects import Qdisc
from lab.network.objects.qdisc import TBF

_TABLE = "edge"
_RATE, _QUEUE = 1_250_000, 100_000  # bytes a second, bytes
_NETDEV = f"""
table netdev {_TABLE} {{
  chain in {{
    type filter hook ingress device "eth0" priority 0; policy accept;
    ip protocol {{ tcp, udp }} drop
  }}
}}
"""


def _policed(_: Ground, place: str, given: Given) -> Difference:
    return Difference(objects=(Qdisc(place, "eth0", TBF, rate=_RATE, limit=_QUEUE, burst=int(given["bytes"])),))


def _queued(_: Ground, __: str, ___: Given) -> Difference:
    return Difference((At("mangle", "FORWARD", "-j NFQUEUE --queue-num 7"),))


def _nodes(ground: Ground) -> tuple[str, ...]:
    return ground.of_kind("node") if len(ground.of_kind("node")) > 1 else ()


FAULTS = (
    Fault(
        "ingress-drop",
        "a netdev table drops what comes in by eth0, before any other hook",
        "XDP and netdev filters of hosts' agents",
        "nothing from other machines arrives, and no rule that iptables shows is met",
        "a node that is not alone",
        _nodes,
        Commands((("nft -f -", _NETDEV),), ((f"nft delete table netdev {_TABLE}", ""),)),
    ),
    Fault(
        "policer",
        "a policer's bucket is smaller than a full frame",
        "many",
        "small requests are answered, whatever fills a frame is lost",
        "a node that is not alone",
        _nodes,
        Rewrite(_policed),
        (Parameter("bytes", 700, 100, 1499, "the largest frame that fits into the bucket"),),
    ),
    Fault(
        "xfrm-block",
        "an IPsec policy blocks what leaves",
        "left behind by a VPN's daemon",
        "nothing leaves the node, and no rule of any firewall is met",
        "a node that is not alone",
        _nodes,
        Commands(
            (("ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out action block", ""),),
            (("ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out", ""),),
        ),
    ),
    Fault(
        "queue-unheard",
        "a rule gives packets to a program's queue, and no program reads it",
        "inline inspection that has ended",
        "nothing is forwarded, and every counter of dropped packets stays as it is",
        "a node that is not alone",
        _nodes,
        Rewrite(_queued),
    ),
)
