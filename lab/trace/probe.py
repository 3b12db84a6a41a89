"""Asks from inside a pod, as its own programs would: resolves the name, then sends the request.

It knows the pod's resolver settings from the map and never changes anything; only the sockets are made in the pod.
"""

from __future__ import annotations

import os

from lab.errors import UsageError
from lab.kernel.places import Sandbox, inside
from lab.network.labmap import LabMap, Place
from lab.trace import question
from lab.trace.attempt import ATTEMPTS, Ask, Attempt, Datagram
from lab.trace.exchange import SILENT, Exchange
from lab.trace.journey import DATA, DNS, Resolution
from lab.trace.target import namespace_of, searched_names

DNS_PORT = 53
DNS_TRIES, DNS_SECONDS = 2, 0.5
FINAL = (question.NOERROR, question.NXDOMAIN)  # anything else ends the search, as in glibc's resolver
UNANSWERED = "no answer"


class Probe:
    """A client in a pod; `exchanges` is all that it did."""

    def __init__(self, sandbox: Sandbox, labmap: LabMap, source: Place) -> None:
        self._sandbox = sandbox
        self._labmap = labmap
        self._source = source
        self.exchanges: list[Exchange] = []

    def resolve(self, name: str) -> Resolution:
        """Ask for the name as the pod's resolver does, until one of the candidates has an address.

        UsageError for what cannot be a name.
        """
        questions = 0
        resolution = Resolution(name, UNANSWERED, (), 0)
        for candidate in searched_names(self._labmap, namespace_of(self._source), name):
            answer, tries = self._question(candidate)
            questions += tries
            if answer is None:
                return Resolution(candidate, UNANSWERED, (), questions)
            resolution = Resolution(candidate, answer.status, answer.addresses, questions)
            if answer.addresses or answer.rcode not in FINAL:
                break
        return resolution

    def _question(self, name: str) -> tuple[question.Answer | None, int]:
        """One question, repeated once when nothing comes back; the answer, and how often it was asked."""
        for tries in range(1, DNS_TRIES + 1):
            try:
                # Another number for each try: the captures tell them apart by their payload.
                message = question.ask(int.from_bytes(os.urandom(2), "big"), name)
            except ValueError as error:
                raise UsageError(str(error), "a name is letters, digits and hyphens, with dots between") from error
            attempt = self.begin("udp", Ask(self._labmap.dns.service_ip, DNS_PORT, message))
            self.finish(attempt, DNS_SECONDS, DNS)
            if isinstance(attempt, Datagram) and attempt.answer:
                return question.read(attempt.answer), tries
        return None, DNS_TRIES

    def begin(self, protocol: str, ask: Ask) -> Attempt:
        """Send the first packet of an attempt, from a fresh port."""
        netns = self._sandbox.open_netns(self._source.name)
        try:
            with inside(netns):
                attempt = ATTEMPTS[protocol](self._source.address, ask)
        finally:
            os.close(netns)
        attempt.begin()
        return attempt

    def finish(self, attempt: Attempt, seconds: float, phase: str = DATA) -> Exchange:
        """Wait for the answer, and note what came of it."""
        exchange = self.exchange(attempt, phase, *attempt.finish(seconds))
        attempt.abandon()
        self.exchanges.append(exchange)
        return exchange

    def exchange(self, attempt: Attempt, phase: str = DATA, outcome: str = SILENT, detail: str = "") -> Exchange:
        """An attempt as what its packets are known by; without an outcome, as it stands before any answer."""
        return Exchange(
            phase,
            attempt.protocol,
            self._source.name,
            self._source.address,
            attempt.sport,
            attempt.ask.destination,
            attempt.ask.port,
            attempt.ask.payload,
            outcome,
            detail,
        )
