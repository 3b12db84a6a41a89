"""Rules of the topology's author, tried in a namespace that nobody else sees before anything is built.

Only rules with a match or target that the lab's own rules do not use are tried: those this kernel may lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from lab.errors import KernelError, MachineError
from lab.kernel.holdings import Holdings
from lab.kernel.rules.running import start
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Chain, IpSet, Network
from lab.network.underlay.firewall import held_by, is_authors
from lab.plan.commands import ipset_input
from lab.topology.firewall.iptables_rule import BUILT_IN, TARGETS

MOST_TOLD = 8
_EXTENSION = re.compile(r"(?:^| )(-m|-j|-g) (\S+)")
_WORDS = re.compile(r"(?:iptables-restore v\S+ \(\w+\): +)?(?:line \d+: )?(.*?)(?: ?Error occurred at| Try `|$)")
"""What matters of iptables' complaints."""
_SPOKEN = re.compile(r'"(?:[^"\\]|\\.)*"')
_USUAL = frozenset(
    (
        *("ACCEPT", "DROP", "RETURN", "REJECT", "LOG", "MASQUERADE", "DNAT", "SNAT", "MARK", "NOTRACK", "CT"),
        *("tcp", "udp", "icmp", "comment", "conntrack", "mark", "addrtype", "multiport", "statistic", "set", "limit"),
        "rpfilter",
    )
)


class _Line(NamedTuple):
    table: str
    chain: str
    text: str
    origin: str
    """the file and line that it stands in, "" where that is not known"""

    @property
    def unusual(self) -> tuple[str, ...]:
        """Its matches and targets that not every kernel has: `owner`, `TPROXY`."""
        named = _EXTENSION.findall(_SPOKEN.sub('""', self.text))
        return tuple(
            dict.fromkeys(name for flag, name in named if name not in _USUAL and (flag == "-m" or name in TARGETS))
        )

    def __str__(self) -> str:
        where = f"{self.origin}: " if self.origin else ""
        return f"{where}-A {self.chain} {self.text}"


def require(holdings: Holdings, network: Network) -> None:
    """MachineError when the kernel does not take a rule or a set of the author's: which, and what to do about it."""
    for place, chains in groupby((item for item in network if isinstance(item, Chain)), key=lambda one: one.place):
        lines = [line for chain in chains for line in _lines(chain)]
        if any(line.unusual for line in lines):
            sets = [item for item in network if isinstance(item, IpSet) and item.place == place]
            _try(holdings.namespaces, place, lines, sets)


def _lines(chain: Chain) -> Iterator[_Line]:
    for rule in chain.rules:
        if is_authors(rule.intent):
            yield _Line(chain.table, chain.name, rule.text, held_by(rule.intent))


def _try(namespaces: Namespaces, place: str, lines: list[_Line], sets: list[IpSet]) -> None:
    with namespaces.scratch():
        for item in sets:
            _require_set(item)
        if _refusal(lines) is None:
            return
        refused = [(line, said) for line in lines if line.unusual and (said := _refusal([line]))]
    if refused:
        raise _lacking(place, refused)


def _require_set(item: IpSet) -> None:
    try:
        start("", "ipset restore", ipset_input(item)).result()
    except KernelError as error:
        said = str(error).rpartition("ipset restore: ")[2]
        told = f"{item.place}: this kernel does not take the set {item.name} ({item.type}): {said}"
        raise MachineError(told, "leave it out of setsFile, and the rules that match against it") from error


def _refusal(lines: Iterable[_Line]) -> str | None:
    """What iptables-restore says of these rules; None when it takes them. What they jump to is there, and empty."""
    text = []
    for table, group in groupby(sorted(lines, key=lambda one: one.table), key=lambda one: one.table):
        members = list(group)
        named = [name for one in members for name in (one.chain, *_jumped(one))]
        text.append(f"*{table}")
        text += [f":{name} - [0:0]" for name in dict.fromkeys(named) if name not in BUILT_IN[table]]
        text += [f"-A {one.chain} {one.text}" for one in members]
        text.append("COMMIT")
    try:
        start("", "iptables-restore", "\n".join([*text, ""])).result()
    except KernelError as error:
        return str(error).partition("iptables-restore: ")[2]
    return None


def _jumped(line: _Line) -> list[str]:
    named = _EXTENSION.findall(_SPOKEN.sub('""', line.text))
    return [name for flag, name in named if flag != "-m" and name not in TARGETS]


def _matter(said: str) -> str:
    found = _WORDS.match(" ".join(said.split()))
    return found[1] if found else said


def _lacking(place: str, refused: list[tuple[_Line, str]]) -> MachineError:
    listed = [f"  {line}\n    {_matter(said)}" for line, said in refused[:MOST_TOLD]]
    if len(refused) > MOST_TOLD:
        listed.append(f"  and {len(refused) - MOST_TOLD} more")
    modules = dict.fromkeys(f"xt_{name}" for line, _ in refused for name in line.unusual)
    return MachineError(
        f"{place}: this kernel does not take these rules of the firewall:\n" + "\n".join(listed),
        f"leave them out; or, where the kernel has them as modules: sudo modprobe -a {' '.join(modules)}",
    )
