"""DNS messages, as few kinds as a stub resolver needs: a question for addresses, and its answer. RFC 1035.

Our own, because importing a DNS library takes longer than the whole trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET6, inet_ntoa, inet_ntop
from struct import Struct, error

A, CNAME, AAAA = 1, 5, 28
IN = 1
NOERROR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 2, 3, 4, 5
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
RECURSION_DESIRED, TRUNCATED, RESPONSE = 0x0100, 0x0200, 0x8000
_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_POINTER = 0xC0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name server said: `addresses` for the name asked, after following the CNAMEs within the answer.

    `alias` is where the last of these CNAMEs leads, "" without one. Of a `truncated` answer the rest is to be had by
    TCP. `kind` is that of the question.
    """

    ident: int
    name: str
    rcode: int
    addresses: tuple[str, ...] = ()
    alias: str = ""
    truncated: bool = False
    kind: int = A

    @property
    def status(self) -> str:
        return RCODES.get(self.rcode, str(self.rcode))


def ask(ident: int, name: str, kind: int = A) -> bytes:
    """The question for a name. ValueError for what cannot be a name: an empty or too long label, or not ASCII."""
    labels = name.rstrip(".").split(".")
    if not all(0 < len(label) < 64 and label.isascii() for label in labels) or len(name) > 253:
        raise ValueError(f"{name!r} is not a DNS name")
    encoded = b"".join(bytes([len(label)]) + label.encode() for label in labels)
    return _HEADER.pack(ident, RECURSION_DESIRED, 1, 0, 0, 0) + encoded + b"\0" + _QUESTION.pack(kind, IN)


def asked(message: bytes) -> str:
    """The name that a question is about; "" for anything that is not one."""
    try:
        return _name(message, _HEADER.size)[0]
    except (IndexError, ValueError):
        return ""


def about(message: bytes) -> tuple[str, int]:
    """The name in small letters and the kind that a question is about; ("", 0) for anything that is not one."""
    try:
        name, place = _name(message, _HEADER.size)
        return name.lower(), int(_QUESTION.unpack_from(message, place)[0])
    except (error, IndexError, ValueError):
        return "", 0


def read(message: bytes) -> Answer | None:
    """An answer; None for a question or for anything that is not a whole DNS message."""
    try:
        ident, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
        if not flags & RESPONSE or questions != 1:
            return None
        name, place = _name(message, _HEADER.size)
        asked_kind, _ = _QUESTION.unpack_from(message, place)
        place += _QUESTION.size
        wanted, addresses, alias = {name.lower()}, [], ""
        for _ in range(answers):
            owner, place = _name(message, place)
            kind, _, _, length = _RECORD.unpack_from(message, place)
            place += _RECORD.size
            if owner.lower() in wanted:
                if kind == CNAME:
                    alias = _name(message, place)[0]
                    wanted.add(alias.lower())
                elif kind == A and length == 4:
                    addresses.append(inet_ntoa(message[place : place + 4]))
                elif kind == AAAA and length == 16:
                    addresses.append(inet_ntop(AF_INET6, message[place : place + 16]))
            place += length
    except (error, IndexError, ValueError, OSError):  # cut short, or a name that never ends
        return None
    return Answer(ident, name, flags & 15, tuple(addresses), alias, bool(flags & TRUNCATED), asked_kind)


def words(message: bytes) -> str:
    """An answer in a few words: the status and the addresses."""
    said = read(message)
    if said is None:
        return "an answer that is not DNS" if message else "no answer"
    return f"{said.status}, {', '.join(said.addresses)}" if said.addresses else said.status


def _name(message: bytes, place: int) -> tuple[str, int]:
    """The name at `place` and where it ends; each pointer leads further back than the one before, so it must end."""
    labels: list[str] = []
    start, end = place, 0
    while length := message[place]:
        if length & _POINTER == _POINTER:
            target = (length & 0x3F) << 8 | message[place + 1]
            if target >= start:
                raise ValueError("a DNS name does not point back")
            start, end, place = target, end or place + 2, target
        else:
            labels.append(message[place + 1 : place + 1 + length].decode("latin-1"))
            place += 1 + length
    return ".".join(labels), end or place + 1
