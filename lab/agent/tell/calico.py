"""calicoctl in a running lab: its words are answered from the design and the API, and sessions are tried for real."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from lab.api.resources import NODES, PODS
from lab.calicoctl.answers import Answer
from lab.calicoctl.bgp import PORT, UNANSWERED, Tried, Untried
from lab.calicoctl.commands import Asking, answer
from lab.calicoctl.seen import Peer, seen
from lab.errors import LabError, UsageError
from lab.suggestion import did_you_mean

if TYPE_CHECKING:
    from lab.agent.follow.control import Control
    from lab.agent.lab import Lab
    from lab.agent.protocol import Message

PATIENCE_SECONDS = 2.0  # for a handshake: long enough for a second try of the kernel's, as long as calicoctl waits
AT_ONCE = 64  # so many handshakes, of one node


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
    objects = list(store.each(PODS)), list(store.each(NODES)), str(store.revision)

    def work(tried: Tried | None = None) -> Answer | Untried:
        there = seen(design.topology, design.addresses, *objects, control.lab.began)
        return answer(typed, there, Asking(node or nodes[0], time.time(), tried))

    found = await asyncio.to_thread(work)
    if isinstance(found, Untried):
        async with control.trying_sessions:
            tried = await _tried(control.lab, found, design.addresses.nodes[found.node])
        found = await asyncio.to_thread(work, tried)
    assert isinstance(found, Answer)
    return asdict(found)


async def _tried(lab: Lab, untried: Untried, address: str) -> Tried:
    """What came of a handshake with each peer, by its address. All are tried side by side; `address` is the node's."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(peer: Peer) -> str:
        ends = (untried.node, address), (peer.place, peer.address)
        async with some:
            return await _handshake(lab, *(reversed(ends) if peer.passive else ends))

    called = dict.fromkeys(untried.node if peer.passive else peer.place for peer in untried.peers)
    with ExitStack() as listening:
        for place in called:
            listening.enter_context(_listening(lab, place))
        outcomes = await asyncio.gather(*map(one, untried.peers))
    return {peer.address: outcome for peer, outcome in zip(untried.peers, outcomes, strict=True)}


@contextmanager
def _listening(lab: Lab, place: str) -> Iterator[None]:
    """For the block somebody listens there on BGP's port, as BIRD would; where somebody does already, that is it."""
    with ExitStack() as stack:
        with (
            suppress(OSError, KeyError),
            lab.programs.entered(place),
        ):  # a node that goes just now is not there any more
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
        with lab.programs.entered(place):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with sock:
            sock.bind((own, 0))
            connecting = asyncio.get_running_loop().sock_connect(sock, (address, PORT))
            await asyncio.wait_for(connecting, PATIENCE_SECONDS)
    except TimeoutError:
        return UNANSWERED
    except KeyError:
        return os.strerror(errno.EHOSTUNREACH)  # the node that was to begin goes just now
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)  # asyncio puts words of its own in its place
    return ""
