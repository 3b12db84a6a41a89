"""Tries to get an answer out of a DNS server: by a datagram, by TCP, and for several questions at once."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Sequence
from struct import pack

from lab.trace.ask import question
from lab.trace.ask.attempt import Ask, Attempt, Datagram, Outcome, Stream
from lab.trace.ask.exchange import ANSWERED, SILENT


class DnsStream(Stream):
    """A DNS question over a new connection, with its length before it. RFC 1035, 4.2.2."""

    answer = b""

    def _said(self) -> bytes:
        return pack("!H", len(self.ask.payload)) + self.ask.payload

    def _is_whole(self, answer: bytes) -> bool:
        if len(answer) < 2 or len(answer) - 2 < int.from_bytes(answer[:2], "big"):
            return False
        self.answer = answer[2:]
        return True

    def _words(self, answer: bytes) -> str:  # noqa: ARG002
        return question.words(self.answer) if self.answer else "closed without an answer"


class DnsDatagram(Datagram):
    """A DNS question and its answer."""

    def _words(self) -> str:
        return question.words(self.answer)


class Questions(Attempt):
    """Several DNS questions from one port at once, as a resolver asks for a name's addresses of both families.

    `answers` and `outcomes` are in the order of the questions.
    """

    protocol = "udp"
    kind = socket.SOCK_DGRAM

    def __init__(self, ask: Ask, messages: Sequence[bytes]) -> None:
        super().__init__(ask)
        self.messages = tuple(messages)
        self.answers = [b""] * len(self.messages)
        self.outcomes: list[Outcome] = [(SILENT, "no answer")] * len(self.messages)

    def begin(self) -> None:
        try:
            self._socket.connect(self._destination)
        except OSError as error:
            self._error = error.errno or errno.EIO
            self.outcomes = [self._failed(error)] * len(self.messages)
            return
        self._named()
        for number, message in enumerate(self.messages):
            try:
                self._socket.send(message)
            except OSError as error:
                self.outcomes[number] = self._failed(error)

    def _converse(self) -> Outcome:
        """The outcome of the first that failed, else of the first."""
        try:
            while any(outcome == SILENT for outcome, _ in self.outcomes):
                self._wait(select.POLLIN)
                self._take(self._socket.recv(65536))
        except TimeoutError:
            pass
        except OSError as error:
            failed = self._failed(error)
            self.outcomes = [failed if one[0] == SILENT else one for one in self.outcomes]
        return next((one for one in self.outcomes if one[0] != ANSWERED), self.outcomes[0])

    def _take(self, message: bytes) -> None:
        for number, asked in enumerate(self.messages):
            if message[:2] == asked[:2] and question.read(message) is not None:
                self.answers[number] = message
                self.outcomes[number] = ANSWERED, question.words(message)


DNS_ATTEMPTS: dict[str, type[Datagram | DnsStream]] = {"tcp": DnsStream, "udp": DnsDatagram}
