"""A machine's own rules and sets: what its iptables-save and ipset save hold besides what the components make that the
lab's node has, too. A node of a large cluster has a hundred thousand lines of those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lab.exchange.importing.collection.machine import Machine
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.own.renaming import Renaming
from lab.topology.firewall.chain_owners import Household
from lab.topology.firewall.ipset_save import read_sets
from lab.topology.firewall.iptables_rule import parse_rule
from lab.topology.firewall.iptables_save import MAX_CHARACTERS, read_saved

_ROUNDS = 50


def own_rules(machine: Machine, home: Household, renaming: Renaming, notes: Notes) -> str:
    """As a rulesFile; "" where there are none. What the lab cannot hold is left out, with a note."""
    file = machine.collected.called("iptables.txt")
    numbered = [*_without(machine.rules, home, renaming)]
    for _ in range(_ROUNDS):
        saved = read_saved("\n".join(line for _, line in numbered), file, home)
        if not saved.mistakes:
            return _written(saved.lines)
        wrong = {one.line - 1: one for one in saved.mistakes}
        for at, one in wrong.items():
            number = numbered[at][0] if at < len(numbered) else 0
            notes.add(f"{file}:{number}: {one.problem}: the line is left out", f"lines left out of {file}")
        before = len(numbered)
        numbered = [one for at, one in enumerate(numbered) if at not in wrong]
        if sum(len(line) for _, line in numbered) > MAX_CHARACTERS or len(numbered) == before:
            break
    notes.add(f"{file}: its rules cannot be read: none of them are in the lab")
    return ""


def _without(rules: str, home: Household, renaming: Renaming) -> Iterator[tuple[int, str]]:
    """Lines, with their numbers, but those of the components' chains. Jumps to them stay: they say what stood above."""
    begins = tuple(f"{flag}{name}" for one in home.components for name in one.chains for flag in (":", "-A "))
    for number, line in enumerate(rules.split("\n"), 1):
        plain = line.lstrip()
        if plain.startswith("["):
            plain = plain.partition("] ")[2]
        if not plain or plain.startswith("#"):
            continue
        if plain.startswith(begins):
            chain = plain[1:].partition(" ")[0] if plain.startswith(":") else plain[3:].partition(" ")[0]
            if any(one.has(chain) for one in home.components):
                continue
        yield number, renaming.rule(plain)


def _written(lines: list[str]) -> str:
    """As iptables-save has it, table by table; what stood above the components' rules says so by -I."""
    tables: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        _, table, rule = line.split(" ", 2)
        tables[table].append(rule)
    return "".join(
        f"*{table}\n" + "".join(f"{_line(rule)}\n" for rule in rules) + "COMMIT\n" for table, rules in tables.items()
    )


def _line(rule: str) -> str:
    """Chains and policies as iptables-save has them."""
    words = rule.split(" ")
    if words[0] == "-N":
        return f":{words[1]} - [0:0]"
    return f":{words[1]} {words[2]} [0:0]" if words[0] == "-P" else rule


def sets_named(rules: str) -> set[str]:
    """The sets that the rules of such a text match against."""
    lines = (line for line in rules.splitlines() if line.startswith("-") and "set" in line)
    return {name for line in lines for name in parse_rule(line).sets}


def own_sets(machine: Machine, home: Household, rules: str, notes: Notes) -> str:
    """As a setsFile: those that the machine's own rules match against, and the members of sets of sets."""
    file = machine.collected.called("ipset.txt")
    wanted = sets_named(rules)
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for line in machine.sets.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] in ("create", "add"):
            by_name[words[1]].append(line)
    waiting = [*wanted]
    while waiting:
        for line in by_name.get(waiting.pop(), ()):
            member = line.split()[2]
            if line.startswith("add ") and member in by_name and member not in wanted:
                wanted.add(member)
                waiting.append(member)
    kept = [line for name, lines in by_name.items() if name in wanted and not home.keeps(name) for line in lines]
    for _ in range(_ROUNDS):
        held = read_sets("\n".join(kept) + "\n", file, home.keeps) if kept else None
        if held is None or not held.mistakes:
            break
        wrong = {one.line - 1: one for one in held.mistakes}
        for at, one in wrong.items():
            told = kept[at].split()[1] if at < len(kept) else "?"
            notes.add(f"{file}: of the set {told}: {one.problem}: left out", f"lines left out of {file}")
        kept = [line for at, line in enumerate(kept) if at not in wrong]
    return "\n".join(kept) + "\n" if kept else ""
