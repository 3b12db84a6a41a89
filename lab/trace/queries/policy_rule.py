"""The `ip rule`s of a place: RTM_GETRULE, and which of them a packet matches (uapi/linux/fib_rules.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lab.kernel.netlink import RouteSocket, attributes
from lab.network.ipv4 import Prefix, number
from lab.trace.queries.route import NUMBERS, TABLES, Lookup

RTM_GETRULE = 34
LOOKUP, GOTO, NOP, BLACKHOLE, UNREACHABLE, PROHIBIT = 1, 2, 3, 6, 7, 8
REFUSING = {BLACKHOLE: "blackhole", UNREACHABLE: "unreachable", PROHIBIT: "prohibit"}
USUAL = ("from all lookup local", "from all lookup main", "from all lookup default")
"""What the kernel has by itself."""

_HEADER = struct.Struct("=BBBBBxxBI")
_DST, _SRC, _IIF, _PRIORITY, _MARK, _TABLE, _MASK, _OIF = 1, 2, 3, 6, 10, 15, 16, 17
_PROTOCOL, _SPORTS, _DPORTS = 22, 23, 24
_GOTO, _SUPPRESSED, _UIDS, _DSCP = 4, 14, 20, 25
_NOTHING_SUPPRESSED = 0xFFFFFFFF
_INVERT = 0x2
_WORDS = {number: name for name, number in NUMBERS.items()}
_NAMES = {254: "main", **{number: name for number, name in TABLES.items() if name}}


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule. Prefixes are "" for all, `table` is by its usual name; `refuses` is the type of one without a table."""

    priority: int
    source: str = ""
    destination: str = ""
    incoming: str = ""
    outgoing: str = ""
    mark: int = 0
    mask: int = 0
    protocol: str = ""
    sports: tuple[int, int] | None = None
    dports: tuple[int, int] | None = None
    table: str = ""
    refuses: str = ""
    inverted: bool = False
    tos: str = ""
    uids: tuple[int, int] | None = None
    suppressed: int | None = None
    goto: int = 0

    @property
    def selector(self) -> str:
        """Everything behind the priority, as `ip rule` prints it and takes it."""
        words = ["not"] if self.inverted else []
        words += ["from", self.source.removesuffix("/32") or "all"]
        words += ["to", self.destination.removesuffix("/32")] if self.destination else []
        words += self.tos.split()
        words += ["fwmark", _marked(self.mark, self.mask)] if self.mask else []
        words += ["iif", self.incoming] if self.incoming else []
        words += ["oif", self.outgoing] if self.outgoing else []
        words += ["uidrange", f"{self.uids[0]}-{self.uids[1]}"] if self.uids else []
        words += ["ipproto", self.protocol] if self.protocol else []
        for name, ports in (("sport", self.sports), ("dport", self.dports)):
            words += [name, f"{ports[0]}" if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"] if ports else []
        words += ["goto", str(self.goto)] if self.goto else []
        words += [] if self.goto else ["lookup", self.table] if self.table else [self.refuses or "nop"]
        words += ["suppress_prefixlength", str(self.suppressed)] if self.suppressed is not None else []
        return " ".join(words)

    @property
    def text(self) -> str:
        """As `ip rule` prints it."""
        return f"{self.priority}: {self.selector}"

    def matches(self, lookup: Lookup) -> bool:
        """Whether a packet with these properties is what the rule is about."""
        said = (
            _within(self.source, lookup.source),
            _within(self.destination, lookup.destination),
            lookup.mark & self.mask == self.mark,
            self.incoming in ("", lookup.incoming or "lo"),
            self.outgoing in ("", lookup.outgoing),
            self.protocol in ("", lookup.protocol),
            self.sports is None or self.sports[0] <= lookup.sport <= self.sports[1],
            self.dports is None or self.dports[0] <= lookup.dport <= self.dports[1],
        )
        return all(said) is not self.inverted


def read(netlink: RouteSocket) -> Iterator[PolicyRule]:
    """The rules for IPv4 that the kernel does not have by itself, in the order in which they are asked."""
    rules = (_rule(body) for body in netlink.dump(RTM_GETRULE, _HEADER.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0)))
    return (rule for rule in sorted(rules, key=lambda rule: rule.priority) if rule.selector not in USUAL)


def gone(netlink: RouteSocket) -> Iterator[PolicyRule]:
    """Those that the kernel has by itself, and that somebody took away."""
    rules = (_rule(body) for body in netlink.dump(RTM_GETRULE, _HEADER.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0)))
    held = {rule.selector for rule in rules}
    own = (PolicyRule(0, table="local"), PolicyRule(32766, table="main"), PolicyRule(32767, table="default"))
    return (rule for rule in own if rule.selector not in held)


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
        mask=number_of.get(_MASK, 0) if number_of.get(_MARK) else 0,
        protocol=_WORDS.get(told[_PROTOCOL][0], str(told[_PROTOCOL][0])) if _PROTOCOL in told else "",
        sports=_range(told.get(_SPORTS)),
        dports=_range(told.get(_DPORTS)),
        table=_NAMES.get(table, str(table)) if action == LOOKUP else "",
        refuses=REFUSING.get(action, ""),
        inverted=bool(flags & _INVERT),
        tos=f"tos {tos:#x}" if tos else f"dscp {told[_DSCP][0]}" if _DSCP in told else "",
        uids=uids,
        suppressed=None if suppressed == _NOTHING_SUPPRESSED else suppressed,
        goto=number_of.get(_GOTO, 0) if action == GOTO else 0,
    )


def _marked(mark: int, mask: int) -> str:
    return f"{mark:#x}" if mask == 0xFFFFFFFF else f"{mark:#x}/{mask:#x}"


def _within(prefix: str, address: str) -> bool:
    return not prefix or (bool(address) and number(address) in Prefix.of(prefix))


def _prefix(packed: memoryview | None, length: int) -> str:
    return f"{socket.inet_ntoa(bytes(packed))}/{length}" if packed is not None else ""


def _range(packed: memoryview | None) -> tuple[int, int] | None:
    return struct.unpack("=HH", packed) if packed is not None else None


def _string(packed: memoryview | None) -> str:
    return bytes(packed).rstrip(b"\0").decode() if packed is not None else ""
