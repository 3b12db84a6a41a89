"""iptables rules and ip sets of a place, loaded and read by their own programs: what they print is what people know.

Programs for several places run side by side: `start_*` starts one, the object it gives is asked for the result later.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

from lab.errors import KernelError
from lab.kernel.host.packages import search_path
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Chain, IpSet, Rule

_DECLARATION = re.compile(r":(\S+) (\S+) \[")
# What `ipset save` tells of a set that no one asked for and that differs from run to run.
_IPSET_DEFAULTS = re.compile(r" (?:hashsize|maxelem|bucketsize) \d+| initval 0x[0-9a-f]+| family inet\b")


@dataclass(slots=True)
class Running:
    """A program at work in a place. `result()` waits for it and gives what it printed; KernelError when it failed."""

    place: str
    command: str
    given: str
    process: subprocess.Popen[str]

    def result(self) -> str:
        out, err = self.process.communicate()
        if self.process.returncode:
            raise KernelError(f"{self.place}: {self.command}: {err.strip()}", self._by_hand(err))
        return out

    def _by_hand(self, err: str) -> str:
        failed = re.search(r"(?:line |stdin:)(\d+)", err)
        lines = self.given.splitlines()
        number = int(failed.group(1)) if failed else 0
        return f"it was given the line: {lines[number - 1]}" if 0 < number <= len(lines) else ""


def start(place: str, command: str, given: str = "") -> Running:
    """Start a program in the namespace that the calling thread is in, which is the place's."""
    # A file, not a pipe: a pipe that nobody empties yet would make side by side one after the other.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as source:
        source.write(given)
        source.seek(0)
        process = subprocess.Popen(
            command.split(),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            # Who came from outside into the namespace of root's lab is nobody in it: powerful, but only until an exec.
            user=0 if os.geteuid() else None,
            group=0 if os.geteuid() else None,
            env={**os.environ, "LC_ALL": "C", "PATH": search_path()},
        )
    return Running(place, command, given, process)


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
