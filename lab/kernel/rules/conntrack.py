"""What a place's connection tracking remembers, listed, and forgotten where kube-proxy has the kernel forget it.

A UDP flow keeps going to the endpoint that its first datagram got for as long as the kernel remembers it. So entries go
when their endpoint goes, and when a Service that had none gets its first one (kube-proxy, pkg/proxy/conntrack).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from lab.kernel.netlink.conntrack_entry import DELETE, NEW, PROTOCOLS, SUBSYSTEM, Event, Tuple, read
from lab.kernel.netlink.netfilter import Message, NetfilterSocket, number
from lab.kernel.netlink.transport import NLM_F_ACK, attribute, nested
from lab.kernel.sandbox.namespaces import Namespaces

GET = SUBSYSTEM << 8 | 1  # IPCTNL_MSG_CT_GET
End = tuple[str, int]

_ORIGINAL, _ID = 1, 12  # CTA_TUPLE_ORIG, CTA_ID
_ECHOES = (8, 0)  # ICMP's types of a question and of its answer
_NUMBERS = {name: value for value, name in PROTOCOLS.items()}


def listed(place: str) -> Iterator[Event]:
    """What is remembered in the calling thread's namespace, which is the place's. OSError when the kernel refuses."""
    with NetfilterSocket() as netlink:
        for answer in netlink.dump(Message(GET)):
            told = read(place, NEW, answer.body)
            if told is not None:
                yield told


def found(place: str, wanted: Iterable[Tuple]) -> Iterator[Event]:
    """What is remembered, in the calling thread's namespace, which is the place's, of connections with these tuples in
    either direction; each once, and those in zones left out. It takes no time, other than a list, for which the kernel
    looks through the whole machine's connections. OSError when the kernel refuses.
    """
    told: set[int] = set()
    with NetfilterSocket() as netlink:
        for body in dict.fromkeys(body for one in wanted for body in (*_asked(one), *_asked(one.reversed))):
            try:
                answer = netlink.ask(Message(GET, body=body))
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                continue
            entry = read(place, NEW, answer.body)
            if entry is not None and entry.number not in told:
                told.add(entry.number)
                yield entry


def flush(
    namespaces: Namespaces,
    place: str,
    protocol: str = "udp",
    original_destination: End | None = None,
    reply_source: End | None = None,
) -> int:
    """Have the kernel forget what matches all that is given; gives how many entries that were.

    An end is an address and a port; "" is any address (a node port's), 0 any port. `original_destination` is whom the
    client asked (ClusterIP, node port, external address), `reply_source` who answers (an endpoint). None matches all.
    """
    matches = partial(_matches, protocol, original_destination, reply_source)
    with namespaces.entered(place):
        return forget(place, matches)


def forget(place: str, matches: Callable[[Event], bool]) -> int:
    """The same in the calling thread's namespace, which is the place's, of whatever `matches`."""
    stale = [entry for entry in listed(place) if matches(entry)]
    if not stale:
        return 0
    with NetfilterSocket() as netlink:
        return sum(_deleted(netlink, entry) for entry in stale)


def _matches(protocol: str, asked: End | None, answering: End | None, entry: Event) -> bool:
    original, reply = entry.original, entry.reply
    return (
        original.protocol == protocol
        and _is(asked, original.destination, original.dport)
        and _is(answering, reply.source, reply.sport)
    )


def _is(wanted: End | None, address: str, port: int) -> bool:
    return wanted is None or (wanted[0] in ("", address) and wanted[1] in (0, port))


def _deleted(netlink: NetfilterSocket, entry: Event) -> bool:
    """False when it was gone already: by its number no later flow with the same addresses is taken for it."""
    body = next(_asked(entry.original)) + number(_ID, entry.number)
    try:
        netlink.ask(Message(DELETE, NLM_F_ACK, body))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def _asked(told: Tuple) -> Iterator[bytes]:
    """A direction as the kernel is asked for it: addresses, protocol and ports; of ICMP the identifier and the type,
    first a question's and then an answer's. None of a protocol that it does not track.
    """
    addresses = nested(1, attribute(1, socket.inet_aton(told.source)), attribute(2, socket.inet_aton(told.destination)))
    if told.protocol in _NUMBERS:
        protocol = attribute(1, bytes([_NUMBERS[told.protocol]]))
        ports = (attribute(2, told.sport.to_bytes(2, "big")), attribute(3, told.dport.to_bytes(2, "big")))
        echo = attribute(4, told.sport.to_bytes(2, "big")) + attribute(6, b"\0")
        kinds = [(echo, attribute(5, bytes([kind]))) for kind in _ECHOES] if told.protocol == "icmp" else [ports]
        for known in kinds:
            yield nested(_ORIGINAL, addresses, nested(2, protocol, *known))
