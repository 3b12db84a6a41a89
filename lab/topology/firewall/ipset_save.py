"""A file of `ipset save`: the sets that rules match against, which iptables-save does not hold.

What a set remembers of traffic (counters, time-outs, comments) is left out: who is in it now is in it for good.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.errors import Mistake
from lab.topology.firewall.iptables_rule import RuleError, split
from lab.topology.firewall.iptables_save import MAX_CHARACTERS, MAX_MISTAKES
from lab.topology.yaml.document import shown

MOST_MEMBERS = 65_536
"""What the kernel lets a set have unless it is told otherwise."""

_NAME = re.compile(r"[-A-Za-z0-9_.:+=@]{1,31}")
_TYPE = re.compile(r"(?:bitmap|hash|list):[a-z,]+")
_MEMBER = re.compile(r"[-A-Za-z0-9_.:,/]{1,100}")
_VALUE = re.compile(r"[-A-Za-z0-9_.:/]{1,40}")
_SIZES = frozenset(("hashsize", "maxelem", "bucketsize", "initval", "timeout"))  # with a value; of no meaning here
_MEANT = frozenset(("family", "range", "netmask", "bitmask", "markmask", "size"))  # with a value that counts
_REMEMBERS = frozenset(("counters", "comment", "skbinfo", "forceadd"))
_FLAGS = frozenset(("nomatch", "wildcard"))  # of a member
_EXAMPLE = "it is a line of `ipset save`: 'create mine hash:net family inet', or 'add mine 192.0.2.0/24'"


@dataclass(frozen=True, slots=True)
class SavedSet:
    """`type` is as `ipset create` takes it, with the options that count; members are sorted as strings."""

    name: str
    type: str
    members: tuple[str, ...]


@dataclass(slots=True)
class SavedSets:
    """What was read, and how many sets were left out: of IPv6, and those that components of the lab make."""

    sets: list[SavedSet] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    left_out: int = 0


@dataclass(slots=True)
class _Open:
    type: str
    counts: bool
    members: dict[str, None] = field(default_factory=dict)


def read_sets(text: str, file: str, leave: Callable[[str], bool]) -> SavedSets:
    """All sets of the file but those of which `leave` says by their names that they are somebody else's."""
    saved = SavedSets()
    if len(text) > MAX_CHARACTERS:
        saved.mistakes.append(Mistake(file, 1, 1, "", "the file is too long", "at most 4 MiB are read"))
        return saved
    found: dict[str, _Open] = {}
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip() and not line.startswith("#"):
                _take(split(line.strip()), found, leave)
        except RuleError as mistake:
            saved.mistakes.append(Mistake(file, number, 1, "", str(mistake), mistake.remedy))
            if len(saved.mistakes) == MAX_MISTAKES:
                break
    saved.sets = [SavedSet(name, one.type, tuple(sorted(one.members))) for name, one in found.items() if one.counts]
    saved.left_out = len(found) - len(saved.sets)
    return saved


def _take(words: list[str], found: dict[str, _Open], leave: Callable[[str], bool]) -> None:
    verb, name, rest = words[0], words[1] if len(words) > 1 else "", words[2:]
    if verb not in ("create", "add") or not rest:
        raise RuleError(f"{shown(' '.join(words), 40)} makes no set and adds to none", _EXAMPLE)
    if not _NAME.fullmatch(name):
        raise RuleError(f"{shown(name)} is not a set's name", _EXAMPLE)
    if verb == "create":
        if name in found:
            raise RuleError(f"the set {name} is made twice", "keep one of the two")
        made = _type(rest)
        found[name] = _Open(made, counts=" family inet6" not in made and not leave(name))
        return
    if name not in found:
        raise RuleError(f"there is no set {name} yet", f"make it before: 'create {name} hash:net'")
    members = found[name].members
    members[_member(rest)] = None
    if len(members) > MOST_MEMBERS:
        raise RuleError(f"the set {name} has more than {MOST_MEMBERS} members", "leave some out")


def _type(words: list[str]) -> str:
    """The type with what counts of its options, as the kernel tells it."""
    if not _TYPE.fullmatch(words[0]):
        raise RuleError(f"{shown(words[0])} is not a type of sets", "such as hash:ip, hash:net, hash:ip,port")
    kept, at = [words[0]], 1
    while at < len(words):
        word = words[at]
        if word in _REMEMBERS:
            at += 1
            continue
        value = words[at + 1] if at + 1 < len(words) else ""
        if word not in _SIZES | _MEANT or not _VALUE.fullmatch(value):
            raise RuleError(f"{shown(word)} is not an option that is known of a set", _EXAMPLE)
        if word in _MEANT and (word, value) != ("family", "inet"):
            kept += [word, value]
        at += 2
    return " ".join(kept)


def _member(words: list[str]) -> str:
    if not _MEMBER.fullmatch(words[0]):
        raise RuleError(f"{shown(words[0])} cannot be in a set", _EXAMPLE)
    return " ".join([words[0], *(word for word in words[1:] if word in _FLAGS)])
