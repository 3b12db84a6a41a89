"""The `ip rule`s of a place (uapi/linux/fib_rules.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from lab.kernel.netlink.rtnetlink.route import TABLE_NAMES, table_number
from lab.kernel.netlink.transport import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Request,
    RouteSocket,
    attribute,
    attributes,
    text,
    u32,
)
from lab.network.objects import RoutingRule
from lab.network.objects.policy_rule import PolicyRule

RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
LOOKUP, GOTO, NOTHING, BLACKHOLE, UNREACHABLE, PROHIBIT = 1, 2, 3, 6, 7, 8
REFUSING = {BLACKHOLE: "blackhole", UNREACHABLE: "unreachable", PROHIBIT: "prohibit"}
USUAL = ("from all lookup local", "from all lookup main", "from all lookup default")
"""What the kernel has by itself."""

_HEADER = struct.Struct("=BBBBBxxBI")
_DST, _SRC, _IIF, _PRIORITY, _MARK, _TABLE, _MASK, _OIF = 1, 2, 3, 6, 10, 15, 16, 17
_PROTOCOL, _SPORTS, _DPORTS = 22, 23, 24
_GOTO, _SUPPRESSED, _UIDS, _DSCP = 4, 14, 20, 25
_NOTHING_SUPPRESSED = 0xFFFFFFFF
_INVERT = 0x2
_WORDS = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp"}
_PROTOCOLS = {word: number for number, word in _WORDS.items()}
_ACTIONS = {word: number for number, word in REFUSING.items()}


def add(item: RoutingRule) -> Request:
    return Request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, _body(item.whole))


def remove(item: RoutingRule) -> Request:
    """The first rule that has all of this."""
    return Request(RTM_DELRULE, 0, _body(item.whole))


def _body(rule: PolicyRule) -> bytes:
    table = table_number(rule.table) if rule.table else 0
    action = LOOKUP if table else GOTO if rule.goto else _ACTIONS.get(rule.refuses, NOTHING)
    source, from_length = _packed(rule.source)
    destination, to_length = _packed(rule.destination)
    kind, _, number = rule.tos.partition(" ")
    tos = int(number, 0) if kind == "tos" else 0
    flags = _INVERT if rule.inverted else 0
    body = _HEADER.pack(socket.AF_INET, to_length, from_length, tos, table if table < 256 else 0, action, flags)
    body += u32(_PRIORITY, rule.priority)
    body += u32(_TABLE, table) if table else b""
    body += attribute(_SRC, source) if source else b""
    body += attribute(_DST, destination) if destination else b""
    body += u32(_MARK, rule.mark) + u32(_MASK, rule.mask) if rule.mask else b""
    body += text(_IIF, rule.incoming) if rule.incoming else b""
    body += text(_OIF, rule.outgoing) if rule.outgoing else b""
    if rule.protocol:
        body += attribute(_PROTOCOL, bytes([_PROTOCOLS.get(rule.protocol) or int(rule.protocol)]))
    for one, ports in ((_SPORTS, rule.sports), (_DPORTS, rule.dports)):
        body += attribute(one, struct.pack("=HH", *ports)) if ports else b""
    body += attribute(_UIDS, struct.pack("=II", *rule.uids)) if rule.uids else b""
    body += attribute(_DSCP, bytes([int(number)])) if kind == "dscp" else b""
    body += u32(_GOTO, rule.goto) if rule.goto else b""
    return body + (u32(_SUPPRESSED, rule.suppressed) if rule.suppressed is not None else b"")


def _packed(prefix: str) -> tuple[bytes, int]:
    network, _, length = prefix.partition("/")
    return (socket.inet_aton(network), int(length)) if prefix else (b"", 0)


def read(netlink: RouteSocket, place: str) -> Iterator[RoutingRule]:
    """Those that the kernel has not by itself."""
    for rule in others(held(netlink)):
        yield RoutingRule.of(place, rule)


def held(netlink: RouteSocket) -> list[PolicyRule]:
    """All rules for IPv4, in the order in which they are asked."""
    bodies = netlink.dump(RTM_GETRULE, _HEADER.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0))
    return sorted(map(_rule, bodies), key=lambda rule: rule.priority)


def others(found: Iterable[PolicyRule]) -> Iterator[PolicyRule]:
    """Those of them that the kernel does not have by itself."""
    return (rule for rule in found if rule.selector not in USUAL)


def gone(found: Iterable[PolicyRule]) -> Iterator[PolicyRule]:
    """Those that the kernel has by itself, and that are not among them: somebody took them away."""
    there = {rule.selector for rule in found}
    own = (PolicyRule(0, table="local"), PolicyRule(32766, table="main"), PolicyRule(32767, table="default"))
    return (rule for rule in own if rule.selector not in there)


def _rule(body: memoryview) -> PolicyRule:
    _family, to_length, from_length, tos, table, action, flags = _HEADER.unpack_from(body)
    told = attributes(body, _HEADER.size)
    number_of = {
        kind: int.from_bytes(told[kind], "little")
        for kind in (_PRIORITY, _MARK, _TABLE, _MASK, _SUPPRESSED, _GOTO)
        if kind in told
    }
    suppressed = number_of.get(_SUPPRESSED, _NOTHING_SUPPRESSED)
    uids = struct.unpack("=II", told[_UIDS]) if _UIDS in told else None
    table = number_of.get(_TABLE, table)
    return PolicyRule(
        priority=number_of.get(_PRIORITY, 0),
        source=_prefix(told.get(_SRC), from_length),
        destination=_prefix(told.get(_DST), to_length),
        incoming=_string(told.get(_IIF)),
        outgoing=_string(told.get(_OIF)),
        mark=number_of.get(_MARK, 0),
        mask=number_of.get(_MASK, 0),
        protocol=_WORDS.get(told[_PROTOCOL][0], str(told[_PROTOCOL][0])) if _PROTOCOL in told else "",
        sports=_range(told.get(_SPORTS)),
        dports=_range(told.get(_DPORTS)),
        table=TABLE_NAMES.get(table, str(table)) if action == LOOKUP else "",
        refuses=REFUSING.get(action, ""),
        inverted=bool(flags & _INVERT),
        tos=f"tos {tos:#x}" if tos else f"dscp {told[_DSCP][0]}" if _DSCP in told else "",
        uids=uids,
        suppressed=None if suppressed == _NOTHING_SUPPRESSED else suppressed,
        goto=number_of.get(_GOTO, 0) if action == GOTO else 0,
    )


def _prefix(packed: memoryview | None, length: int) -> str:
    return f"{socket.inet_ntoa(bytes(packed))}/{length}" if packed is not None else ""


def _range(packed: memoryview | None) -> tuple[int, int] | None:
    return struct.unpack("=HH", packed) if packed is not None else None


def _string(packed: memoryview | None) -> str:
    return bytes(packed).rstrip(b"\0").decode() if packed is not None else ""
