"""What `ip rule` prints, with `-d`, `-N` and `-j` or without.

The kernel's own three rules are there in the lab as well, and are passed over. What depends on users, realms, groups of
interfaces, VRFs or DSCP is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import DumpError, Entry, Json, Kind, LeftOutError, single
from lab.topology.machine.words import Words, device, number, prefix, six, table
from lab.topology.yaml.document import shown

COMMAND = "ip rule"
NUMBERED = "ip -N rule"
OWN = {0: "local", 32766: "", 32767: "default"}
"""Priority and table of those that the kernel has by itself; "" is the main one."""
MOVED = "the kernel's own at another priority"

_REFUSES = {"6": "blackhole", "7": "unreachable", "8": "prohibit"}
_REFUSES |= {name: name for name in tuple(_REFUSES.values())}
_PROTOCOLS = {"icmp": "icmp", "tcp": "tcp", "udp": "udp", "ipencap": "ipip", "ipip": "ipip", "gre": "47", "esp": "50"}
_PROTOCOLS |= {"ah": "51", "ospf": "89", "ospfigp": "89", "sctp": "132", "1": "icmp", "4": "ipip", "6": "tcp"}
_PROTOCOLS |= {"17": "udp"}
_PASSED_OVER = ("[detached]", "[unresolved]", "nop")
_DECIDING = frozenset(("lookup", "goto", "nop", *_REFUSES))
_REFUSED = {
    "uidrange": "a lab's programs have other users: take the line out",
    "[l3mdev-table]": "the lab has no VRFs: take the line out",
    "l3mdev": "the lab has no VRFs: take the line out",
    "suppress_ifgroup": "the lab's interfaces have no groups: take the line out",
    "realms": "a realm cannot be held: take out the word and its value",
    "dscp": "a rule for a DSCP cannot be held: take the line out, or write it as tos",
    "tun_id": "a rule for a tunnel's number cannot be held: take the line out",
}


@dataclass(frozen=True, slots=True)
class SavedRule:
    """As lab.network.objects.policy_rule has it: prefixes have a length, "" is for all; `table` is main by its name."""

    priority: int
    source: str = ""
    destination: str = ""
    incoming: str = ""
    outgoing: str = ""
    mark: int = 0
    mask: int = 0
    protocol: str = ""
    sports: tuple[int, int] | None = None
    dports: tuple[int, int] | None = None
    table: str = ""
    refuses: str = ""
    inverted: bool = False
    tos: str = ""
    suppressed: int | None = None
    goto: int = 0


def policy_rules(devices: Devices) -> Kind[SavedRule | None]:
    """The dump's kind, for a place with these interfaces; None for a rule that the kernel has by itself."""
    return Kind(COMMAND, "rules", lambda entry: _read(entry, devices), _words)


def _read(entry: Entry, devices: Devices) -> SavedRule | None:
    words = Words(entry.words)
    first = words.next()
    if not first.endswith(":"):
        raise DumpError(f"{shown(entry.text, 40)} is no rule", "one begins with its priority: '100: from all lookup 7'")
    rule = SavedRule(number("priority", first[:-1]))
    while words.left:
        rule = _with(rule, words.next(), words)
    if not _DECIDING & {*entry.words}:
        raise DumpError("the rule says nothing of what is to be done: the line is cut off", "print it anew, whole")
    plain = SavedRule(rule.priority, table=rule.table)
    if rule == plain and rule.table in ("local", "main", "default"):
        if (OWN.get(rule.priority) or "main") != rule.table:
            raise LeftOutError(MOVED)
        return None
    for name in (rule.incoming, rule.outgoing):
        if name:
            devices.require(name)
    return rule


def _with(rule: SavedRule, word: str, words: Words) -> SavedRule:
    """The rule with what this word says, and the one behind it where it has a value."""
    if word in _REFUSED:
        raise DumpError(f"{shown(word)} of a rule cannot be held", _REFUSED[word])
    if word in _VALUES:
        return _VALUES[word](rule, words.after(word))
    if word in _REFUSES:
        return replace(rule, refuses=_REFUSES[word])
    if word == "not":
        return replace(rule, inverted=True)
    if word not in _PASSED_OVER:
        raise DumpError(f"{shown(word)} is not known of a rule", f"{COMMAND} prints it")
    return rule


def _prefix(text: str) -> str:
    six(text)
    return "" if text in ("all", "0.0.0.0/0") else prefix(text)


def _mark(rule: SavedRule, text: str) -> SavedRule:
    mark, _, mask = text.partition("/")
    found = replace(rule, mark=number("fwmark", mark), mask=number("fwmark", mask or "0xffffffff"))
    if not found.mask:
        raise DumpError(f"fwmark {text} looks at no bit of a mark", "give the mask bits, or take the word out")
    return found


def _lookup(rule: SavedRule, text: str) -> SavedRule:
    if text in _REFUSED:
        raise DumpError(f"{shown(text)} of a rule cannot be held", _REFUSED[text])
    return replace(rule, table=table(text, NUMBERED) or "main")


def _ports(name: str, text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return number(name, first, 65535), number(name, last or first, 65535)


def _protocol(text: str) -> str:
    given = text.removeprefix("ipproto-")
    return _PROTOCOLS.get(given) or str(number("ipproto", given, 255))


_VALUES: dict[str, Callable[[SavedRule, str], SavedRule]] = {
    "from": lambda rule, text: replace(rule, source=_prefix(text)),
    "to": lambda rule, text: replace(rule, destination=_prefix(text)),
    "iif": lambda rule, text: replace(rule, incoming=device(text)),
    "oif": lambda rule, text: replace(rule, outgoing=device(text)),
    "fwmark": _mark,
    "ipproto": lambda rule, text: replace(rule, protocol=_protocol(text)),
    "sport": lambda rule, text: replace(rule, sports=_ports("sport", text)),
    "dport": lambda rule, text: replace(rule, dports=_ports("dport", text)),
    "tos": lambda rule, text: replace(rule, tos=f"tos {number('tos', text, 0xFC):#x}"),
    "lookup": _lookup,
    "goto": lambda rule, text: replace(rule, goto=number("goto", text)),
    "suppress_prefixlength": lambda rule, text: replace(rule, suppressed=number("suppress_prefixlength", text, 32)),
    "proto": lambda rule, _text: rule,  # who made it
}

_MEMBERS = {"iif": "iif", "oif": "oif", "tos": "tos", "table": "lookup", "goto": "goto", "protocol": "proto"}
_MEMBERS |= {"suppress_prefixlen": "suppress_prefixlength", "suppress_ifgroup": "suppress_ifgroup", "dscp": "dscp"}


def _words(told: Json) -> list[str]:
    """As `ip rule` prints it."""
    left = dict(told)
    words = [f"{int(left.pop('priority'))}:"]
    words += ["not"] if "not" in left else []
    left.pop("not", None)
    for name, word in (("src", "from"), ("dst", "to")):
        if name in left:
            length = left.pop(f"{name}len", None)
            words += [word, f"{single(left.pop(name))}{f'/{int(length)}' if length is not None else ''}"]
    if "fwmark" in left:
        mask = left.pop("fwmask", None)
        words += ["fwmark", f"{single(left.pop('fwmark'))}{f'/{single(mask)}' if mask is not None else ''}"]
    for name in ("sport", "dport"):
        if name in left:
            words += [name, single(left.pop(name))]
        elif f"{name}_start" in left:
            words += [name, f"{int(left.pop(f'{name}_start'))}-{int(left.pop(f'{name}_end'))}"]
    words += ["ipproto", single(left.pop("ipproto"))] if "ipproto" in left else []
    words += [single(left.pop("action"))] if "action" in left else []
    for name, value in left.items():
        if name in ("iif_detached", "oif_detached", "unresolved"):
            continue
        words += [_MEMBERS.get(name, name), *([] if value is None else [single(value)])]
    return words
