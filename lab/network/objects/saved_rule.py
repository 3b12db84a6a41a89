"""A rule as a person types it, in the words of `iptables-save` (1.8.9, nft): so that what is read back is the same.

iptables moves addresses, interfaces and the protocol to the front, loads the protocol's own match when a port is
named, and spells options, masks, numbers and defaults in its own way. What is used in firewalls day by day is covered;
words of rarer matches are left as they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from lab.network.ipv4 import Prefix, number

_BASIC = {
    **dict.fromkeys(("-s", "--source", "--src"), "-s"),
    **dict.fromkeys(("-d", "--destination", "--dst"), "-d"),
    **dict.fromkeys(("-i", "--in-interface"), "-i"),
    **dict.fromkeys(("-o", "--out-interface"), "-o"),
    **dict.fromkeys(("-p", "--protocol", "--proto"), "-p"),
}
_ORDER = ("-s", "-d", "-i", "-o", "-p")
_PROTOCOLS = {"1": "icmp", "2": "igmp", "4": "ipencap", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre"}
_PROTOCOLS |= {"50": "esp", "51": "ah", "89": "ospf", "112": "vrrp", "132": "sctp"}
_SPELLING = {
    "--destination-port": "--dport",
    "--source-port": "--sport",
    "--destination-ports": "--dports",
    "--source-ports": "--sports",
}
_WITH_PROTOCOL = frozenset(("--dport", "--sport", "--tcp-flags", "--syn", "--tcp-option", "--icmp-type"))
_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
_UNITS = {"s": "sec", "m": "min", "h": "hour", "d": "day"}
_PLAIN = re.compile(r"[-_A-Za-z0-9]+")
_DEFAULTS = {"REJECT": ("--reject-with", "icmp-port-unreachable")}
_ICMP = {"echo-request": "8", "echo-reply": "0", "destination-unreachable": "3", "time-exceeded": "11"}
_LEVEL = ("--log-level", ("4", "warn", "warning"))  # LOG's default, which is not printed
_BURST = ("--limit-burst", "5")  # of the match limit, likewise
_SERVICES = {"ssh": "22", "domain": "53", "http": "80", "ntp": "123", "https": "443"}


@dataclass(slots=True)
class _Parts:
    """A rule being taken apart."""

    basics: dict[str, list[str]] = field(default_factory=dict)
    matches: list[str] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)


def saved_forms(text: str) -> tuple[str, ...]:
    """What `iptables-save` prints for the rule; several when it names several addresses, for iptables makes as many."""
    parts = _Parts()
    words = shlex.split(text)
    position = 0
    while position < len(words):
        position = _take(parts, words, position)
    matches = _whole_connlimit(parts.matches) if "connlimit" in parts.loaded else parts.matches
    tail = " ".join([*matches, *_target(parts.target)])
    return tuple(" ".join(filter(None, (basics, tail))) for basics in _basics(parts.basics))


def _take(parts: _Parts, words: list[str], position: int) -> int:
    """Take one option with what belongs to it; gives back where the next begins."""
    negated = words[position] == "!"
    position += negated
    if position == len(words):
        return position
    word = _SPELLING.get(words[position], words[position])
    bang = ["!"] if negated else []
    values = _values(words, position + 1)
    after = position + 1 + len(values)
    if parts.target and word not in _BASIC and word not in _WITH_PROTOCOL:
        parts.target += [*bang, word, *values]
    elif word in _BASIC:
        parts.basics[_BASIC[word]] = [*bang, "".join(values[:1])]
        return position + 2
    elif word in ("-m", "--match"):
        parts.loaded.add(values[0] if values else "")
        parts.matches += ["-m", *values[:1]]
    elif word in ("-j", "--jump", "-g", "--goto"):
        parts.target = ["-g" if word in ("-g", "--goto") else "-j", *values]
    else:
        _match_option(parts, bang, word, values)
    return after


def _values(words: list[str], start: int) -> list[str]:
    """Words up to the next option. A comment may begin with anything."""
    if words[start - 1] in ("--comment", "--log-prefix", "--nflog-prefix", "--string"):
        return words[start : start + 1]
    end = start
    while end < len(words) and words[end] != "!" and not re.match(r"--?[a-zA-Z]", words[end]):
        end += 1
    return words[start:end]


def _match_option(parts: _Parts, bang: list[str], word: str, values: list[str]) -> None:
    protocol = _protocol(parts.basics.get("-p", [""])[-1])
    if word in _WITH_PROTOCOL and not ({protocol, "multiport"} & parts.loaded) and protocol:
        parts.loaded.add(protocol)
        parts.matches += ["-m", protocol]
    if word == "--syn":
        word, values = "--tcp-flags", ["FIN,SYN,RST,ACK", "SYN"]
    if (word, *values) == _BURST and "limit" in parts.loaded:
        return
    if word in _VALUES and values:
        values = [_spelled(_VALUES[word], value) for value in values]
    quoted = _SPOKEN.get(word, _quoted)
    parts.matches += [*bang, word, *map(quoted, values)]


def _spelled(spelling: Callable[[str], str], value: str) -> str:
    """The value in iptables' spelling. What cannot be read as one is left to iptables, which says what is wrong."""
    try:
        return spelling(value)
    except ValueError:
        return value


def _whole_connlimit(matches: list[str]) -> list[str]:
    """With what a limit of connections is when it is not said: of each source address."""
    begin = next(at for at, word in enumerate(matches) if word == "connlimit" and matches[at - 1] == "-m") + 1
    end = next((at for at in range(begin, len(matches)) if matches[at] == "-m"), len(matches))
    said = matches[begin:end]
    mask = said.index("--connlimit-mask") if "--connlimit-mask" in said else None
    size = said[mask + 1 : mask + 2] if mask is not None else ["32"]
    whose = "--connlimit-daddr" if "--connlimit-daddr" in said else "--connlimit-saddr"
    number = [word for at, word in enumerate(said) if word != whose and (mask is None or at not in (mask, mask + 1))]
    return [*matches[:begin], *number, "--connlimit-mask", *size, whose, *matches[end:]]


def _states(value: str) -> str:
    named = set(value.upper().split(","))
    return ",".join(state for state in _STATES if state in named)


def _flags(value: str) -> str:
    named = set(_FLAGS) if value == "ALL" else set(value.upper().split(","))
    return ",".join(flag for flag in _FLAGS if flag in named) or "NONE"


def _ports(value: str) -> str:
    return ":".join(_SERVICES.get(port, port) for port in value.split(":"))


def _limit(value: str) -> str:
    """`5/minute` as `5/min`; the unit's first letter tells it."""
    count, _, unit = value.partition("/")
    return f"{count}/{_UNITS.get(unit[:1], 'sec')}"


def _probability(value: str) -> str:
    """As the kernel keeps it, in parts of 2^31."""
    return f"{round(float(value) * 0x80000000) / 0x80000000:.11f}"


def _icmp(value: str) -> str:
    return _ICMP.get(value, value)


def _mark(value: str) -> str:
    return "/".join(f"{int(part, 0):#x}" for part in value.split("/")).removesuffix("/0xffffffff")


def _full_mark(value: str) -> str:
    set_to, _, mask = value.partition("/")
    return f"{int(set_to, 0):#x}/{int(mask or '0xffffffff', 0):#x}"


_VALUES = {
    **dict.fromkeys(("--ctstate", "--state"), _states),
    **dict.fromkeys(("--dport", "--sport"), _ports),
    "--tcp-flags": _flags,
    "--mark": _mark,
    "--icmp-type": _icmp,
    "--limit": _limit,
    "--probability": _probability,
}


def _protocol(value: str) -> str:
    return _PROTOCOLS.get(value, value.lower())


def _target(words: list[str]) -> Iterator[str]:
    if len(words) == 2:
        words = [*words, *_DEFAULTS.get(words[1], ())]
    if words[1:2] == ["LOG"] and _LEVEL[0] in words:
        at = words.index(_LEVEL[0])
        words = words[:at] + words[at + 2 :] if words[at + 1] in _LEVEL[1] else words
    if words[1:2] == ["MARK"] and len(words) == 4 and words[2] in ("--set-mark", "--set-xmark"):
        words = ["-j", "MARK", "--set-xmark", _spelled(_full_mark, words[3])]
    for before, word in pairwise(["", *words]):
        yield _SPOKEN.get(before, _quoted)(word)


def _basics(basics: dict[str, list[str]]) -> Iterator[str]:
    """The front of the rule, once for every pair of source and destination."""
    for source in _addresses("-s", basics):
        for destination in _addresses("-d", basics):
            words = [source, destination]
            for option in _ORDER[2:]:
                if option in basics:
                    *bang, value = basics[option]
                    value = _protocol(value) if option == "-p" else value
                    if value not in ("all", "0", "+"):
                        words.append(" ".join([*bang, option, value]))
            yield " ".join(filter(None, words))


def _addresses(option: str, basics: dict[str, list[str]]) -> Iterator[str]:
    if option not in basics:
        yield ""
        return
    *bang, values = basics[option]
    for value in values.split(","):
        address = _spelled(_prefix, value)
        yield "" if address == "0.0.0.0/0" else " ".join([*bang, option, address])


def _prefix(value: str) -> str:
    address, _, mask = value.partition("/")
    if "." in mask:
        mask = str(number(mask).bit_count())
    return str(Prefix.of(f"{address}/{mask or 32}"))


def _quoted(word: str) -> str:
    """In quotes where iptables-save would have some; what addresses and numbers are made of needs none."""
    return _spoken(word) if re.search(r"[^-_A-Za-z0-9./:,=+%!\[\]*]", word) else word


def _spoken(word: str) -> str:
    """What is said in words is in quotes as soon as there is more than letters and digits."""
    return word if _PLAIN.fullmatch(word) else _in_quotes(word)


def _in_quotes(word: str) -> str:
    escaped = re.sub(r"([\\\"'])", r"\\\1", word)
    return f'"{escaped}"'


_SPOKEN: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("--comment", "--helper", "--log-prefix", "--nflog-prefix"), _spoken),
    **dict.fromkeys(("--string", "--hex-string", "--u32"), _in_quotes),
}
