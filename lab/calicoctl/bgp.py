"""`calicoctl node status`: whether BIRD runs, and what it would say of its peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.calicoctl import tables
from lab.calicoctl.answers import Answer
from lab.calicoctl.seen import Peer, Seen

PORT = 179
_HEADINGS = ("PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "INFO")
_RECENT_SECONDS = 20 * 3600  # BIRD gives the time of day for so long, then the date

UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Untried:
    """What has to be found out before there is an answer: of each of these peers of a node whether TCP's handshake for
    a session comes about between them, begun by whom BIRD has begin it.
    """

    node: str
    peers: tuple[Peer, ...]


Tried = Mapping[str, str]
"""By the peers' addresses: "" where it does, UNANSWERED, or the kernel's words."""


def status(seen: Seen, node: str, tried: Tried | None, now: float) -> Answer | Untried:
    """Of one node; `now` in seconds since 1970."""
    told = "Calico process is running.\n\n"
    if not seen.speaks_bgp:
        return Answer(f"{told}The BGP backend process (BIRD) is not running.\n\n")
    peers = seen.peers(node)
    if tried is None:
        return Untried(node, peers)
    rows = [(peer.address, peer.kind, *_state(peer, tried[peer.address], seen.began, now)) for peer in peers]
    four = tables.box(_HEADINGS, rows) if rows else "No IPv4 peers found.\n"
    return Answer(f"{told}IPv4 BGP status\n{four}\nIPv6 BGP status\nNo IPv6 peers found.\n\n")


def _state(peer: Peer, outcome: str, began: float, now: float) -> tuple[str, str, str]:
    """STATE, SINCE and INFO as BIRD has them. A session that can be has been there since the lab is; of one that cannot
    nobody knows since when.
    """
    if not outcome:
        return "up", _moment(began, now), "Established"
    if peer.passive:
        return "start", _moment(now, now), "Passive"
    info = "Connect" if outcome == UNANSWERED else f"Active Socket: {outcome}"
    return "start", _moment(now, now), info


def _moment(when: float, now: float) -> str:
    form = "%H:%M:%S" if now - when < _RECENT_SECONDS else "%Y-%m-%d"
    return datetime.fromtimestamp(when, UTC).strftime(form)
