"""The last words of a DNS server that gave no address, from its log, as far as they are about the question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from lab.errors import HoplabError
from lab.map.labmap import LabMap
from lab.trace.journey import Journey, Loss

LINES = 12
MOST_TOLD = 2
# As CoreDNS's plugins begin what they complain about, and dnsmasq's words for a question that comes back for ever.
ALARMING = re.compile(r"\[(ERROR|FATAL|WARNING)\]|Maximum number of concurrent DNS queries|Loop \(")
# From here on it serves another configuration: what it complained of before is over.
READ_ANEW = re.compile(r"\] Reloading complete|Running configuration SHA512")
# A complaint about somebody's question; a HINFO is what CoreDNS asks itself, to see whether it goes round in circles.
OF_A_QUESTION = re.compile(r"plugin/errors: \d+ \S+ (?!HINFO)[A-Z]+: ")


class Agent(Protocol):
    """The lab's agent: `said` tells the last lines of a place's programs."""

    def request(self, operation: str, on_event: Callable[[dict[str, Any]], None] = ..., **parameters: Any) -> Any:  # noqa: ANN401
        """Its answer."""


def last_words(agent: Agent, labmap: LabMap, journey: Journey, lost: Loss) -> str:
    """As a sentence: ` kube-system/dns-0 said last: …`; "" where no server was asked, or it said nothing of it."""
    named = (lost.place, lost.object_place, *(hop.place for hop in reversed(journey.hops)))
    server = next((place for place in named if place in labmap.dns.pods), "")
    if not server and lost.cause == "no-endpoints" and labmap.dns.pods:
        server = labmap.dns.pods[0]
    if not server:
        return ""
    try:
        told: dict[str, list[tuple[str, str]]] = agent.request("said", place=server, lines=LINES)
    except HoplabError:  # it has gone meanwhile, and its log with it
        return ""
    name = journey.resolution.name if journey.resolution else ""
    words = list(_telling(told, name))[-MOST_TOLD:]
    return f" {server} said last: {' / '.join(words).rstrip('.')}." if words else ""


def _telling(told: dict[str, list[tuple[str, str]]], name: str) -> Iterator[str]:
    """Each line once, the latest ones last: what is about the name, else complaints that are about no other."""
    lines: list[str] = []
    for said in told.values():
        texts = [text.strip() for _, text in said]
        anew = max((place for place, text in enumerate(texts) if READ_ANEW.search(text)), default=-1)
        lines += texts[anew + 1 :]
    about = [line for line in lines if name and name.lower() in line.lower()]
    others = (line for line in lines if ALARMING.search(line) and not OF_A_QUESTION.search(line))
    yield from dict.fromkeys(about or others)
