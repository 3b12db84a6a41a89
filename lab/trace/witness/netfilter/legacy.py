"""iptables-legacy reports its rules as log lines. Bound to netlink, a place's lines come to us.

nfnetlink_log.h; the kernel's nf_log_trace. The line is `TRACE: TABLE:CHAIN:rule:NUMBER` (or `return`, or `policy`).
"""

from __future__ import annotations

from errno import EBUSY
from pathlib import Path

from lab.kernel.netlink.netfilter import SUBSYSTEM_LOG, UNSPECIFIED, Message, NetfilterSocket, number
from lab.kernel.netlink.transport import NLM_F_ACK, attribute

GROUP = 0  # nf_log_trace has no group of its own
BIND, PF_BIND = 1, 3
TABLES = Path("/proc/thread-self/net/ip_tables_names")
LOGGER = Path("/proc/sys/net/netfilter/nf_log/2")  # whose IPv4's lines are, in the calling thread's namespace

_CONFIG = SUBSYSTEM_LOG << 8 | 1
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5
_COPY_PACKET = 2
_HEADERS = 60  # bytes of each packet that are worth having


def tables() -> tuple[str, ...]:
    """The tables that iptables-legacy has in the calling thread's namespace; () where the kernel knows none."""
    try:
        return tuple(TABLES.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return ()


def bind(netlink: NetfilterSocket) -> str | None:
    """Have the namespace's trace lines sent to this socket, each at once. Gives whose they were; None where somebody
    else has the group, and nothing is changed. OSError.
    """
    before = LOGGER.read_text(encoding="ascii").strip()
    family = Message(_CONFIG, NLM_F_ACK, _command(PF_BIND))
    group = Message(_CONFIG, NLM_F_ACK, _command(BIND), UNSPECIFIED, GROUP)
    copy = attribute(_MODE, _HEADERS.to_bytes(4, "big") + bytes([_COPY_PACKET, 0]))
    settings = Message(_CONFIG, NLM_F_ACK, copy + number(_THRESHOLD, 1), UNSPECIFIED, GROUP)
    try:
        netlink.ask(group)
    except OSError as error:
        if error.errno != EBUSY:
            raise
        return None
    for message in (family, settings):
        netlink.ask(message)
    return before


def release(before: str) -> None:
    """In the same namespace: the lines go to whom they went before. The group goes with its socket."""
    LOGGER.write_text(before, encoding="ascii")


def _command(command: int) -> bytes:
    return attribute(_COMMAND, bytes([command]))
