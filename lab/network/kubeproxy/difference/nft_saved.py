"""kube-proxy's table of a real node, as `nft list` printed it, in a form in which equal rules are equal.

Versions of nft differ in how they write masks and defaults; counters, handles and comments do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.errors import FileError, Mistake
from lab.network.objects import NftChain, NftObject, NftSet

_TABLE = re.compile(r"table ip kube-proxy \{")
_BLOCK = re.compile(r"(set|map|chain) (\S+) \{")
_NOISE = re.compile(r'\s*(?:counter packets \d+ bytes \d+|comment "[^"]*"|# handle \d+|expires \w+|last used \w+)')
_HEX = re.compile(r"\b0x0*([0-9a-f]+)\b")
_SET_OF_ONE = re.compile(r"\{ ([^ ,:{}]+) \}")
_SAME = (
    (" | ", " or "),
    (" & ", " and "),
    (" ^ ", " xor "),
    (" with icmp port-unreachable", ""),
    (" with icmp type port-unreachable", ""),
    (" fully-random", ""),
)


@dataclass(slots=True)
class NftSaved:
    """`sets` have the verdict of each element, "" where it has none; `hooks` say how base chains are attached."""

    sets: dict[str, dict[str, str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)


def normal(text: str) -> str:
    """A rule, or an element of a set, as every version of nft would have written it."""
    decimal = _HEX.sub(lambda found: str(int(found[1], 16)), _NOISE.sub("", text))
    told = f" {_SET_OF_ONE.sub(lambda found: found[1], decimal)} "
    for words, same in _SAME:
        told = told.replace(words, f"{same} " if words.endswith(" ") else same)
    return " ".join(told.split())


def wanted_table(objects: Iterable[NftObject]) -> NftSaved:
    """What should be. Sets that rules fill are left out: what they hold is no one's design."""
    table = NftSaved()
    for item in objects:
        if isinstance(item, NftChain):
            hook = [] if item.hook is None else [f"type {item.hook.type} hook {item.hook.hook}"]
            table.chains[item.name] = [*hook, *(normal(rule.text) for rule in item.rules)]
        elif isinstance(item, NftSet) and not item.timeout:
            table.sets[item.name] = {normal(one.key): normal(one.verdict) for one in item.elements}
    return table


def read_table(text: str, file: str) -> NftSaved:
    """What is there. Raises FileError where there is no table of kube-proxy's."""
    lines = iter(text.split("\n"))
    if not any(_TABLE.match(line.strip()) for line in lines):
        remedy = "nft list ruleset, or nft list table ip kube-proxy, as root on the node, prints what is meant"
        raise FileError((Mistake(file, 1, 1, "", "there is no table ip kube-proxy in it", remedy),))
    table = NftSaved()
    for line in lines:
        block = _BLOCK.match(line.strip())
        if block:
            body = _body(lines)
            if block[1] == "chain":
                table.chains[block[2]] = [_base(one) for one in body if not one.startswith("comment ")]
            elif not any(one.startswith("timeout ") or "dynamic" in one for one in body):
                table.sets[block[2]] = _elements(" ".join(body))
        elif line.strip() == "}":
            return table
    raise FileError((Mistake(file, text.count("\n") + 1, 1, "", "the table is not finished", "it ends with a brace"),))


def _body(lines: Iterable[str]) -> list[str]:
    """The lines up to the brace that ends the block."""
    found, depth = [], 1
    for line in lines:
        said = line.strip()
        bare = re.sub(r'"[^"]*"', "", said)
        depth += bare.count("{") - bare.count("}")
        if depth <= 0:
            break
        if said and not said.startswith("#"):
            found.append(said)
    return found


def _base(line: str) -> str:
    """A rule, or how the chain is attached, without the priority: kube-proxy has moved some over the years."""
    return line.partition(" priority")[0] if line.startswith("type ") else normal(line)


def _elements(body: str) -> dict[str, str]:
    found = re.search(r"elements = \{(.*)\}", _NOISE.sub("", body))
    elements = {}
    for one in found[1].split(",") if found else ():
        key, _, verdict = one.partition(" : ")
        if key.strip():
            elements[normal(key)] = normal(verdict)
    return elements
