"""The table that has the kernel report on the packets of one request.

It belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): when that closes, however its process ended, the
kernel removes the table. Its rules decide nothing; they only set the bit by which netfilter knows what to report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, UNSPECIFIED, Message, NetfilterSocket, batch, number
from lab.kernel.netlink.transport import NLM_F_CREATE, attribute, attributes, nested, text
from lab.trace.witness.filter.match import NO_TUNNELS, Match, Tunnels, left_out, sealed, spots
from lab.trace.witness.netfilter.expression import accept, met, trace_it

TABLE = "hoplab-trace"
"""What its name begins with: each trace has a table of its own, for several may run at once."""
PREROUTING, OUTPUT = "prerouting", "output"
# Before all of iptables' tables (raw is at -300), and behind -400, where fragments are put together again.
PRIORITY = -399

NEWTABLE, GETTABLE, DELTABLE, NEWCHAIN, NEWRULE, DELRULE = (
    SUBSYSTEM_NFTABLES << 8 | kind for kind in (0, 1, 2, 3, 6, 8)
)
_OWNER = 0x2
_HOOKS = {PREROUTING: 0, OUTPUT: 3}  # NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT
_NLM_F_APPEND = 0x800


def trace_table(matches: Iterable[Match], tunnels: Tunnels = NO_TUNNELS, name: str = TABLE) -> bytes:
    """The transaction that makes the table, to be sent in each place; the tunnels are those to look into."""
    table = text(1, name)
    messages = [Message(NEWTABLE, NLM_F_CREATE, table + number(2, _OWNER))]
    for chain, hook in _HOOKS.items():
        priority = attribute(2, PRIORITY.to_bytes(4, "big", signed=True))
        where = nested(4, number(1, hook), priority)
        messages.append(Message(NEWCHAIN, NLM_F_CREATE, table + text(3, chain) + where + text(7, "filter")))
    return batch([*messages, *_rules(matches, tunnels, name)])


def other_rules(matches: Iterable[Match], tunnels: Tunnels = NO_TUNNELS, name: str = TABLE) -> bytes:
    """The transaction that has a table which is there mean other packets, from one moment to the next."""
    emptied = [Message(DELRULE, body=text(1, name) + text(2, chain)) for chain in _HOOKS]
    return batch([*emptied, *_rules(matches, tunnels, name)])


def _rules(matches: Iterable[Match], tunnels: Tunnels, name: str) -> Iterator[Message]:
    """In both chains. Where only samples are meant, what none of them has leaves by the first rules."""
    matches = tuple(matches)
    where = tuple(spots(tunnels))
    passing = (rule for spot in where for rule in left_out(spot, matches, tunnels))
    meant = (rule for match in matches for spot in where for rule in match.telling(spot))
    bodies = [
        *(nested(4, met(rule), accept()) for rule in passing),
        *(nested(4, met(rule), trace_it()) for rule in (*meant, *sealed(tunnels))),
    ]
    for chain in _HOOKS:
        start = text(1, name) + text(2, chain)
        yield from (Message(NEWRULE, NLM_F_CREATE | _NLM_F_APPEND, start + body) for body in bodies)


def removal(name: str = TABLE) -> bytes:
    """The transaction that takes the table away again: ten times as fast as leaving it to the closing socket."""
    return batch([Message(DELTABLE, body=text(1, name))])


def tables(netlink: NetfilterSocket) -> Iterator[str]:
    """The names of all tables of the socket's namespace, whatever their family. OSError when the kernel refuses."""
    for answer in netlink.dump(Message(GETTABLE, family=UNSPECIFIED)):
        yield bytes(attributes(answer.body)[1]).rstrip(b"\0").decode()
