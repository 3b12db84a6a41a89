"""Programs of the kernel's classic packet filter (linux/filter.h): rules, of which the first that holds decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kernel.netlink.socketfilter import Instruction
from lab.trace.witness.filter.match import IP_HEADER, TRANSPORT, Condition, Rule

MOST = 4096
"""So many instructions the kernel takes (BPF_MAXINSNS)."""

_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}  # BPF_LD | BPF_ABS, by size
_AND, _JUMP, _JUMP_EQUAL, _RETURN = 0x54, 0x05, 0x15, 0x06
_FROM_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF
_PROTOCOL, _HARDWARE = 0xFFFFF000, 0xFFFFF01C  # SKF_AD_OFF + SKF_AD_PROTOCOL, SKF_AD_HATYPE
_ETHERNET_HEADER = 14
_IPIP_DEVICE, _BARE_DEVICE = 768, 65534  # ARPHRD_TUNNEL; ARPHRD_NONE, which WireGuard's are
_IPV4 = 0x0800
_ALL = 0x40000  # of the frame


@dataclass(frozen=True, slots=True)
class Decision:
    """Packets that meet the rule are kept or not."""

    rule: Rule
    keep: bool


def frames(decisions: Sequence[Decision], *, otherwise: bool, unframed: bool = False) -> tuple[Instruction, ...]:
    """The program for packet sockets. What is not IPv4 is kept; what no rule holds for, `otherwise`. `unframed`: some
    devices have no Ethernet header (ipip, wireguard); only for these offsets count from the IPv4 header, at ten times
    the cost of counting from the frame's beginning.
    """
    first = (_LOAD[4], 0, 0, _PROTOCOL), (_JUMP_EQUAL, 1, 0, _IPV4), _verdict(keep=True)
    framed = (*_program(decisions, _ETHERNET_HEADER), _verdict(keep=otherwise))
    if not unframed:
        return (*first, *framed)
    branch = (
        (_LOAD[4], 0, 0, _HARDWARE),
        (_JUMP_EQUAL, 1, 0, _IPIP_DEVICE),
        (_JUMP_EQUAL, 0, 1, _BARE_DEVICE),
        (_JUMP, 0, 0, len(framed)),
    )
    return (*first, *branch, *framed, *_program(decisions, _FROM_NETWORK_HEADER), _verdict(keep=otherwise))


def _program(decisions: Iterable[Decision], start: int) -> Iterable[Instruction]:
    for one in decisions:
        tests = [_test(condition, start) for condition in one.rule]
        left = sum(map(len, tests), 1)  # instructions from here to the next rule, the verdict included
        for test, condition in zip(tests, one.rule, strict=True):
            left -= len(test)
            # A long way goes by a jump of its own: a test's own skips are bytes.
            skip = (1, 0) if condition.equal else (0, 1)
            yield from test[:-2]
            yield (test[-2][0], *skip, test[-2][3])
            yield (_JUMP, 0, 0, left)
        yield _verdict(keep=one.keep)


def _test(one: Condition, start: int) -> list[Instruction]:
    """Load, mask, compare, and the jump to the next rule; the last two still without their targets."""
    offset = one.offset + (IP_HEADER if one.base == TRANSPORT else 0)
    found = [(_LOAD[len(one.value)], 0, 0, start + offset)]
    if one.mask:
        found.append((_AND, 0, 0, int.from_bytes(one.mask, "big")))
    return [*found, (_JUMP_EQUAL, 0, 0, int.from_bytes(one.value, "big")), (_JUMP, 0, 0, 0)]


def _verdict(*, keep: bool) -> Instruction:
    return _RETURN, 0, 0, _ALL if keep else 0
