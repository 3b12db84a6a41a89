"""TCP's first segments to a port, left unanswered for a while: whoever sent one sends another after a second, where a
port on which nobody listens would refuse it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, Message, NetfilterSocket, batch, number
from lab.kernel.netlink.transport import NLM_F_CREATE, attribute, nested, text

TABLE, CHAIN = "hoplab-knocks", "input"
NEWTABLE, NEWCHAIN, NEWRULE = (SUBSYSTEM_NFTABLES << 8 | kind for kind in (0, 3, 6))
_OWNER = 0x2  # NFT_TABLE_F_OWNER: the table goes with the socket that made it, however that closes
_LOCAL_IN, _DROP = 1, 0
_REGISTER_1, _REGISTER_VERDICT = 1, 0
_L4PROTO, _TRANSPORT = 16, 2  # NFT_META_L4PROTO, NFT_PAYLOAD_TRANSPORT_HEADER
_TCP, _SYN, _SYN_ACK = b"\6", b"\x02", b"\x12"
_DPORT_AT, _FLAGS_AT = 2, 13


@contextmanager
def unanswered(port: int) -> Iterator[None]:
    """For the block, in the calling thread's network namespace. KernelError when nftables refuses."""
    with NetfilterSocket() as netfilter:
        netfilter.execute(_transaction(port), f"first segments to port {port} cannot be dropped")
        yield


def _transaction(port: int) -> bytes:
    table = text(1, TABLE)
    where = nested(4, number(1, _LOCAL_IN), number(2, 0))
    rule = nested(
        4,
        _expression("meta", number(1, _REGISTER_1), number(2, _L4PROTO)),
        _equal(_TCP),
        _payload(_DPORT_AT, 2),
        _equal(port.to_bytes(2, "big")),
        _payload(_FLAGS_AT, 1),
        _masked(_SYN_ACK),
        _equal(_SYN),
        _expression("immediate", number(1, _REGISTER_VERDICT), nested(2, nested(2, number(1, _DROP)))),
    )
    return batch(
        [
            Message(NEWTABLE, NLM_F_CREATE, table + number(2, _OWNER)),
            Message(NEWCHAIN, NLM_F_CREATE, table + text(3, CHAIN) + where + text(7, "filter")),
            Message(NEWRULE, NLM_F_CREATE, table + text(2, CHAIN) + rule),
        ]
    )


def _expression(name: str, *data: bytes) -> bytes:
    return nested(1, text(1, name), nested(2, *data))


def _equal(value: bytes) -> bytes:
    return _expression("cmp", number(1, _REGISTER_1), number(2, 0), nested(3, attribute(1, value)))


def _payload(offset: int, size: int) -> bytes:
    return _expression("payload", number(1, _REGISTER_1), number(2, _TRANSPORT), number(3, offset), number(4, size))


def _masked(mask: bytes) -> bytes:
    registers = (number(1, _REGISTER_1), number(2, _REGISTER_1), number(3, len(mask)))
    return _expression("bitwise", *registers, nested(4, attribute(1, mask)), nested(5, attribute(1, bytes(len(mask)))))
