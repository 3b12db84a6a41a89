"""Rules of a real node, as `iptables-save` printed them, in a form in which equal rules are equal.

iptables has said the same in many ways over the years and in its two variants. What a rule asks of a packet is a set
here, whatever the order; what iptables adds by itself and comments do not count; a probability stands apart, for it is
rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lab.errors import FileError, Mistake

Where = tuple[str, str]  # table, chain

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_RULE = re.compile(r"(?:\[\d+:\d+\] )?-A (\S+) ?(.*)")
# Said or not, it is the same: what iptables can or cannot do, and what only counts.
_ALONE = frozenset(("--rsource", "--random-fully", "--nfacct-name"))
_COUNTED_LOCALHOST = "localhost_nps_accepted_pkts"
"""Of a rule that only counts node ports on 127.0.0.1 apart; the one after it leads whoever asks the same way."""
_DEFAULTS = frozenset(
    ("--mask 255.255.255.255", "--mode random", "--reject-with icmp-port-unreachable", "-s 0.0.0.0/0", "-d 0.0.0.0/0")
)
_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp"}
_ALL_BITS = 0xFFFFFFFF


class SavedRule(NamedTuple):
    """One rule. `target` has its options: `DNAT --to-destination 10.244.0.2:8080`."""

    text: str
    conditions: frozenset[str]
    target: str
    probability: float
    """0 where it is not random"""
    comment: str
    intent: str = ""
    """what it is for, where we made it"""

    @property
    def key(self) -> tuple[frozenset[str], str]:
        """What it does to whom: equal for rules that are the same, but for their probabilities."""
        return self.conditions, self.target

    @property
    def chain(self) -> str:
        """The chain, or the plain verdict, to which it leads."""
        return self.target.partition(" ")[0]


def read_saved(text: str, file: str) -> dict[Where, list[str]]:
    """Rules of every chain, without the leading `-A CHAIN`. Raises FileError for what is no output of iptables-save."""
    found: dict[Where, list[str]] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        written = line.strip()
        if written.startswith("*"):
            table = written[1:]
        elif not written or written.startswith("#"):
            continue
        elif written == "COMMIT":
            table = ""
        elif not table or not _take(written, table, found):
            remedy = "iptables-save, as root on the node, prints what is meant"
            raise FileError((Mistake(file, number, 1, "", "this is not from iptables-save", remedy),))
    if not found:
        raise FileError((Mistake(file, 1, 1, "", "there is no table in it", "iptables-save prints them, as root"),))
    return found


def _take(line: str, table: str, found: dict[Where, list[str]]) -> bool:
    if line.startswith(":"):
        found.setdefault((table, line[1:].partition(" ")[0]), [])
        return True
    rule = _RULE.fullmatch(line)
    if rule and _COUNTED_LOCALHOST not in line:
        found.setdefault((table, rule[1]), []).append(rule[2])
    return rule is not None


def read_rule(text: str) -> SavedRule:
    """The rule without `-A CHAIN`, taken apart."""
    conditions: set[str] = set()
    target: list[str] = []
    probability, comment = 0.0, ""
    for option, values in _options(text):
        word = option.removeprefix("! ")
        if word in ("-m", "--match") or word in _ALONE:
            continue
        if word == "--comment":
            comment = " ".join(values)
        elif word == "--probability":
            probability = _fraction(values)
        elif word in ("-j", "--jump", "-g", "--goto"):
            target = values
        elif target[:1] == ["MARK"]:
            target.append(_mark_target(word, values))
        else:
            said = " ".join([option, *(_VALUES[word](value) if word in _VALUES else value for value in values)])
            if said not in _DEFAULTS:
                target += [said] if target else []
                conditions |= set() if target else {said}
    return SavedRule(text, frozenset(conditions), " ".join(target), probability, comment)


def _options(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each option with its values; one that is negated begins with `! `."""
    negated, option = False, ""
    values: list[str] = []
    for quoted, bare in _WORD.findall(text):
        if (bare.startswith("-") and option != "--comment") or bare == "!":
            if option:
                yield option, values
            negated, option, values = (True, "", []) if bare == "!" else (False, f"{'! ' * negated}{bare}", [])
        else:
            values.append(bare or re.sub(r"\\(.)", r"\1", quoted))
            if option == "--comment":
                yield option, values
                option, values = "", []
    if option:
        yield option, values


def _fraction(values: list[str]) -> float:
    try:
        return float(values[0])
    except (IndexError, ValueError):
        return 0.0


def _prefix(value: str) -> str:
    return value if "/" in value else f"{value}/32"


def _mask(value: str) -> str:
    """0x4000/0x4000 however it is written."""
    try:
        return "/".join(f"{int(part, 0):#x}" for part in value.split("/"))
    except ValueError:
        return value


def _states(value: str) -> str:
    return ",".join(sorted(value.split(",")))


def _protocol(value: str) -> str:
    return _PROTOCOLS.get(value, value)


_VALUES = {"-s": _prefix, "-d": _prefix, "--mark": _mask, "--ctstate": _states, "--state": _states, "-p": _protocol}


def _mark_target(word: str, values: list[str]) -> str:
    """What becomes of the mark, as --set-xmark says it: bits of the mask are cleared, those of the value flipped."""
    try:
        numbers = [int(part, 0) for part in "/".join(values).split("/")]
        value, mask = numbers[0], numbers[1] if len(numbers) > 1 else _ALL_BITS
    except (ValueError, IndexError):
        return " ".join([word, *values])
    forms = {
        "--set-xmark": (value, mask),
        "--set-mark": (value, value | mask),
        "--or-mark": (value, value),
        "--xor-mark": (value, 0),
        "--and-mark": (0, ~value & _ALL_BITS),
    }
    if word not in forms:
        return " ".join([word, *values])
    value, mask = forms[word]
    return f"--set-xmark {value:#x}/{mask:#x}"
