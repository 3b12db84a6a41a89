"""Changes of sets as text for `ipset`: written of two states, read, and made in a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from lab.drift.rule_edits import BY_HAND, MisreadError
from lab.network.objects import IpSet

_NAME = r"[A-Za-z0-9_.:@][-A-Za-z0-9_.:@]{0,30}"
_LINE = re.compile(rf"(?P<verb>create|add|del|destroy) (?P<name>{_NAME})(?: (?P<rest>[-A-Za-z0-9_.:,/ ]{{1,200}}))?")


class Edit(NamedTuple):
    """`text` is the type of one that is created, the member that comes or goes, "" of one that is destroyed."""

    verb: str
    name: str
    text: str


def written(was: Iterable[IpSet], now: Iterable[IpSet]) -> str:
    """What makes the sets of one place from what they were; "" where nothing differs."""
    before, after = ({one.name: one for one in sets} for sets in (was, now))
    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        lines += _lines(name, before.get(name), after.get(name))
    return "".join(f"{line}\n" for line in lines)


def _lines(name: str, before: IpSet | None, after: IpSet | None) -> Iterator[str]:
    if after is None or (before and before.type != after.type):
        yield f"destroy {name}"
        before = None
    if after is None:
        return
    if before is None:
        yield f"create {name} {after.type}"
    have, want = set(before.members if before else ()), set(after.members)
    yield from (f"add {name} {one}" for one in after.members if one not in have)
    yield from (f"del {name} {one}" for one in (before.members if before else ()) if one not in want)


def read(text: str) -> tuple[Edit, ...]:
    """The edits in their order. MisreadError."""
    found: list[Edit] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        said = _LINE.fullmatch(stripped)
        if said is None or (said["rest"] is None) != (said["verb"] == "destroy"):
            raise MisreadError(number, f"{stripped[:40]!r} changes no set", "write it as 'add NAME 10.0.1.10'")
        found.append(Edit(said["verb"], said["name"], said["rest"] or ""))
    return tuple(found)


def made(place: str, sets: Mapping[str, IpSet], wanted: Iterable[Edit]) -> dict[str, IpSet | None]:
    """The sets that the edits change, as they are then; None of one that goes."""
    found: dict[str, IpSet | None] = {}
    for one in wanted:
        held = found[one.name] if one.name in found else sets.get(one.name)
        if one.verb == "destroy":
            found[one.name] = None
        elif one.verb == "create":
            found[one.name] = IpSet(place, one.name, one.text, (), BY_HAND)
        elif held is not None:
            others = {*held.members} - {one.text}
            members = others | {one.text} if one.verb == "add" else others
            found[one.name] = replace(held, members=tuple(sorted(members)))
    return found
