"""The layers that a packet may have, taken from scapy's classes, and what each of their fields may be."""

from __future__ import annotations

from collections.abc import Callable, Collection
from socket import inet_aton

from scapy.fields import (
    BitField,
    FieldListField,
    FlagsField,
    IPField,
    MACField,
    MultiEnumField,
    MultipleTypeField,
    PacketListField,
    StrField,
    _EnumField,
    _PacketField,
)
from scapy.layers.dns import DNS, DNSQR, DNSStrField
from scapy.layers.inet import ICMP, IP, TCP, UDP, TCPOptionsField
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.layers.sctp import (
    SCTP,
    SCTPChunkAbort,
    SCTPChunkCookieEcho,
    SCTPChunkData,
    SCTPChunkHeartbeatReq,
    SCTPChunkInit,
    SCTPChunkShutdown,
)
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from lab.errors import UsageError
from lab.suggestion import did_you_mean
from lab.trace.ask.crafted.expression import Argument, Call, Expression, Listing, Literal, Term, shown
from lab.trace.ask.typed import is_address

LAYERS: dict[str, type[Packet]] = {
    one.__name__: one
    for one in (
        *(Ether, Dot1Q, ARP, IP, ICMP, UDP, TCP, GRE, VXLAN, DNS, DNSQR, Raw),
        *(SCTP, SCTPChunkInit, SCTPChunkData, SCTPChunkCookieEcho, SCTPChunkHeartbeatReq),
        *(SCTPChunkAbort, SCTPChunkShutdown),
    )
}
SIXES = ("IPv6", "ICMPv6EchoRequest", "IPv6ExtHdrFragment")
LONGEST = 65_535
NAMED = 8  # so many of a field's own names are listed
_LABEL, _NAME = 63, 253  # RFC 1035
_TCP_OPTIONS = ("MSS", "WScale", "SAckOK", "SAck", "Timestamp", "NOP", "EOL")

Wrong = Callable[[str, str], UsageError]
Value = int | str | bytes | list[Packet] | list[tuple[str, object]]


def layer(expression: Expression, call: Call | Literal) -> Packet:
    """scapy's layer of one part of an expression. UsageError with the place of a name or a value that cannot be."""
    if isinstance(call, Literal):
        assert not isinstance(call.value, int)
        return Raw(load=_bytes(call.value, lambda problem, remedy: expression.wrong(call.place, problem, remedy)))
    kind = LAYERS.get(call.name)
    if kind is None:
        known = f"the layers: {', '.join(LAYERS)}"
        told = "a lab has IPv4 addresses only" if call.name in SIXES else _meant(call.name, LAYERS, known)
        raise expression.wrong(call.place, f"unknown layer {shown(call.name)}", told)
    fields = {one.name: _bare(one) for one in kind.fields_desc}
    given: dict[str, Value] = {}
    for argument in call.arguments:
        name = argument.name or ("load" if kind is Raw and len(call.arguments) == 1 else "")
        if not name:
            known = f"name=value, with a name of {', '.join(fields)}"
            raise expression.wrong(argument.place, f"a value of {call.name} without its field", known)
        if name not in fields:
            known = f"{call.name} has {', '.join(fields)}"
            told = _meant(name, fields, known)
            raise expression.wrong(argument.place, f"{call.name} has no field {shown(name)}", told)
        if name in given:
            raise expression.wrong(argument.place, f"{name} of {call.name} is said twice", "say it once")
        given[name] = _value(expression, call, argument, name, fields[name])
    make: Callable[..., Packet] = kind  # its fields are in no signature
    return make(**given)


def _meant(name: str, known: Collection[str], otherwise: str) -> str:
    """Names are so short that letters in another order have to be looked for first."""
    mixed = next((one for one in known if sorted(one.lower()) == sorted(name.lower())), "")
    return f"did you mean '{mixed}'?" if mixed else did_you_mean(name, known, otherwise)


def _bare(field: object) -> object:
    """The field itself, without what makes it conditional, padded or emphasised."""
    while not isinstance(field, MultipleTypeField) and hasattr(field, "fld"):
        field = field.fld
    return field


def _value(expression: Expression, call: Call, argument: Argument, name: str, field: object) -> Value:
    term = argument.term

    def wrong(problem: str, remedy: str) -> UsageError:
        return expression.wrong(term.place, f"{name} of {call.name}: {problem}", remedy)

    if isinstance(term, Listing) and not isinstance(field, TCPOptionsField | PacketListField | FieldListField):
        raise wrong("a list: a trace follows one packet", "one value")
    if call.name == "ARP" and name in _ARP_ADDRESSES:
        return _ARP_ADDRESSES[name](term, wrong)
    for kind, read in _READERS:
        if isinstance(field, kind):
            return read(term, wrong)
    if isinstance(field, PacketListField) and call.name == "DNS" and name == "qd":
        return _questions(expression, term, wrong)
    if isinstance(field, _PacketField | PacketListField | FieldListField | MultipleTypeField):
        raise wrong("cannot be given here", 'leave it out; bytes can be joined with / b"…"')
    return _text(term, wrong) if isinstance(field, StrField) else _number(term, field, wrong)


def _told(term: Term) -> str:
    """What stands there, in a message."""
    if isinstance(term, Call):
        return f"the layer {shown(term.name)}"
    if isinstance(term, Listing):
        return "a list"
    if isinstance(term.value, bytes):
        return f"bytes ({shown(term.value.decode('latin-1'))})"
    return f"the text {shown(term.value)}" if isinstance(term.value, str) else f"the number {term.value}"


def _address(term: Term, wrong: Wrong) -> str:
    if not isinstance(term, Literal) or not isinstance(term.value, str):
        raise wrong(f"{_told(term)} is no address", 'an IPv4 address in quotes: "10.244.0.129"')
    if ":" in term.value:
        raise wrong(f"{shown(term.value)} looks like an IPv6 address", "a lab has IPv4 addresses only")
    if not is_address(term.value) or " " in term.value:
        raise wrong(f"{shown(term.value)} is no IPv4 address", 'names are not asked for: "10.244.0.129"')
    inet_aton(term.value)
    return term.value


def _mac(term: Term, wrong: Wrong) -> str:
    text = term.value if isinstance(term, Literal) else None
    parts = text.split(":") if isinstance(text, str) else []
    if len(parts) != 6 or not all(len(one) == 2 and set(one.lower()) <= set("0123456789abcdef") for one in parts):
        raise wrong(f"{_told(term)} is no MAC address", '"02:00:00:00:00:01"')
    return ":".join(parts).lower()


def _dns_name(term: Term, wrong: Wrong) -> str:
    text = term.value if isinstance(term, Literal) else None
    text = text.decode("latin-1") if isinstance(text, bytes) else text
    labels = text.rstrip(".").split(".") if isinstance(text, str) else []
    fits = isinstance(text, str) and text.isascii() and len(text) <= _NAME
    if not fits or not all(0 < len(one) <= _LABEL for one in labels):
        raise wrong(f"{_told(term)} is no DNS name", '"myapp.namespace001.svc.cluster.local"')
    return str(text)


def _text(term: Term, wrong: Wrong) -> bytes:
    if not isinstance(term, Literal) or isinstance(term.value, int):
        raise wrong(f"{_told(term)} is no text", 'a text "…" or bytes b"…"')
    return _bytes(term.value, wrong)


def _bytes(value: str | bytes, wrong: Wrong) -> bytes:
    found = value if isinstance(value, bytes) else value.encode()
    if len(found) > LONGEST:
        raise wrong(f"{len(found)} bytes are too many", f"a packet has {LONGEST} at most")
    return found


def _questions(expression: Expression, term: Term, wrong: Wrong) -> list[Packet]:
    asked = term.items if isinstance(term, Listing) else (term,)
    found = []
    for one in asked:
        if not isinstance(one, Call) or one.name != "DNSQR":
            raise wrong(f"{_told(one)} is no question", 'DNSQR(qname="myapp.namespace001.svc.cluster.local")')
        found.append(layer(expression, one))
    return found


def _options(term: Term, wrong: Wrong) -> list[tuple[str, object]]:
    """As scapy has them: `[("MSS", 1460), ("NOP", None)]`, where here nothing stands for None."""
    remedy = '[("MSS", 1460), ("SAckOK", ""), ("NOP",)]'
    if not isinstance(term, Listing):
        raise wrong(f"{_told(term)} is no list of options", remedy)
    found: list[tuple[str, object]] = []
    for one in term.items:
        parts = [part.value if isinstance(part, Literal) else None for part in getattr(one, "items", ())]
        name, *values = parts or [None]
        if name not in _TCP_OPTIONS or None in values:
            raise wrong("one of the options is none", f"{remedy}; names: {', '.join(_TCP_OPTIONS)}")
        if name in ("NOP", "EOL", "SAckOK"):
            value: object = b"" if name == "SAckOK" else None
        elif not values or not all(isinstance(part, int) and part < 1 << 32 for part in values):
            raise wrong(f"the option {name} has a number", remedy)
        else:
            value = values[0] if len(values) == 1 else tuple(values)
        found.append((str(name), value))
    return found


def _number(term: Term, field: object, wrong: Wrong) -> Value:
    """A number that fits, one of the field's own names, or flags by their letters or names."""
    bits = abs(field.size) if isinstance(field, BitField) else round(getattr(field, "sz", 4) * 8)
    if isinstance(term, Literal) and isinstance(term.value, int):
        if not 0 <= term.value < 1 << bits:
            raise wrong(f"{term.value} does not fit", f"0 to {(1 << bits) - 1}")
        return term.value
    text = term.value if isinstance(term, Literal) and isinstance(term.value, str) else None
    if isinstance(field, FlagsField):
        return _flags(term, text, field, wrong)
    names = list(getattr(field, "s2i", ())) if isinstance(field, _EnumField) else []
    names = [] if isinstance(field, MultiEnumField) else [one for one in names if isinstance(one, str)]
    if text in names:
        return str(text)
    if names and text is not None:
        some = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        raise wrong(f"unknown name {shown(text)}", did_you_mean(text, names, f"a number, or one of {some}"))
    raise wrong(f"{_told(term)} is no number", f"0 to {(1 << bits) - 1}, without quotes")


def _flags(term: Term, text: str | None, field: FlagsField, wrong: Wrong) -> str:
    names = [one for one in field.names if isinstance(one, str)]
    short = all(len(one) == 1 for one in names)
    told = text if text is not None else ""
    parts = list(told) if short else [one for one in told.split("+") if one]
    unknown = next((one for one in parts if one not in names), None)
    if text is None or unknown is not None:
        problem = f"{_told(term)} is no flags" if unknown is None else f"no flag is called {shown(unknown)}"
        how = f'"{"".join(names[:2]) if short else "+".join(names[:2])}"'
        raise wrong(problem, f"of {', '.join(names)}, written {how}, or a number")
    return told


_ARP_ADDRESSES = {"hwsrc": _mac, "hwdst": _mac, "psrc": _address, "pdst": _address}
_READERS: tuple[tuple[type, Callable[[Term, Wrong], Value]], ...] = (
    (IPField, _address),
    (MACField, _mac),
    (DNSStrField, _dns_name),
    (TCPOptionsField, _options),
)
