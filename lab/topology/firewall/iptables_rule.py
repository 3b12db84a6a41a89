"""One firewall rule as a person gives it to `iptables`, taken apart.

Rules never pass through a shell: the words are split as a shell would, checked, and written again in the quoting of
`iptables-restore`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from lab.suggestion import nearest
from lab.topology.firewall.chain_owners import is_component
from lab.topology.yaml.document import shown

Action = Literal["append", "insert", "policy", "new"]

BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
# Targets that are no chains: the kernel's own, and those of iptables' extensions for IPv4.
TARGETS = frozenset(
    (
        *("ACCEPT", "DROP", "QUEUE", "RETURN"),
        *(
            "AUDIT",
            "CHECKSUM",
            "CLASSIFY",
            "CONNMARK",
            "CONNSECMARK",
            "CT",
            "DNAT",
            "DSCP",
            "ECN",
            "HMARK",
            "IDLETIMER",
        ),
        *("LED", "LOG", "MARK", "MASQUERADE", "NETMAP", "NFLOG", "NFQUEUE", "NOTRACK", "RATEEST", "REDIRECT", "REJECT"),
        *(
            "SECMARK",
            "SET",
            "SNAT",
            "SYNPROXY",
            "TCPMSS",
            "TCPOPTSTRIP",
            "TEE",
            "TOS",
            "TPROXY",
            "TRACE",
            "TTL",
            "ULOG",
        ),
    )
)

_ACTIONS: dict[str, Action] = {
    **dict.fromkeys(("-A", "--append"), "append"),
    **dict.fromkeys(("-I", "--insert"), "insert"),
    **dict.fromkeys(("-P", "--policy"), "policy"),
    **dict.fromkeys(("-N", "--new-chain"), "new"),
}
_CHAIN = re.compile(r"[A-Za-z0-9_.:][-A-Za-z0-9_.:]{0,27}")
_BARE = re.compile(r"[-A-Za-z0-9_./:,=+!%*\[\]]+")
_EXAMPLE = "write it as for iptables: '-A INPUT -p udp --dport 4789 -j DROP'"


class RuleError(ValueError):
    """A rule that cannot be right: str() is the problem, `remedy` what would be right."""

    def __init__(self, problem: str, remedy: str = _EXAMPLE) -> None:
        super().__init__(problem)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """A rule and where it goes.

    `append`: after the rules of Calico and kube-proxy in a built-in chain. `insert`: before them; `position` counts
    from 1 as in `iptables -I`. `text` is what follows the chain, quoted as for `iptables-restore`. `policy`: `text` is
    ACCEPT or DROP. `new`: makes the chain; `text` is "". `origin` is the file and line that it stands in.
    """

    table: str
    chain: str
    action: Action
    position: int = 0
    text: str = ""
    origin: str = field(default="", compare=False)

    @property
    def target(self) -> str:
        """Where the rule jumps or goes to, or "" when it only counts."""
        words = split(self.text)
        return next((word for flag, word in pairwise(words) if flag in _JUMPS), "")

    @property
    def comment(self) -> str:
        """What its first comment says, or ""."""
        if "--comment" not in self.text:  # as most have none, and splitting takes longest
            return ""
        return next((word for flag, word in pairwise(split(self.text)) if flag == "--comment"), "")

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that it matches against, or fills."""
        if "-set " not in self.text:
            return ()
        return tuple(word for flag, word in pairwise(split(self.text)) if flag in _SETS)


# Words that are bare, or in quotes as a whole: nearly all of them, and shlex takes ten times as long.
_WORD = re.compile(r"""([^ "'\\]+)|"([^"\\]*)\"""")
_SIMPLE = re.compile(r"""(?: *(?:[^ "'\\]+|"[^"\\]*")(?= |\Z))* *""")
_JUMPS = frozenset(("-j", "--jump", "-g", "--goto"))
_SETS = frozenset(("--match-set", "--add-set", "--del-set", "--map-set"))


def split(line: str) -> list[str]:
    """The words of a rule. Raises RuleError when a quotation mark is not closed."""
    if _SIMPLE.fullmatch(line):
        return [bare or quoted for bare, quoted in _WORD.findall(line)]
    try:
        return shlex.split(line)
    except ValueError as error:
        raise RuleError(f"the rule cannot be split into words: {str(error).lower()}", "close it") from None


def quote(word: str) -> str:
    """The word as `iptables-restore` reads it back: in double quotes unless it is plain."""
    if _BARE.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_rule(line: str, table: str = "filter") -> FirewallRule:
    """`[-t TABLE] -A|-I|-P|-N CHAIN …` to a rule; `table` is the one when the line names none. Raises RuleError."""
    if not line.isprintable():
        raise RuleError("a rule is one line of printable text", "write one list item per rule")
    words = split(line)
    if words[:1] and words[0] in ("-t", "--table"):
        table, words = (words[1] if len(words) > 1 else ""), words[2:]
        if table not in BUILT_IN:
            raise RuleError(f"there is no table {shown(table)}", f"tables are {', '.join(sorted(BUILT_IN))}")
    if not words or words[0] not in _ACTIONS:
        first = shown(words[0]) if words else "nothing"
        problem = f"a rule begins with -A, -I, -P or -N (or -t TABLE before it), not with {first}"
        raise RuleError(problem, "leave the word iptables out" if "iptables" in first else _EXAMPLE)
    action, chain, rest = _ACTIONS[words[0]], words[1] if len(words) > 1 else "", words[2:]
    if not _CHAIN.fullmatch(chain):
        raise RuleError(f"{shown(chain)} is not a chain's name" if chain else f"{words[0]} lacks a chain")
    if {"-t", "--table"} & set(rest):
        raise RuleError("the table stands too late", f"begin with it: '-t TABLE {words[0]} {chain} …'")
    if action == "policy":
        return _policy(table, chain, rest)
    if action == "new":
        if rest or chain in BUILT_IN[table]:
            raise RuleError(f"-N {chain} makes no new chain", "write '-N NAME' with a name of your own")
        return FirewallRule(table, chain, action)
    position = 0
    if action == "insert":
        number = rest.pop(0) if rest and rest[0].isdecimal() and rest[0].isascii() else "1"
        if not 1 <= len(number.lstrip("0")) <= 5:
            raise RuleError(f"{shown(number)} is not a place in a chain", "they count from 1")
        position = int(number)
    return FirewallRule(table, chain, action, position, " ".join(map(quote, rest)))


def _policy(table: str, chain: str, rest: list[str]) -> FirewallRule:
    if chain not in BUILT_IN[table]:
        raise RuleError(f"{shown(chain)} is not built in to {table}, so it has no policy", _chains(table))
    if rest not in (["ACCEPT"], ["DROP"]):
        raise RuleError(f"{shown(' '.join(rest))} is not a policy", "policies are ACCEPT and DROP")
    return FirewallRule(table, chain, "policy", text=rest[0])


def _chains(table: str) -> str:
    return f"{table} has {', '.join(BUILT_IN[table])}"


def unknown_chains(rules: Iterable[FirewallRule], saved: int = 0) -> Iterator[tuple[int, RuleError]]:
    """Rules, by index, that stand in a chain or jump to one that neither is built in nor made by an earlier -N.

    The first `saved` of them are a real machine's, where whoever came by has left chains.
    """
    made = {(table, chain) for table, chains in BUILT_IN.items() for chain in chains}
    for index, rule in enumerate(rules):
        if rule.action == "new":
            if (rule.table, rule.chain) in made:
                yield index, RuleError(f"the chain {rule.chain} is made twice", "keep one -N")
            if index >= saved and is_component(rule.chain):
                yield index, RuleError(f"the chain {rule.chain} belongs to Kubernetes", "choose another name")
            made.add((rule.table, rule.chain))
            continue
        target = "" if rule.action == "policy" else rule.target
        for chain in (rule.chain, target):
            if chain and chain not in TARGETS and (rule.table, chain) not in made:
                made_so = f"'-t {rule.table} -N {chain}'" if index >= saved else f"':{chain} - [0:0]'"
                meant = nearest(chain, TARGETS) if chain == target and chain.isupper() else ""
                mistyped = f"did you mean {meant}? Or " if meant else ""
                remedy = f"{mistyped}make it with {made_so} before; {_chains(rule.table)}"
                yield index, RuleError(f"the table {rule.table} has no chain {shown(chain)}", remedy)
