"""What netfilter tells of one packet at one rule, and how its messages are read.

Layouts: nf_tables.h (NFTA_TRACE_*; 18 to 21 are of Linux 6.16 and later) and nfnetlink_log.h. Of several events about
one packet in one base chain only the first has the packet's headers, and there is never a time: what counts is order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.kernel.netlink.netfilter import IPV4, SUBSYSTEM_LOG, SUBSYSTEM_NFTABLES, Answer
from lab.kernel.netlink.transport import attributes
from lab.trace.witness.packet import Packet, decode

RULE, RETURN, POLICY = "rule", "return", "policy"
NFTABLES, LEGACY = "nftables", "legacy"

ACCEPT, DROP, QUEUE, CONTINUE, JUMP, GOTO = "accept", "drop", "queue", "continue", "jump", "goto"

_NFT_TRACE = SUBSYSTEM_NFTABLES << 8 | 17
_NFLOG_PACKET = SUBSYSTEM_LOG << 8
_TYPES = {1: POLICY, 2: RETURN, 3: RULE}
_VERDICTS = {
    0: DROP,
    1: ACCEPT,
    2: "stolen",
    3: QUEUE,
    4: "repeat",
    5: "stop",
    -1: CONTINUE,
    -2: "break",
    -3: JUMP,
    -4: GOTO,
    -5: "return",
}
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_STATES = {1: "invalid", 2: "established", 4: "related", 8: "new", 64: "untracked"}
_DIRECTIONS = ("original", "reply")
_LEGACY_LINE = re.compile(r"TRACE: ([^:]+):(.+):(rule|return|policy):(\d+) ?$")


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """A rule, the end of a chain or a policy that a packet met in a place. Ends are left out where they tell nothing.

    `id` is the packet's within the place, for as long as it is there; iptables-legacy has none (0). `handle` is the
    rule's, for iptables-legacy its number in the chain, from 1. `verdict` is accept, drop, continue, jump, goto,
    return, queue; "" where iptables-legacy does not tell. `iif` and `oif` are interface indexes, `headers` the IP
    packet's beginning, `connection` the conntrack entry's id; 0, b"" and "" where they are not told.
    """

    place: str
    id: int
    kind: str
    family: str
    table: str
    chain: str
    handle: int
    verdict: str
    jump_target: str = ""
    iif: int = 0
    oif: int = 0
    ethernet: bytes = b""
    headers: bytes = b""
    mark: int = 0
    connection: int = 0
    direction: str = ""
    state: str = ""
    hook: str = ""
    origin: str = NFTABLES

    @property
    def packet(self) -> Packet | None:
        """The packet as far as its headers were told: of a tunnel's packet, the outer one."""
        return decode(self.headers, (), ethernet=False) if self.headers else None


def read(place: str, answer: Answer) -> TraceEvent | None:
    """The event in a message; None when it is about something else."""
    if answer.kind == _NFT_TRACE:
        return _nftables(place, answer)
    if answer.kind == _NFLOG_PACKET:
        return _legacy(place, answer)
    return None


def _nftables(place: str, answer: Answer) -> TraceEvent | None:
    found = attributes(answer.body)

    def value(kind: int) -> int:
        data = found.get(kind)
        return int.from_bytes(data, "big") if data is not None else 0

    verdict, target = _verdict(found.get(5))
    kind = _TYPES.get(value(4), "")
    if kind == RULE and 3 not in found:
        if 8 not in found:
            return None
        kind = RETURN  # the end of a chain is told like a rule, but has no handle
    if kind == POLICY:
        verdict = _VERDICTS.get(value(16), "")
    return TraceEvent(
        place=place,
        id=value(6),
        kind=kind,
        family=_FAMILIES.get(answer.family, str(answer.family)),
        table=_string(found.get(1)),
        chain=_string(found.get(2)),
        handle=value(3),
        verdict=verdict,
        jump_target=target,
        iif=value(10),
        oif=value(12),
        ethernet=bytes(found.get(7, b"")),
        headers=bytes(found.get(8, b"")) + bytes(found.get(9, b"")),
        mark=value(14),
        connection=value(18),
        direction=_DIRECTIONS[value(19) & 1] if 19 in found else "",
        state=_STATES.get(value(21), "") if 21 in found else "",
    )


def _verdict(data: memoryview | None) -> tuple[str, str]:
    """The verdict's name, and the chain that it leads to."""
    if data is None:
        return "", ""
    found = attributes(data)
    code = int.from_bytes(found[1], "big", signed=True) if 1 in found else -1
    # A refusal's errno and a queue's number are in the upper half.
    return _VERDICTS.get(code if code < 0 else code & 0xFF, str(code)), _string(found.get(2))


def _legacy(place: str, answer: Answer) -> TraceEvent | None:
    found = attributes(answer.body)
    line = _LEGACY_LINE.match(_string(found.get(10)))
    if line is None or answer.family != IPV4:
        return None  # somebody's LOG or NFLOG rule

    def value(kind: int) -> int:
        data = found.get(kind)
        return int.from_bytes(data, "big") if data is not None else 0

    table, chain, kind, position = line.groups()
    hook = found[1][2] if 1 in found else len(_HOOKS)
    return TraceEvent(
        place=place,
        id=0,
        kind=kind,
        family="ip",
        table=table,
        chain=chain,
        handle=int(position),
        verdict="",
        iif=value(4),
        oif=value(5),
        headers=bytes(found.get(9, b""))[:60],
        mark=value(2),
        hook=_HOOKS[hook] if hook < len(_HOOKS) else "",
        origin=LEGACY,
    )


def _string(data: memoryview | None) -> str:
    return bytes(data).rstrip(b"\0").decode(errors="replace") if data is not None else ""
