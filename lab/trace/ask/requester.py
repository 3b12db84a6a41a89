"""Asks from inside a place, as its own programs would: resolves the name, then sends the request.

It reads the place's resolver files and never changes anything; only the sockets are made in the place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from lab.errors import UsageError
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.map.place import Place
from lab.network.dns.resolver import Resolver, address_in_hosts, hosts_entries
from lab.trace.ask import question
from lab.trace.ask.attempt import Ask, Attempt
from lab.trace.ask.chosen_address import source_towards
from lab.trace.ask.exchange import ANSWERED, REFUSED, SILENT, Exchange
from lab.trace.ask.lookup import DNS_ATTEMPTS, DnsStream, Questions
from lab.trace.ask.ping import ATTEMPTS
from lab.trace.journey import BY_HOSTS, DATA, DNS, Resolution

if TYPE_CHECKING:
    from lab.trace.ask.crafted.written import Crafting

T = TypeVar("T")

DNS_PORT = 53
FAMILIES = (question.A, question.AAAA)
DNS_TRIES, DNS_SECONDS = 2, 0.5
ONWARD = (question.NOERROR, question.NXDOMAIN, question.SERVFAIL)  # with these glibc goes on to the next domain
FAILED = (question.SERVFAIL, question.NOTIMP, question.REFUSED)
UNANSWERED = "no answer"

Look = Callable[[Sequence[Exchange], bool], float]


@dataclass(frozen=True, slots=True)
class _Said:
    """What came of asking one name: the answers of both families, which may be None, and what a program waits for."""

    answers: tuple[question.Answer | None, ...]
    server: str
    questions: int
    waited: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether a program has what it asked for."""
        return all(one is not None and not one.truncated for one in self.answers)

    @property
    def is_final(self) -> bool:
        """Whether nobody is asked again: glibc asks where an answer is missing, and who failed."""
        told = [one for one in self.answers if one is not None]
        return any(one.truncated for one in told) or (self.is_whole and not all(one.rcode in FAILED for one in told))

    @property
    def status(self) -> str:
        """The first family's, unless only the other one has an address."""
        told = [one for one in self.answers if one is not None]
        best = next((one for one in told if one.addresses), told[0] if told else None)
        return best.status if best and self.is_whole else UNANSWERED

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(address for one in self.answers if one is not None for address in one.addresses)

    @property
    def alias(self) -> str:
        return next((one.alias for one in self.answers if one is not None and one.alias), "")


class Probe:
    """A client in a place; `exchanges` is all that it did, of each phase the telling one last. `look` is asked whenever
    an answer does not come soon: of what was not answered yet, and whether that counts only as sent the first time, it
    says after how many seconds it wants to be asked again, 0 if nothing more is to be waited for.
    """

    def __init__(self, sandbox: Sandbox, source: Place, look: Look | None = None) -> None:
        self._sandbox = sandbox
        self._source = source
        self._look = look
        self.exchanges: list[Exchange] = []

    @cached_property
    def resolver(self) -> Resolver:
        """The place's, by its files as they are now."""
        return Resolver.from_text(self._file("resolv.conf"), self._file("hostname").strip())

    def _file(self, name: str) -> str:
        return self._sandbox.own_file(self._source.name, name)

    def source_for(self, destination: str) -> str:
        """The address with which the place would send there, "" where it has no way; nothing is sent."""
        with self._entered():
            return source_towards(destination)

    def resolve(self, name: str) -> Resolution:
        """Ask for the name as the place's programs do, until one of the candidates has an address.

        UsageError for what cannot be a name.
        """
        found = address_in_hosts(hosts_entries(self._file("hosts")), name)
        if found:
            return Resolution(name, BY_HOSTS, (found,), 0)
        questions = waited = 0
        told = Resolution(name, UNANSWERED, (), 0)
        names = list(self.resolver.candidates(name))
        tried: list[str] = []
        while names:
            candidate = names.pop(0)
            tried.append(candidate)
            said = self._asked(candidate)
            questions, waited = questions + said.questions, waited + said.waited
            told = Resolution(candidate, said.status, said.addresses, questions, said.server, waited, said.alias)
            if said.status == UNANSWERED:
                gives_up = self._gives_up(name, candidate, said)
                return replace(told, gives_up=gives_up, addresses=(), half=said.addresses)
            first = said.answers[0]
            if said.addresses:
                break
            if first is not None and first.rcode not in ONWARD:
                names = [one for one in names if one == name]
        return replace(told, names=tuple(tried))

    def _gives_up(self, name: str, candidate: str, said: _Said) -> int:
        """Seconds until a program gives up or, of two questions, goes on with the answer that it has."""
        if any(one is not None and one.truncated for one in said.answers):
            return 0
        if said.addresses:
            return self.resolver.patience_with_one
        if self.exchanges and self.exchanges[-1].outcome == REFUSED:
            return 0
        return self.resolver.gives_up(name, candidate)

    def _asked(self, name: str) -> _Said:
        """One name, of every server in turn until one answers, and of all of them again."""
        said = _Said((None,), "", 0)
        waited = asked = 0
        tries: list[int] = []
        for _ in range(DNS_TRIES if self.resolver.attempts > 1 else 1):
            for server in self.resolver.asked:
                tries.append(len(self.exchanges))
                said = self._ask_one(server, name)
                asked += said.questions
                if said.is_final:
                    return replace(said, questions=asked, waited=waited)
                if None in said.answers and not self._is_refused:
                    waited += self.resolver.timeout
        # The first try is told: a server may ask others only once, however often it is asked itself.
        first, second = tries[0], tries[min(1, len(tries) - 1)]
        if second > first:
            self.exchanges += self.exchanges[first:second]
            del self.exchanges[first:second]
        return replace(said, questions=asked)

    def _ask_one(self, server: str, name: str) -> _Said:
        """One server, for both families at once; what does not fit into a datagram is asked for again by TCP."""
        messages = [self.message(name, kind) for kind in FAMILIES[: self.resolver.families]]
        before = len(self.exchanges)
        if self.resolver.by_tcp:
            found = [self._by_tcp(server, one) for one in messages]
        else:
            attempt = self._made(lambda: Questions(Ask(server, DNS_PORT, messages[0]), messages))
            attempt.begin()
            attempt.finish(DNS_SECONDS, self._looking(lambda: self._asked_with(attempt)))
            attempt.abandon()
            self.exchanges += self._asked_with(attempt)
            found = [question.read(message) for message in attempt.answers]
            for number, one in enumerate(found):
                if one is not None and one.truncated:
                    found[number] = self._by_tcp(server, messages[number]) or one
        # Whichever failed is the one that is told; else the first.
        asked = self.exchanges[before:]
        asked.reverse()
        self.exchanges[before:] = sorted(asked, key=lambda one: one.outcome != ANSWERED)
        return _Said(tuple(found), server, len(messages))

    def _asked_with(self, attempt: Questions) -> list[Exchange]:
        """Its questions, as they stand now."""
        return [
            self._exchange(attempt, message, DNS, *outcome, mark=message[:2])
            for message, outcome in zip(attempt.messages, attempt.outcomes, strict=True)
        ]

    def _looking(self, asked: Callable[[], Sequence[Exchange]], *, once: bool = False) -> Callable[[], float] | None:
        """What an attempt calls that has asked this."""
        look = self._look
        if look is None:
            return None
        return lambda: look([one for one in asked() if one.outcome == SILENT], once)

    def _by_tcp(self, server: str, message: bytes) -> question.Answer | None:
        attempt = self.begin("tcp", Ask(server, DNS_PORT, message), dns=True)
        self.finish(attempt, DNS_SECONDS, DNS)
        return question.read(attempt.answer) if isinstance(attempt, DnsStream) else None

    @property
    def _is_refused(self) -> bool:
        return bool(self.exchanges) and self.exchanges[-1].outcome == REFUSED

    @staticmethod
    def message(name: str, kind: int = question.A) -> bytes:
        """A question with a number of its own: the captures tell them apart by their payload."""
        try:
            return question.ask(int.from_bytes(os.urandom(2), "big"), name, kind)
        except ValueError as error:
            raise UsageError(str(error), "a name is letters, digits and hyphens, with dots between") from error

    def begin(self, protocol: str, ask: Ask, *, dns: bool = False) -> Attempt:
        """Send the first packet of an attempt, from a fresh port. With `dns`, the payload is a question to DNS."""
        kinds = DNS_ATTEMPTS if dns else ATTEMPTS
        attempt = self._made(lambda: kinds[protocol](ask)) if ask.crafting is None else self.crafted(ask.crafting)
        attempt.begin()
        return attempt

    def crafted(self, crafting: Crafting) -> Attempt:
        """An attempt with the packet that a person wrote, not yet begun."""
        from lab.trace.ask.crafted.attempt import CraftedAttempt  # noqa: PLC0415  scapy, 0.2 s, is for these only

        return self._made(lambda: CraftedAttempt(crafting, self._source.name))

    def _made(self, make: Callable[[], T]) -> T:
        """What is made inside the place: a socket belongs to it for good."""
        with self._entered():
            return make()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        netns = self._sandbox.open_netns(self._source.name)
        try:
            with inside(netns):
                yield
        finally:
            os.close(netns)

    def finish(self, attempt: Attempt, seconds: float, phase: str = DATA) -> Exchange:
        """Wait for the answer, and note what came of it."""
        look = self._looking(lambda: [self._as_sent(attempt, phase)], once=attempt.once)
        outcome, detail = attempt.finish(seconds, look)
        exchange = self._exchange(attempt, attempt.ask.payload, phase, outcome, detail)
        attempt.abandon()
        self.exchanges.append(exchange)
        return exchange

    def exchange(self, attempt: Attempt) -> Exchange:
        """An attempt as what its packets are known by, as it stands before any answer."""
        return self._as_sent(attempt, DATA)

    def _as_sent(self, attempt: Attempt, phase: str) -> Exchange:
        return self._exchange(attempt, attempt.ask.payload, phase, SILENT, "")

    def _exchange(
        self, attempt: Attempt, payload: bytes, phase: str, outcome: str, detail: str, mark: bytes = b""
    ) -> Exchange:
        return Exchange(
            phase,
            attempt.protocol,
            self._source.name,
            attempt.address or self._source.address,
            attempt.sport,
            attempt.ask.destination,
            attempt.ask.port,
            payload,
            outcome,
            detail,
            mark,
            role=attempt.role,
            ident=attempt.ident,
        )
