"""A file of `iptables-save` to lines as for `iptables`.

Such a file often comes from a real node. What Kubernetes' own components made there is left out, for the lab makes its
own; but where it stood tells where the machine's own rules go: those above the first jump to a component's chain stand
before the components (`-I`), all others after them (`-A`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lab.errors import Mistake
from lab.topology.document import shown
from lab.topology.firewall import BUILT_IN, FirewallRule, RuleError, is_component, parse_rule

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_MISTAKES = 20

_COUNTERS = re.compile(r"^\[\d+:\d+\] *")
_CHAIN = re.compile(r":(\S+) +(\S+)( +\[\d+:\d+\])?")


@dataclass(slots=True)
class Saved:
    """What was read: `lines` as for `iptables`, each beginning with `-t TABLE`, and the `numbers` of their lines."""

    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    left_out: int = 0


def read_saved(text: str, file: str) -> Saved:
    """All tables of the file. Mistakes name the file's line."""
    saved = Saved()
    if len(text) > MAX_CHARACTERS:
        saved.mistakes.append(Mistake(file, 1, 1, "", "the file is too long", "at most 4 MiB are read"))
        return saved
    table, opened = "", 0
    rules: list[FirewallRule] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = _COUNTERS.sub("", line.strip())  # noqa: PLW2901  the same line without its counters
        try:
            if line.startswith("*"):
                table, opened = _table(line, table), number
            elif line == "COMMIT" and table:
                for placed, origin in _placed(table, rules):
                    saved.lines.append(placed)
                    saved.numbers.append(int(origin))
                table, rules = "", []
            elif line and not line.startswith("#"):
                if not table:
                    raise RuleError(f"{shown(line, 40)} stands in no table", "begin one with '*filter'")
                rule = _rule(line, table)
                saved.left_out += rule is not None and _is_components(rule)
                rules += [replace(rule, origin=str(number))] if rule else []
        except RuleError as mistake:
            saved.mistakes.append(Mistake(file, number, 1, "", str(mistake), mistake.remedy))
            if len(saved.mistakes) == MAX_MISTAKES:
                return saved
    if table:
        saved.mistakes.append(Mistake(file, opened, 1, "", f"the table {table} is not finished", "end it with COMMIT"))
    return saved


def _table(line: str, current: str) -> str:
    if current:
        raise RuleError(f"the table {current} is not finished", "end it with COMMIT")
    if line[1:] not in BUILT_IN:
        raise RuleError(f"there is no table {shown(line[1:])}", f"tables are {', '.join(sorted(BUILT_IN))}")
    return line[1:]


def _rule(line: str, table: str) -> FirewallRule | None:
    """A chain's or a rule's line; None for the policy ACCEPT, which is what a chain has anyway."""
    if not line.startswith(":"):
        return parse_rule(line, table)
    found = _CHAIN.fullmatch(line)
    if not found:
        raise RuleError(f"{shown(line, 40)} is not a chain", "write it as ':INPUT ACCEPT [0:0]' or ':MINE - [0:0]'")
    chain, policy = found[1], found[2]
    if policy == "-":
        return parse_rule(f"-N {chain}", table)
    rule = parse_rule(f"-P {chain} {policy}", table)
    return None if rule.text == "ACCEPT" else rule


def _is_components(rule: FirewallRule) -> bool:
    return is_component(rule.chain) or (rule.action != "policy" and is_component(rule.target))


def _placed(table: str, rules: list[FirewallRule]) -> Iterator[tuple[str, str]]:
    """Lines of one table, without the components' own, each with where it stood."""
    jumps = {rule.chain for rule in rules if _is_components(rule) and rule.chain in BUILT_IN[table]}
    above = dict.fromkeys(jumps, 0)
    for rule in rules:
        if _is_components(rule):
            above.pop(rule.chain, None)
        elif rule.action == "append" and rule.chain in above:
            above[rule.chain] += 1
            yield f"-t {table} -I {rule.chain} {above[rule.chain]} {rule.text}", rule.origin
        else:
            yield _line(rule), rule.origin


def _line(rule: FirewallRule) -> str:
    flag = {"append": "-A", "insert": "-I", "policy": "-P", "new": "-N"}[rule.action]
    words = (f"-t {rule.table} {flag} {rule.chain}", str(rule.position or ""), rule.text)
    return " ".join(word for word in words if word)
