"""Which virtual server of IPVS took a request, and which of its real servers it chose: a decision of its node's hop.

IPVS takes a packet in LOCAL_IN, as one for the node itself, gives it the real server's address and sends it on by
LOCAL_OUT: so it meets the rules of INPUT and OUTPUT, not those of FORWARD. Its list is read when the request is over;
what it chose was captured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.explain.passage import Passage
from lab.trace.explain.queries.inquiry import asking
from lab.trace.explain.queries.ipvs import Real, Virtual, listed
from lab.trace.journey import QUERIED, REQUEST, Decision, Hop

KIND = "ipvs"
NO_REAL_SERVER = "no real server"
RESTING = "every real server has weight 0"


def balanced(
    labmap: LabMap, sandbox: Sandbox, passages: Sequence[Passage], hops: Sequence[Hop], numbers: Sequence[Sequence[int]]
) -> Mapping[int, tuple[Decision, ...]]:
    """By the hops' positions; `numbers` are those of each passage's hops."""
    found: dict[int, tuple[Decision, ...]] = {}
    for passage, mine in zip(passages, numbers, strict=True):
        number = _choosing(labmap, passage, hops, mine)
        if number < 0:
            continue
        with asking(sandbox, hops[number].place):
            servers = listed()
        exchange = passage.exchange
        asked = (exchange.protocol, exchange.destination, exchange.dport)
        server = next((one for one in servers if (one.protocol, one.address, one.port) == asked), None)
        chosen = _chosen(exchange.destination, hops, mine)
        if server is not None:
            found[number] = (_decision(passage, server, chosen),)
    return found


def _choosing(labmap: LabMap, passage: Passage, hops: Sequence[Hop], mine: Sequence[int]) -> int:
    """The hop at which a node had it for the address that was asked; of what the node itself sends the first, where it
    has been translated already. -1 where no node is on the way.
    """
    exchange = passage.exchange
    for number in mine:
        hop = hops[number]
        place = labmap.by_name.get(hop.place)
        if hop.direction != REQUEST or hop.packet.outer is not None or place is None or place.kind != "node":
            continue
        if hop.packet.dst == exchange.destination or hop.place == exchange.source:
            # On a node port it may come by other nodes before it comes to the one that is asked.
            node = passage.asked_node
            if node is None or node.name == hop.place:
                return number
    return -1


def _chosen(destination: str, hops: Sequence[Hop], mine: Sequence[int]) -> str:
    """ADDRESS:PORT to which it was seen going on, "" where it was not."""
    there = (hops[number].packet for number in mine if hops[number].direction == REQUEST)
    return next((f"{packet.dst}:{packet.dport}" for packet in there if packet.dst != destination), "")


def _decision(passage: Passage, server: Virtual, chosen: str) -> Decision:
    real = next((one for one in server.real if one.endpoint == chosen), None)
    flags = f" {server.flags}" if server.flags else ""
    if real is not None:
        text = f"{server.title}{flags} -> {real.endpoint} {real.forward} weight {real.weight}"
        return Decision(KIND, text, QUERIED, verdict=real.forward, intent=_intent(passage, server, real))
    said = f"-> {chosen}, no real server any more" if chosen else _nobody(server)
    verdict = "" if chosen or not said else "refused"
    return Decision(KIND, f"{server.title}{flags} {said}".rstrip(), QUERIED, verdict=verdict, intent=_of(passage))


def _nobody(server: Virtual) -> str:
    if not server.real:
        return f"has {NO_REAL_SERVER}"
    return f"has {len(server.real)} real servers: {RESTING}" if not any(one.weight for one in server.real) else ""


def _intent(passage: Passage, server: Virtual, real: Real) -> str:
    _, port = passage.asked or (None, None)
    named = (one.name for one in port.endpoints if f"{one.address}:{one.port}" == real.endpoint) if port else iter(())
    name = next(named, "")
    several = f", one of {len(server.real)} real servers" if len(server.real) > 1 else ""
    if not name:
        return f"left over: {_of(passage)}" if passage.asked is None else f"no endpoint of {_of(passage)}"
    return f"endpoint {name.rpartition('/')[2]} of {_of(passage)}{several}"


def _of(passage: Passage) -> str:
    service, port = passage.asked or (None, None)
    if service is None:
        return f"no Service has {passage.exchange.destination}"
    return f"Service {service.full_name}:{port.port if port else passage.exchange.dport}"
