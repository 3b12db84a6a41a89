"""Conditions on packets, and what is done with those that meet them, as expressions of nftables (nf_tables.h)."""

from __future__ import annotations

from lab.kernel.netlink.netfilter import number
from lab.kernel.netlink.transport import attribute, nested, text
from lab.trace.witness.filter.match import NETWORK, TRANSPORT, Condition, Rule

Expressions = bytes

_BASES = {NETWORK: 1, TRANSPORT: 2}  # NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER
_REGISTER = 1  # NFT_REG_1
_EQUAL, _NOT_EQUAL = 0, 1  # NFT_CMP_EQ, NFT_CMP_NEQ
_VALUE, _VERDICT = 1, 2  # NFTA_DATA_VALUE, NFTA_DATA_VERDICT
_VERDICT_REGISTER, _NF_ACCEPT = 0, 1
_EXPRESSION = 1  # NFTA_LIST_ELEM
_META_NFTRACE = 12


def met(rule: Rule) -> Expressions:
    """What lets only packets go on that meet all of the conditions."""
    return b"".join(map(_condition, rule))


def trace_it() -> Expressions:
    """`meta nftrace set 1 accept`: with a verdict, the rule is the only one that is reported."""
    one = nested(2, attribute(_VALUE, b"\1"))
    return b"".join(
        (
            _expression("immediate", number(1, _REGISTER), one),
            _expression("meta", number(2, _META_NFTRACE), number(3, _REGISTER)),
            accept(),
        )
    )


def accept() -> Expressions:
    """The packet has seen enough of this chain."""
    verdict = nested(2, nested(_VERDICT, number(1, _NF_ACCEPT)))
    return _expression("immediate", number(1, _VERDICT_REGISTER), verdict)


def _condition(one: Condition) -> Expressions:
    load = _expression(
        "payload",
        number(1, _REGISTER),
        number(2, _BASES[one.base]),
        number(3, one.offset),
        number(4, len(one.value)),
    )
    return load + (_masked(one.mask) if one.mask else b"") + _compare(_EQUAL if one.equal else _NOT_EQUAL, one.value)


def _compare(operation: int, value: bytes) -> bytes:
    return _expression("cmp", number(1, _REGISTER), number(2, operation), nested(3, attribute(_VALUE, value)))


def _masked(mask: bytes) -> bytes:
    nothing = nested(5, attribute(_VALUE, bytes(len(mask))))
    return _expression(
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        nested(4, attribute(_VALUE, mask)),
        nothing,
    )


def _expression(name: str, *data: bytes) -> bytes:
    """An expression as an element of a rule's list."""
    return nested(_EXPRESSION, text(1, name), nested(2, *data))
