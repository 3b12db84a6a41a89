"""When is a lab ready: every program has begun and lives, and every DNS server answers a question.

A CoreDNS that has not yet heard all of the API server answers SERVFAIL, and from its cache for a while after that:
each question is for another name, one that does not exist.
"""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections.abc import Callable, Iterable

from lab import spans
from lab.errors import KernelError
from lab.kernel.cancelled import Cancelled
from lab.kernel.holdings import Holdings
from lab.network.objects import Address, Network, Process

READY_SECONDS = 10.0
ASK_EVERY_SECONDS = 0.01

# RFC 1035, 4.1.1: an id, recursion desired, one question; the answer's status is the low half of its fourth byte.
_HEADER = b"\x68\x6f\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
_TYPE_A_CLASS_IN = b"\x00\x00\x01\x00\x01"
_SERVFAIL = 2


def wait_until_ready(
    holdings: Holdings, network: Network, cancelled: Callable[[], bool], only: tuple[Process, ...] = ()
) -> None:
    """Returns when all programs of the network are (or `only` these). KernelError naming who is not, with its last
    words, after READY_SECONDS.
    """
    processes = list(only) or [item for item in network if isinstance(item, Process)]
    waiting = _sockets(holdings, network, [item for item in processes if item.ready_udp])
    zones = {item.place: item.ready_name for item in processes}
    numbers, asked, began = itertools.count(), 0.0, spans.now()
    deadline = time.monotonic() + READY_SECONDS
    try:
        while waiting or any(holdings.processes.is_entering(process) for process in processes):
            if cancelled():
                raise Cancelled
            for process in processes:
                holdings.processes.require_alive(process)
            # Nobody listens yet, or SERVFAIL: such answers come at once, and would make this a loop without a pause.
            if time.monotonic() - asked >= ASK_EVERY_SECONDS:
                asked = time.monotonic()
                for place, sockets in waiting.items():
                    _ask(sockets, _question(f"ready-{next(numbers)}.{zones[place]}"))
            # Not select(): a lab of a thousand pods has descriptors beyond its 1024.
            polling = select.poll()
            for sock in (sock for sockets in waiting.values() for sock in sockets):
                polling.register(sock, select.POLLIN)
            polling.poll(ASK_EVERY_SECONDS * 1000)
            for place, sockets in tuple(waiting.items()):
                if sum(map(_has_answer, sockets)):
                    spans.note("until its answer", began, f"DNS of {place}")
                    _close(waiting.pop(place))
            if waiting and time.monotonic() > deadline:
                raise _not_ready(holdings, processes, tuple(waiting))
        for process in processes:
            holdings.processes.require_alive(process)
    finally:
        for sockets in waiting.values():
            _close(sockets)


def _sockets(holdings: Holdings, network: Network, processes: Iterable[Process]) -> dict[str, list[socket.socket]]:
    """By place: one for each of its addresses, made inside it, so that no firewall on the way decides whether a server
    is up.
    """
    ports = {process.place: process.ready_udp for process in processes}
    made: dict[str, list[socket.socket]] = {place: [] for place in ports}
    for item in network:
        if item.place in ports and isinstance(item, Address):
            with holdings.namespaces.entered(item.place):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                sock.connect((item.address.partition("/")[0], ports[item.place]))
                made[item.place].append(sock)
    return made


def _question(name: str) -> bytes:
    labels = (label.encode() for label in name.split(".") if label)
    return _HEADER + b"".join(bytes([len(label)]) + label for label in labels) + _TYPE_A_CLASS_IN


def _ask(sockets: Iterable[socket.socket], question: bytes) -> None:
    for sock in sockets:
        try:
            sock.send(question)
        except ConnectionRefusedError:
            continue  # nobody listens yet; said of the question before


def _has_answer(sock: socket.socket) -> bool:
    try:
        return sock.recv(512)[3] & 0x0F != _SERVFAIL
    except (OSError, IndexError):
        return False


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _not_ready(holdings: Holdings, processes: list[Process], places: tuple[str, ...]) -> KernelError:
    silent = [process for process in processes if process.place in places]
    said = [" ".join(holdings.processes.last_words(process, 3)) for process in silent]
    told = f"no answer from {', '.join(f'{process.name} in {process.place}' for process in silent)}: {' '.join(said)}"
    return KernelError(told, f"by hand in `./inv shell`: {' '.join(silent[0].argv)}")
