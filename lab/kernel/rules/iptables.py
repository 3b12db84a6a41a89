"""iptables rules and ip sets of a place, loaded and read by their own programs: what they print is what people know.

Programs for several places run side by side: `start_*` starts one, the object it gives is asked for the result later.
"""

from __future__ import annotations

import re

from lab.kernel.rules.running import Running, start
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Chain, IpSet, Rule

_DECLARATION = re.compile(r":(\S+) (\S+) \[")
# What `ipset save` tells of a set that no one asked for and that differs from run to run.
_IPSET_DEFAULTS = re.compile(r" (?:hashsize|maxelem|bucketsize) \d+| initval 0x[0-9a-f]+| family inet\b")


def _start(namespaces: Namespaces, place: str, command: str, given: str = "") -> Running:
    with namespaces.entered(place):
        return start(place, command, given)


def start_restore(namespaces: Namespaces, place: str, text: str) -> Running:
    """Load rules, leaving chains that the text does not name as they are."""
    return _start(namespaces, place, "iptables-restore --noflush", text)


def start_ipset(namespaces: Namespaces, place: str, text: str) -> Running:
    return _start(namespaces, place, "ipset restore", text)


def start_save(namespaces: Namespaces, place: str) -> Running:
    return _start(namespaces, place, "iptables-save")


def start_ipset_save(namespaces: Namespaces, place: str) -> Running:
    return _start(namespaces, place, "ipset save")


def chains(place: str, saved: str) -> list[Chain]:
    """The chains that `iptables-save` tells of; a built-in chain has its policy."""
    table = ""
    policies: dict[tuple[str, str], str] = {}
    rules: dict[tuple[str, str], list[Rule]] = {}
    for line in saved.splitlines():
        if line.startswith("-A "):
            _, chain, text = line.split(" ", 2)
            rules[table, chain].append(Rule(text))
        elif line.startswith(":"):
            declared = _DECLARATION.match(line)
            if declared:
                key = (table, declared.group(1))
                policies[key] = "" if declared.group(2) == "-" else declared.group(2)
                rules[key] = []
        elif line.startswith("*"):
            table = line[1:]
    return [Chain(place, table, name, tuple(rules[table, name]), policy) for (table, name), policy in policies.items()]


def ip_sets(place: str, saved: str) -> list[IpSet]:
    """The sets that `ipset save` tells of."""
    types: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for line in saved.splitlines():
        verb, name, rest = line.split(" ", 2)
        if verb == "create":
            types[name] = _IPSET_DEFAULTS.sub("", rest)
            members[name] = []
        elif verb == "add":
            members[name].append(rest)
    return [IpSet(place, name, types[name], tuple(sorted(members[name]))) for name in types]
