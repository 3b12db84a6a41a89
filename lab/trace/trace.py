"""Sends one real request through a running lab and gives its journey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.agent.client.calls import connect
from lab.agent.client.client import Client
from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Endpoint
from lab.trace.apart import Begun, apart
from lab.trace.ask import target as targets
from lab.trace.ask.reference import asker
from lab.trace.ask.typed import protocol_of
from lab.trace.journey import DELIVERED, Journey
from lab.trace.run import Tracer
from lab.trace.witness.filter.match import PORTED

SECONDS = 1.5  # long enough for one retransmission, short enough to wait for
# Of an answer; of a datagram, with room for its headers; a question to DNS is as long as it is.
LARGEST = {"tcp": 1_000_000, "udp": 65_000, "icmp": 65_000, "dns": 0}


def trace(
    lab: str | None,
    source: str,
    to: str,
    *,
    port: int | None = None,
    protocol: str = "",
    via: str | None = None,
    size: int = 0,
    timeout: float = SECONDS,
) -> Journey:
    """The journey of one request from the place `source`; `timeout` in seconds is for the request itself, not for DNS.

    `to` is a Service, pod, node, address, URL or outside name, with `:PORT` if it is not the usual one. `via` names the
    pod that a Service should choose. Without a `protocol` it is the URL's, or tcp. UsageError for what does not exist
    or cannot be asked; LabError without a running lab.
    """
    with connect(lab) as client:
        labmap = LabMap.from_json(client.request("read", what="map"))
        return follow(client, labmap, source, to, port=port, protocol=protocol, via=via, size=size, timeout=timeout)


def follow(
    lab: Client,
    labmap: LabMap,
    source: str,
    to: str,
    *,
    port: int | None = None,
    protocol: str = "",
    via: str | None = None,
    size: int = 0,
    timeout: float = SECONDS,
) -> Journey:
    """The same for a lab that is at hand already."""
    asked = prepare(labmap, source, to, port=port, protocol=protocol, via=via, size=size, timeout=timeout)
    return _annotated(apart(asked.tracer(lab).run), labmap, asked.client)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be asked of a lab."""

    labmap: LabMap
    client: Place
    target: targets.Target
    protocol: str
    through: Endpoint | None
    size: int
    timeout: float

    def tracer(self, lab: Client) -> Tracer:
        """What traces it."""
        return Tracer(
            lab.sandbox,
            self.labmap,
            self.client,
            self.target,
            self.protocol,
            self.through,
            self.size,
            self.timeout,
            lab,
        )

    def begin(self) -> Begun[Journey]:
        """Its trace, begun: others may be begun beside it. UsageError and LabError come with its result."""

        def work(tell: Callable[[Journey], None]) -> None:
            with connect(self.labmap.lab) as own:
                self.tracer(own).run(lambda journey: tell(_annotated(journey, self.labmap, self.client)))

        return Begun(work)


def prepare(
    labmap: LabMap,
    source: str,
    to: str,
    *,
    port: int | None = None,
    protocol: str = "",
    via: str | None = None,
    size: int = 0,
    timeout: float = SECONDS,
) -> Prepared:
    """The same, not asked yet. UsageError for what does not exist or cannot be asked."""
    protocol = protocol_of(to, protocol)
    if protocol not in LARGEST:
        raise UsageError(f"{protocol!r} is not a protocol that can be traced", f"choose one of {', '.join(LARGEST)}")
    if not 0 <= size <= LARGEST[protocol]:
        raise UsageError(f"a size of {size} bytes is not possible", f"with {protocol}: 0 to {LARGEST[protocol]}")
    client = asker(labmap, source)
    target = targets.aim(labmap, client, to, port, protocol)
    through = targets.via(labmap, target, via) if via else None
    return Prepared(labmap, client, target, protocol, through, size, timeout)


def trace_packet(
    lab: str | None, source: str, packet: str, *, via: str | None = None, timeout: float = SECONDS
) -> Journey:
    """The journey of one packet that a person wrote in scapy's words, sent from the place `source`.

    UsageError with the place of a mistake in it, and for what does not exist; MachineError without scapy; LabError
    without a running lab.
    """
    from lab.trace.ask.crafted.extra import require_scapy  # noqa: PLC0415  0.2 s that only these traces pay

    require_scapy()
    from lab.trace.ask.crafted.written import Crafting  # noqa: PLC0415
    from lab.trace.explain.queries.outlook import outlook  # noqa: PLC0415

    with connect(lab) as client:
        labmap = LabMap.from_json(client.request("read", what="map"))
        crafting = Crafting(packet, labmap, outlook)
        followed = crafting.followed
        place = asker(labmap, source)
        port = followed.dport if followed.protocol in PORTED else 0
        target = targets.aim(labmap, place, followed.dst, port, followed.protocol)
        through = targets.via(labmap, target, via) if via else None
        tracer = Tracer(client.sandbox, labmap, place, target, followed.protocol, through, 0, timeout, client, crafting)
        return _annotated(apart(tracer.run), labmap, place)


def _annotated(journey: Journey, labmap: LabMap, client: Place) -> Journey:
    # Of a request that arrived nobody asks why it did.
    stopped = () if journey.verdict == DELIVERED else tuple(stop.told for stop in labmap.stopped)
    return replace(journey, notes=client.unobeyed, stopped=stopped)
