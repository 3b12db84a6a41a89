"""calicoctl in a running lab: its words are answered from the design and the API, and sessions are tried for real."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from lab.api.resources import NODES, PODS
from lab.calicoctl.bgp import PORT, UNANSWERED
from lab.calicoctl.commands import Asking, answer
from lab.calicoctl.seen import Peer, seen
from lab.errors import LabError, UsageError
from lab.suggestion import did_you_mean

if TYPE_CHECKING:
    from lab.agent.control import Control
    from lab.agent.lab import Lab
    from lab.agent.protocol import Message

PATIENCE_SECONDS = 2.0  # for a handshake: long enough for a second try of the kernel's, as long as calicoctl waits
AT_ONCE = 64


async def ask(control: Control, typed: Sequence[str], node: str = "") -> Message:
    """What calicoctl says to these words on that node, "" for the first: `out`, `err` and `status`. UsageError for a
    node that there is not, LabError before the lab stands.
    """
    design, store = control.lab.design, control.plane.store
    if design is None:
        raise LabError(f"lab {control.lab.name!r} is not up yet", "wait for its `up` to end")
    nodes = design.cluster.nodes
    if node and node not in nodes:
        raise UsageError(f"there is no node {node!r}", did_you_mean(node, nodes, f"one of: {', '.join(nodes)}"))
    pods, known, revision = list(store.each(PODS)), list(store.each(NODES)), str(store.revision)
    loop = asyncio.get_running_loop()

    def sessions(node: str, peers: Sequence[Peer]) -> Sequence[str]:
        own = design.addresses.nodes[node]
        trying = _sessions(control.lab, node, own, peers)
        return asyncio.run_coroutine_threadsafe(trying, loop).result()

    def work() -> Message:
        there = seen(design.topology, design.addresses, pods, known, revision, control.lab.began)
        return asdict(answer(typed, there, Asking(node or nodes[0], time.time(), sessions)))

    return await asyncio.to_thread(work)


async def _sessions(lab: Lab, node: str, address: str, peers: Sequence[Peer]) -> list[str]:
    """Of each peer what came of a handshake with it, all tried at once."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(peer: Peer) -> str:
        ends = (node, address), (peer.place, peer.address)
        async with some:
            return await _handshake(lab, *(reversed(ends) if peer.passive else ends))

    with ExitStack() as listening:
        for place in dict.fromkeys((node, *(peer.place for peer in peers))):
            listening.enter_context(_listening(lab, place))
        return await asyncio.gather(*map(one, peers))


@contextmanager
def _listening(lab: Lab, place: str) -> Iterator[None]:
    """For the block somebody listens there on BGP's port, as BIRD would; where somebody does already, that is it."""
    with ExitStack() as stack:
        with suppress(OSError), lab.entered(place):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # others may ask just now
            sock.bind(("0.0.0.0", PORT))  # noqa: S104  as BIRD does
            sock.listen(AT_ONCE)
        yield


async def _handshake(lab: Lab, begins: tuple[str, str], waits: tuple[str, str]) -> str:
    """Between two places, each with its address: "", UNANSWERED, or the kernel's words."""
    (place, own), (_, address) = begins, waits
    try:
        with lab.entered(place):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with sock:
            sock.bind((own, 0))
            connecting = asyncio.get_running_loop().sock_connect(sock, (address, PORT))
            await asyncio.wait_for(connecting, PATIENCE_SECONDS)
    except TimeoutError:
        return UNANSWERED
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)  # asyncio puts words of its own in its place
    return ""
