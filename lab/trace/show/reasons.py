"""Decisions in words: whole, as a packet's comment has them, and short enough for a line of the story."""

from __future__ import annotations

import re

from lab.trace.journey import Decision, Loss, Mending

_COMMENT = re.compile(r" -m comment --comment (?:\"(?:[^\"\\]|\\.)*\"|\S+)")
MOST_LINES = 4
# Where a rule leads; of one that chooses among several ends, the one that it chose.
_TARGET = re.compile(r" -[jg] \S.*$| \{ \d+ : [^{}]+ \}$| masquerade(?: fully-random)?$")


def whole(decision: Decision) -> str:
    """`nat: -A KUBE-SEP-… -j DNAT …  (table nat, DNAT; endpoint pod-3 of …; kernel)`."""
    about = [f"table {decision.table}" if decision.table else "", decision.verdict]
    told = [", ".join(filter(None, about)), decision.intent, decision.evidence]
    return f"{decision.kind}: {decision.text}  ({'; '.join(filter(None, told))})"


def brief(decision: Decision, room: int) -> str:
    """What decided, in at most `room` letters: without comments; the middle goes before the chain and the target do."""
    table = f" {decision.table}" if decision.kind in ("rule", "nat") and decision.table else ""
    head = f"{decision.kind}{table}".replace("nat nat", "nat")
    return f"{head}  {shortened(decision.text, room - len(head) - 2)}"


def shortened(text: str, room: int) -> str:
    """A rule, route or entry in at most `room` letters."""
    if len(text) > room:
        text = _COMMENT.sub("", text)
    if len(text) <= room:
        return text
    target = _TARGET.search(text)
    tail = target[0] if target else ""
    if not tail or len(tail) > 2 * room // 3:
        return f"{text[: room - 1]}…"
    words = text[: -len(tail)].split(" ")
    kept = ""
    for word in words:
        if len(kept) + len(word) + len(tail) + 3 > room:
            break
        kept += f"{word} "
    return f"{kept}…{tail}"


def about(decision: Decision) -> str:
    """What it is for, or what is odd about it; "" when neither is known."""
    odd = decision.verdict if decision.verdict.startswith(("not what was seen", "held ")) else ""
    return "; ".join(filter(None, (odd, decision.intent)))


def mending(loss: Loss, lab: str) -> tuple[str, ...]:
    """The commands that mend it, as they are typed outside of the lab."""
    return tuple(typed(one, lab) for one in loss.fix)


def begun(command: str) -> str:
    """A command of many lines, such as one that restores a table, by its first lines and how many follow."""
    lines = command.splitlines()
    if len(lines) <= MOST_LINES:
        return command
    return "\n".join(
        (*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} lines more: --fix runs them, --json has them")
    )


def typed(one: Mending, lab: str) -> str:
    """One of them."""
    if not one.place:
        program, _, rest = one.command.partition(" ")
        return f"./inv {program} --lab {lab} -- {rest}"
    return f"./inv exec {one.place} --lab {lab} -- {one.command}"
