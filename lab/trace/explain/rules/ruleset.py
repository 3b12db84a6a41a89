"""The rules behind the handles: the text that `iptables-save` or `nft` prints for each rule that was met.

A handle says nothing by itself. netlink lists a chain's handles in order, `iptables-save` its rules in the same order:
the n-th is the n-th, as long as nobody changed the rules in between, which the generation number tells.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, UNSPECIFIED, Message, NetfilterSocket
from lab.kernel.netlink.transport import attributes, text
from lab.kernel.rules.running import Running, start
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.trace.explain.rules.visit import PATH, Base
from lab.trace.witness.netfilter.trace_message import LEGACY, RULE, TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE

# From so many chains on, a program for each chain that is wanted is faster than one that prints them all.
MANY_CHAINS = 1500
TRIES = 3  # how often rules are read again that were changed while they were read

_GETTABLE, _GETCHAIN, _GETRULE, _GETGEN = (SUBSYSTEM_NFTABLES << 8 | kind for kind in (1, 4, 7, 16))
_FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
_IPTABLES = frozenset(("raw", "mangle", "nat", "filter", "security"))
_HANDLE = re.compile(r"^\t\t(.*?) ?# handle (\d+)$")
_CHAIN = re.compile(r"^\tchain (\S+) \{")

Where = tuple[str, str, str]  # family, table and chain


@dataclass(slots=True)
class Ruleset:
    """What is known of the rules of the places: by (place, family, table, chain, handle), and of legacy ones by
    (place, "legacy", table, chain, number). Interfaces by (place, index), hooks of base chains that nft named;
    generations by place.
    """

    texts: dict[tuple[str, str, str, str, int], str] = field(default_factory=dict)
    policies: dict[tuple[str, str, str], str] = field(default_factory=dict)
    interfaces: dict[tuple[str, int], str] = field(default_factory=dict)
    hooks: dict[Base, str] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)

    def text(self, event: TraceEvent) -> str:
        """The rule of an event, "" when it is not known (any more): `-A CHAIN …`, or as nft prints it."""
        family = LEGACY if event.origin == LEGACY else event.family
        return self.texts.get((event.place, family, event.table, event.chain, event.handle), "")

    def native(self, event: TraceEvent) -> bool:
        """Whether the event is about a chain that nft made, and iptables knows nothing of."""
        if event.origin == LEGACY:
            return False
        made_by_iptables = (event.family, event.chain in PATH or event.kind == RULE) == ("ip", True)
        text = self.text(event)
        return not made_by_iptables or event.table not in _IPTABLES or bool(text and not text.startswith("-A "))


def read_rules(sandbox: Sandbox, events: Iterable[TraceEvent], *, whole: bool = False) -> Callable[[], Ruleset]:
    """Starts to read the rules that the events are about; with `whole` those of every chain that they name. What it
    gives waits for the programs that read them, which run side by side.
    """
    found = Ruleset()
    by_place: dict[str, list[TraceEvent]] = {}
    for event in events:
        if event.table != TABLE:
            by_place.setdefault(event.place, []).append(event)
        elif event.place not in by_place:
            by_place[event.place] = []

    def begin(places: Iterable[str]) -> list[_Reading]:
        return [_Reading(sandbox, place, by_place[place], found, whole=whole) for place in places]

    begun = begin(by_place)

    def finish() -> Ruleset:
        readings = begun
        for left in reversed(range(TRIES)):
            changed = [reading.place for reading in readings if not reading.finish()]
            readings = begin(changed) if left else []
        return found

    return finish


def generation(netlink: NetfilterSocket) -> int:
    """The number of the last change of the rules of the socket's namespace, iptables-legacy's left out."""
    told = attributes(netlink.ask(Message(_GETGEN, family=UNSPECIFIED)).body)
    return int.from_bytes(told[1], "big")


class _Reading:
    """One place's rules while their programs run."""

    def __init__(
        self, sandbox: Sandbox, place: str, events: Sequence[TraceEvent], found: Ruleset, *, whole: bool
    ) -> None:
        self.place = place
        self._found = found
        telling = [one for one in events if (whole or one.kind == RULE) and not _old(one)]
        self._chains = list(dict.fromkeys((one.family, one.table, one.chain) for one in telling))
        self._handles: dict[Where, list[int]] = {}
        self._legacy = any(_old(one) for one in events)
        ours = {where for where in self._chains if where[0] == "ip" and where[1] in _IPTABLES}
        bases = {(one.family, one.table, one.chain) for one in events if one.headers and not _old(one)}
        self._sandbox = sandbox
        with self._inside():
            found.interfaces.update({(place, index): name for index, name in socket.if_nameindex()})
            self._netlink = NetfilterSocket()
            self._generation = found.generations[place] = generation(self._netlink)
            self._saving = [start(place, command) for command in self._commands(ours)]
            self._saving_legacy = start(place, "iptables-legacy-save") if self._legacy else None
            others = dict.fromkeys(where[:2] for where in self._chains if where not in ours)
            self._listing = {table: listing for table in others if (listing := _start_listing(place, *table))}
        for family, table, chain in bases:
            if chain not in PATH:
                found.hooks[place, family, table, chain] = self._hook(family, table, chain)
        for where in ours:
            self._handles[where] = self._list(where)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        netns = self._sandbox.open_netns(self.place)
        try:
            with inside(netns):
                yield
        finally:
            os.close(netns)

    def finish(self) -> bool:
        """Take up what the programs printed; False when the rules were changed meanwhile."""
        for family, table in self._pair(self._saved()):
            with self._inside():
                listing = _start_listing(self.place, family, table)
            if listing:
                self._listing[family, table] = listing
        if self._saving_legacy:
            self._number(self._saving_legacy.result())
        for (family, table), listing in self._listing.items():
            self._read_listing(family, table, listing.result())
        unchanged = self._generation == generation(self._netlink)
        self._netlink.close()
        return unchanged

    def _commands(self, chains: Iterable[Where]) -> list[str]:
        """What prints these chains: all tables at once, or chain by chain where a table has very many."""
        by_table: dict[str, list[str]] = {}
        for _, table, chain in chains:
            by_table.setdefault(table, []).append(chain)
        large = {table for table in by_table if self._size(table) > MANY_CHAINS}
        if not large:
            return ["iptables-nft-save"] if by_table else []
        whole = [f"iptables-nft-save -t {table}" for table in by_table if table not in large]
        return whole + [f"iptables-nft -t {table} -S {chain}" for table in large for chain in by_table[table]]

    def _saved(self) -> dict[tuple[str, str], list[str]]:
        """The rules that were printed, by table and chain; only of the chains that are wanted."""
        found: dict[tuple[str, str], list[str]] = {where[1:]: [] for where in self._handles}
        for running in self._saving:
            words = running.command.split()
            table = words[2] if len(words) > 2 else ""
            for line in running.result().splitlines():
                if line.startswith("-A "):
                    rules_of = found.get((table, line[3 : line.index(" ", 3)]))
                    if rules_of is not None:
                        rules_of.append(line)
                elif line.startswith("*"):
                    table = line[1:]
        return found

    def _pair(self, saved: Mapping[tuple[str, str], Sequence[str]]) -> set[tuple[str, str]]:
        """Give each handle its text. The tables that are not as iptables has them, for all that they have its names."""
        strange = set()
        for where, handles in self._handles.items():
            family, table, name = where
            printed = saved[table, name]
            if len(printed) != len(handles):
                strange.add((family, table))
                continue
            for handle, line in zip(handles, printed, strict=True):
                self._found.texts[self.place, family, table, name, handle] = line
        return strange

    def _number(self, saved: str) -> None:
        from lab.kernel.rules.iptables import chains  # noqa: PLC0415  20 ms that only iptables-legacy needs

        for chain in chains(self.place, saved):
            self._found.policies[self.place, chain.table, chain.name] = chain.policy
            for number, rule in enumerate(chain.rules, 1):
                key = (self.place, LEGACY, chain.table, chain.name, number)
                self._found.texts[key] = f"-A {chain.name} {rule.text}"

    def _read_listing(self, family: str, table: str, listed: str) -> None:
        chain = ""
        for line in listed.splitlines():
            if begins := _CHAIN.match(line):
                chain = begins.group(1)
            elif rule := _HANDLE.match(line):
                self._found.texts[self.place, family, table, chain, int(rule.group(2))] = rule.group(1)

    def _size(self, table: str) -> int:
        """How many chains and sets a table of iptables has."""
        try:
            told = attributes(self._netlink.ask(Message(_GETTABLE, body=text(1, table))).body)
        except OSError:
            return 0
        return int.from_bytes(told[4], "big") if 4 in told else 0

    def _list(self, where: Where) -> list[int]:
        """The chain's handles, in order."""
        family, table, chain = where
        question = Message(_GETRULE, body=text(1, table) + text(2, chain), family=_FAMILIES[family])
        try:
            return [int.from_bytes(attributes(one.body)[3], "big") for one in self._netlink.dump(question)]
        except OSError:  # it is gone, or was changed while it was listed: the generation tells
            return []

    def _hook(self, family: str, table: str, chain: str) -> str:
        question = Message(_GETCHAIN, body=text(1, table) + text(3, chain), family=_FAMILIES[family])
        try:
            told = attributes(self._netlink.ask(question).body)
        except OSError:
            return ""
        number = int.from_bytes(attributes(told[4])[1], "big") if 4 in told else len(_HOOKS)
        return _HOOKS[number] if number < len(_HOOKS) else ""


_HOOKS = PATH  # the kernel's own order, NF_INET_PRE_ROUTING to NF_INET_POST_ROUTING


def _start_listing(place: str, family: str, table: str) -> Running | None:
    """nft's own listing with handles, in the namespace that the caller is in; None where there is no nft."""
    try:
        return start(place, f"nft -a -s list table {family} {table}")
    except FileNotFoundError:
        return None


def _old(event: TraceEvent) -> bool:
    return event.origin == LEGACY
