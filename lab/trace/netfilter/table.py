"""The table that has the kernel report on the packets of one request.

It belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): when that closes, however its process ended, the
kernel removes the table. Its rules decide nothing; they only set the bit by which netfilter knows what to report.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.kernel.netfilter import SUBSYSTEM_NFTABLES, Message, batch, number
from lab.kernel.netlink import NLM_F_CREATE, attribute, nested, text
from lab.trace.netfilter.match import Match, trace_it

TABLE = "hoplab-trace"
"""What its name begins with: each trace has a table of its own, for several may run at once."""
PREROUTING, OUTPUT = "prerouting", "output"
# Before all of iptables' tables (raw is at -300), and behind -400, where fragments are put together again.
PRIORITY = -399

NEWTABLE, DELTABLE, NEWCHAIN, NEWRULE = (SUBSYSTEM_NFTABLES << 8 | kind for kind in (0, 2, 3, 6))
_OWNER = 0x2
_HOOKS = {PREROUTING: 0, OUTPUT: 3}  # NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT
_NLM_F_APPEND = 0x800


def trace_table(
    matches: Iterable[Match], vxlan_ports: Iterable[int] = (), *, ipip: bool = False, name: str = TABLE
) -> bytes:
    """The transaction that makes the table, to be sent in each place; the tunnels are those to look into."""
    ports = tuple(vxlan_ports)
    expressions = [nested(4, rule, trace_it()) for match in matches for rule in match.rules(ports, ipip=ipip)]
    table = text(1, name)
    messages = [Message(NEWTABLE, NLM_F_CREATE, table + number(2, _OWNER))]
    for chain, hook in _HOOKS.items():
        priority = attribute(2, PRIORITY.to_bytes(4, "big", signed=True))
        where = nested(4, number(1, hook), priority)
        messages.append(Message(NEWCHAIN, NLM_F_CREATE, table + text(3, chain) + where + text(7, "filter")))
        start = table + text(2, chain)
        messages += (Message(NEWRULE, NLM_F_CREATE | _NLM_F_APPEND, start + rule) for rule in expressions)
    return batch(messages)


def removal(name: str = TABLE) -> bytes:
    """The transaction that takes the table away again: ten times as fast as leaving it to the closing socket."""
    return batch([Message(DELTABLE, body=text(1, name))])
