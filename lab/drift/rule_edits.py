"""Changes of iptables' chains as text for `iptables-restore`: written of two states, read, and made in a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.network.objects import Chain, Rule
from lab.plan.edits import by_text, edits
from lab.topology.firewall.iptables_rule import BUILT_IN

BY_HAND = "changed by hand"
POLICIES = ("ACCEPT", "DROP")
_CHAIN = r"[A-Za-z0-9_.:][-A-Za-z0-9_.:]{0,27}"
_LINE = re.compile(rf"-(?P<verb>[AIDX]) (?P<chain>{_CHAIN})(?: (?P<rest>\S.*))?")
_DECLARED = re.compile(rf":(?P<chain>{_CHAIN}) (?P<policy>ACCEPT|DROP|-)(?: \[\d+:\d+\])?")
_NUMBERED = re.compile(r"(\d{1,6})(?: (.+))?")


class MisreadError(ValueError):
    """A line that says nothing of a chain: its `number` in the text from 1, str() the problem, and the `remedy`."""

    def __init__(self, number: int, problem: str, remedy: str) -> None:
        super().__init__(f"line {number}: {problem}")
        self.number, self.remedy = number, remedy


class Edit(NamedTuple):
    """`verb` is A, I, D, X as iptables has them, or `:` for a declaration, whose `text` is the policy or "" of a chain
    that is not built in. `number` counts from 1, 0 where none was said.
    """

    table: str
    chain: str
    verb: str
    number: int = 0
    text: str = ""


def written(was: Iterable[Chain], now: Iterable[Chain]) -> str:
    """What makes the chains of one place from what they were; "" where nothing differs."""
    before, after = ({(one.table, one.name): one for one in chains} for chains in (was, now))
    tables: dict[str, list[str]] = {}
    for table, name in sorted(before.keys() | after.keys()):
        lines = list(_lines(name, before.get((table, name)), after.get((table, name))))
        if lines:
            tables.setdefault(table, []).extend(lines)
    # Declarations first: rules jump to what is declared, and nothing goes while a rule may still jump there.
    order = {":": 0, "X": 2}
    return "".join(
        f"*{table}\n{''.join(f'{line}{chr(10)}' for line in sorted(lines, key=lambda one: _turn(one, order)))}COMMIT\n"
        for table, lines in tables.items()
    )


def _turn(line: str, order: Mapping[str, int]) -> int:
    return order.get(line[0] if line[0] == ":" else line[1], 1)


def _lines(name: str, before: Chain | None, after: Chain | None) -> Iterator[str]:
    if after is None:
        if before is not None and not before.policy:
            yield f"-X {name}"
        return
    if before is None:
        if after.policy != "ACCEPT":  # the kernel has built-in chains without anybody's doing
            yield f":{name} {after.policy or '-'}"
        yield from (f"-A {name} {rule.text}" for rule in after.rules)
        return
    if before.policy != after.policy:
        yield f":{name} {after.policy or '-'}"
    have, want = [rule.text for rule in before.rules], [rule.text for rule in after.rules]
    yield from by_text(have, edits(name, have, want))


def read(text: str) -> tuple[Edit, ...]:
    """The edits in their order. MisreadError."""
    found: list[Edit] = []
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#") or stripped == "COMMIT":
            continue
        if not stripped.isprintable():
            raise MisreadError(number, "there is something in it that is not printed", "such as a control character")
        if stripped.startswith("*"):
            table = stripped[1:]
            if table not in BUILT_IN:
                raise MisreadError(number, f"there is no table {table!r}", f"one of: {', '.join(BUILT_IN)}")
            continue
        if not table:
            raise MisreadError(number, f"{stripped[:40]!r} stands in no table", "begin one with '*filter'")
        found.append(_edit(table, stripped, number))
    return tuple(found)


def _edit(table: str, line: str, number: int) -> Edit:
    example = "write it as '-I FORWARD 1 -p udp --dport 4789 -j DROP'"
    if declared := _DECLARED.fullmatch(line):
        return Edit(table, declared["chain"], ":", 0, declared["policy"].strip("-"))
    said = _LINE.fullmatch(line)
    if said is None or (said["rest"] is None) != (said["verb"] == "X"):
        raise MisreadError(number, f"{line[:40]!r} changes no chain", example)
    verb, rest = said["verb"], said["rest"] or ""
    if verb not in "ID":
        return Edit(table, said["chain"], verb, 0, rest)
    numbered = _NUMBERED.fullmatch(rest)
    if numbered is None or (verb == "D") == bool(numbered[2]):
        return Edit(table, said["chain"], verb, 1 if verb == "I" else 0, rest)
    if not int(numbered[1]) or (verb == "I" and not numbered[2]):
        raise MisreadError(number, f"{line[:40]!r} changes no chain", example)
    return Edit(table, said["chain"], verb, int(numbered[1]), numbered[2] or "")


def made(place: str, chains: Mapping[tuple[str, str], Chain], wanted: Sequence[Edit]) -> dict[tuple[str, str], Chain]:
    """The chains that the edits change, as they are then. What is not there any more needs not be taken away; chains
    that go are left out of nothing: `gone` names them.
    """
    found: dict[tuple[str, str], Chain] = {}
    for one in wanted:
        at = one.table, one.chain
        chain = found.get(at) or chains.get(at)
        if one.verb == "X":
            continue
        if chain is None:
            built_in = one.chain in BUILT_IN[one.table]
            chain = Chain(place, one.table, one.chain, (), "ACCEPT" if built_in else "", BY_HAND)
        found[at] = _changed(chain, one)
    return found


def gone(wanted: Iterable[Edit]) -> frozenset[tuple[str, str]]:
    """The chains that go."""
    return frozenset((one.table, one.chain) for one in wanted if one.verb == "X")


def _changed(chain: Chain, one: Edit) -> Chain:
    rules = list(chain.rules)
    if one.verb == ":":
        return replace(chain, policy=one.text or chain.policy)
    if one.verb == "A":
        rules.append(Rule(one.text, BY_HAND))
    elif one.verb == "I":
        rules.insert(min(one.number - 1, len(rules)), Rule(one.text, BY_HAND))
    else:
        at = one.number - 1 if one.number else next((i for i, rule in enumerate(rules) if rule.text == one.text), -1)
        if 0 <= at < len(rules):
            del rules[at]
    return replace(chain, rules=tuple(rules))
