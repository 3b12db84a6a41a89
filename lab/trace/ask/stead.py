"""Asks what a DNS server would ask, in its stead: of one that has the same question in hand and does not ask again.

dnsmasq and CoreDNS ask others once for all who want to know the same; who comes later waits with the first.
"""

from __future__ import annotations

from dataclasses import replace

from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.ask import question
from lab.trace.ask.attempt import Ask
from lab.trace.ask.exchange import ANSWERED, DNS_PORT, Exchange
from lab.trace.ask.requester import Probe
from lab.trace.journey import DNS

SECONDS = 0.4  # the outside of a lab answers in milliseconds


def asked_in_its_stead(sandbox: Sandbox, labmap: LabMap, server: str, asked: Exchange) -> Exchange | None:
    """The question as it went from the server's place, if it was not answered; None for a name of the cluster."""
    name, kind = question.about(asked.token)
    outside, place = labmap.dns.outside, labmap.by_name.get(server)
    if place is None or not outside or f".{name}".rstrip(".").endswith(f".{labmap.dns.domain}"):
        return None
    probe = Probe(sandbox, place)
    attempt = probe.begin("udp", Ask(outside, DNS_PORT, probe.message(name, kind)), dns=True)
    found = probe.finish(attempt, SECONDS, DNS)
    return None if found.outcome == ANSWERED else replace(found, behind=True, mark=found.token[:2])
