"""The journey of one request: the types of `hoplab.trace/v2`, which renderers, tests and other tools read.

The JSON has exactly these fields; docs/trace-v2.schema.json describes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import Packet

SCHEMA = "hoplab.trace/v2"
DELIVERED, REFUSED, LOST, UNRESOLVED = "delivered", "refused", "lost", "unresolved"
DNS, DATA = "dns", "data"
REQUEST, REPLY = "request", "reply"
BY_HOSTS = "hosts"
"""In place of what DNS said: the asker's own /etc/hosts has the name."""
CAPTURED, KERNEL, QUERIED, INFERRED = "captured", "kernel", "queried", "inferred"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `to` is the whole name that was found, or what was typed; `port` is 0 for icmp. `packet` is
    the one that a person wrote, as it was typed; in the JSON where there is one.
    """

    source: str
    to: str
    port: int
    protocol: str = "tcp"
    packet: str = ""

    def to_json(self) -> dict[str, Any]:
        written = {"packet": self.packet} if self.packet else {}
        return {"from": self.source, "to": self.to, "port": self.port, "protocol": self.protocol, **written}


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a hop went the way it did: the rule, route or entry as its own tool prints it, and how that is known.

    `handle` is that of a rule that nft made, by which it can be deleted; it is not part of the JSON.
    """

    kind: str
    text: str
    evidence: str
    table: str = ""
    chain: str = ""
    verdict: str = ""
    intent: str = ""
    handle: int = field(default=0, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "text": self.text,
            "table": self.table,
            "chain": self.chain,
            "verdict": self.verdict,
            "intent": self.intent,
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet of the request or its reply, passing an interface of a place. `step` is that of the story, 1 to 6."""

    seq: int
    phase: str
    direction: str
    step: int
    stage: str
    place: str
    interface: str
    way: str
    t_ns: int
    packet: Packet
    decisions: tuple[Decision, ...] = ()
    evidence: str = CAPTURED

    def to_json(self) -> dict[str, Any]:
        outer = self.packet.outer
        return {
            "seq": self.seq,
            "phase": self.phase,
            "direction": self.direction,
            "step": self.step,
            "stage": self.stage,
            "place": self.place,
            "interface": self.interface,
            "way": self.way,
            "t_ns": self.t_ns,
            "packet": {
                "src": self.packet.src,
                "sport": self.packet.sport,
                "dst": self.packet.dst,
                "dport": self.packet.dport,
                "protocol": self.packet.protocol,
                "outer": outer
                and {"kind": outer.kind, "vni": outer.vni, "src": outer.src, "dst": outer.dst, "dport": outer.dport},
            },
            "decisions": [decision.to_json() for decision in self.decisions],
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True)
class Mending:
    """A command of a fix, and the place to run it in; "" where it is kubectl's, which speaks to the API from outside.

    `held_by` is the file and line (`topology.yaml:31`) that would bring the cause back at the next `up`; "" for none.
    """

    place: str
    command: str
    held_by: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"place": self.place, "command": self.command, "held_by": self.held_by or None}


@dataclass(frozen=True, slots=True)
class Loss:
    """Where a request or its reply ended, why, and the commands that mend it; of a refused one, who refused it.

    `place` is where the packet ended, `object_place` where its cause is: often before, or at the other end.
    """

    place: str
    direction: str
    phase: str
    stage: str
    cause: str
    why: str
    object: str = ""
    fix: tuple[Mending, ...] = ()
    evidence: str = CAPTURED
    object_place: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "direction": self.direction,
            "phase": self.phase,
            "stage": self.stage,
            "cause": self.cause,
            "object": self.object,
            "object_place": self.object_place or self.place,
            "why": self.why,
            "fix": [one.to_json() for one in self.fix],
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True)
class Resolution:
    """What DNS said: the last name asked for, the status (NOERROR, NXDOMAIN, …), and how many questions it took.

    `names` are all that were asked for, in turn, where that is known. `server` is who was asked last, `alias` the name
    that a CNAME led to. A program waits `waited` seconds for answers that did not come; of a name that it does not get,
    it `gives_up` after so many, all told.
    """

    name: str
    status: str
    addresses: tuple[str, ...]
    questions: int
    server: str = ""
    waited: int = 0
    alias: str = ""
    gives_up: int = 0
    half: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint of the Service that was asked: whether it was a `candidate` for the request, and if not, why.

    `ready` is what its EndpointSlice says. One that is ready may still be on the wrong node; one that is not may be the
    last resort. `name` is the pod's place, or the address of what is none.
    """

    name: str
    address: str
    port: int
    ready: bool
    candidate: bool
    chosen: bool = False
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "address": self.address,
            "port": self.port,
            "ready": self.ready,
            "candidate": self.candidate,
            "chosen": self.chosen,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Journey:
    """All of it. `duration_us` is from the first packet of the request itself to the end of its answer.

    `candidates` are all endpoints of the Service that was asked, `endpoints` in the JSON; of a question that was lost
    they are the DNS pods.

    `notes` say what of the asking pod's manifest would matter in a cluster and does not here, `remarks` what the trace
    did not hear, or what went otherwise than it should although it arrived; in the JSON both are notes, where there are
    any. `stopped` says of a request that did not arrive which components somebody wants stopped, a sentence each.
    `one_of`: of so many connections that began meanwhile this one was watched; in the JSON if not all were.

    `resolution`, `answer` (what the server said, in words), `client` and `asked` (the address that it was sent from,
    the address and port that it was sent to) and `seen` (every captured packet) are for renderers and are not part of
    the JSON.
    """

    lab: str
    request: Request
    verdict: str
    hops: tuple[Hop, ...] = ()
    answered_by: str = ""
    duration_us: int = 0
    lost: Loss | None = None
    resolution: Resolution | None = None
    answer: str = ""
    seen: tuple[Observation, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    one_of: int = 1
    client: str = ""
    asked: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars for json.dumps."""
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "request": self.request.to_json(),
            "verdict": self.verdict,
            "answered_by": self.answered_by or None,
            "duration_us": self.duration_us,
            "hops": [hop.to_json() for hop in self.hops],
            "lost": self.lost.to_json() if self.lost else None,
            "endpoints": [one.to_json() for one in self.candidates],
            **({"notes": [*self.notes, *self.remarks]} if self.notes or self.remarks else {}),
            **({"stopped": list(self.stopped)} if self.stopped else {}),
            **({"one_of": self.one_of} if self.one_of > 1 else {}),
        }

    def part(self, phase: str, direction: str) -> tuple[Hop, ...]:
        """The hops of one phase in one direction."""
        return tuple(hop for hop in self.hops if (hop.phase, hop.direction) == (phase, direction))
