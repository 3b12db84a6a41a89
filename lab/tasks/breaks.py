"""`fault.list`, `fault.inject`, `fault.clear`: a lab broken on purpose, in ways that were met on real clusters."""

from __future__ import annotations

import json as json_module
import os
import re
import time

from lab import terminal
from lab.agent.client import calls
from lab.errors import UsageError
from lab.tasks.commandline.task import LAB, Context, command

MOST = 10  # at once, by chance
DAY = 86_400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONG = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


@command(name="fault.list", positional=["name"], help={**LAB, "name": "Tell all of this one.", "json": "As JSON."})
def fault_list(_: Context, name: str = "", lab: str = "", json: bool = False) -> None:
    """The faults that there are, each met on real clusters, and which of them are in the lab. Needs no lab."""
    from lab.agent.presence import folder  # noqa: PLC0415  only where a lab may run
    from lab.faults.catalogue import FAULTS, named  # noqa: PLC0415  no other task needs them

    present = []
    if lab or os.environ.get("HOPLAB_LAB") or len(folder.running()) == 1:  # else nobody said which is meant
        with calls.connect(lab or None) as connected:
            present = connected.request("read", what="faults")
    if json:
        known = [
            {"name": one.name, "story": one.story, "source": one.source, "symptom": one.symptom, "where": one.where}
            for one in FAULTS.values()
        ]
        terminal.out(json_module.dumps({"faults": known, "present": present}, indent=1))
        return
    if name:
        one = named(name)
        terminal.out(
            f"{one.name}: {one.story}\n  symptom    {one.symptom}\n  needs      {one.where}\n  met        {one.source}"
        )
        for what in one.parameters:
            terminal.out(f"  --with {what.name}={what.usual}  {what.what}")
        return
    terminal.out(terminal.table(("NAME", "STORY"), [(one.name, one.story) for one in FAULTS.values()]))
    if present:
        terminal.out("\nin the lab:")
    for told in present:
        terminal.out(f"  {_line(told)}")


@command(
    name="fault.inject",
    positional=["name"],
    iterable=["with_"],
    help={
        **LAB,
        "name": "As `fault.list` has it.",
        "on": "The place; without it the first in which it shows.",
        "with": "NAME=VALUE of what the fault takes (several).",
        "after": "When it begins: 5s.",
        "for": "How long it stays: 20s.",
        "flapping": "It comes and goes: 3s there, 3s not.",
        "random": "Instead of a name: so many that chance names.",
        "seed": "Of --random: draws the same again; without it a new one, which is told.",
        "hidden": "Nobody is told which and where: for whoever shall find it.",
        "json": "As JSON.",
    },
)
def fault_inject(
    _: Context,
    name: str = "",
    on: str = "",
    with_: list[str] | None = None,
    after: str = "",
    for_: str = "",
    flapping: str = "",
    random: int = 0,
    seed: int = 0,
    hidden: bool = False,
    json: bool = False,
    lab: str = "",
) -> None:
    """Break the lab in a way that has a name. `up` keeps it; `fault.clear` restores what was before exactly."""
    timing = {
        "after": _seconds("--after", after),
        "lasting": _seconds("--for", for_),
        "flapping": _seconds("--flapping", flapping),
    }
    if bool(name) == bool(random):
        raise UsageError("which fault?", "NAME, as `./inv fault.list` has it, or --random 1")
    if random and (on or with_):
        raise UsageError("--random says itself what and where", "without --on and --with")
    if not 0 <= random <= MOST:
        raise UsageError(f"--random {random} is too many", f"1 to {MOST}")
    if seed and not random:
        raise UsageError("--seed is for --random", "./inv fault.inject --random 1 --seed 7")
    with calls.connect(lab or None) as connected:
        if random:
            told = connected.request("draw_faults", number=random, seed=seed, hidden=hidden, timing=timing)
        else:
            given = dict(map(_pair, with_ or ()))
            made = connected.request("inject", name=name, on=on, given=given, hidden=hidden, timing=timing)
            told = {"faults": [made]}
    if json:
        terminal.out(json_module.dumps(told, indent=1))
        return
    for one in told["faults"]:
        terminal.out(_line(one))
    if random:
        terminal.out(f"{random} hidden, seed {told['seed']}" if hidden else f"seed {told['seed']}")


@command(
    name="fault.clear",
    positional=["name"],
    help={**LAB, "name": "As `fault.list` has it; without it all that are in the lab.", "on": "Only on this place."},
)
def fault_clear(_: Context, name: str = "", on: str = "", lab: str = "") -> None:
    """Take faults out, and restore exactly what was before."""
    with calls.connect(lab or None) as connected:
        gone = connected.request("clear_faults", name=name, on=on)
    for one in gone:
        terminal.out(f"{one}: cleared")
    if not gone:
        terminal.out("nothing to do: no fault is in the lab")


def _line(one: dict[str, object]) -> str:
    given = one["given"]
    said = ", ".join(f"{name}={value}" for name, value in given.items()) if isinstance(given, dict) else ""
    since = terminal.age(time.time() - float(str(one["since"])))
    state = f"for {since}" if one["active"] else "not there just now"
    told = "; ".join(filter(None, (said, str(one["timing"]), state, str(one["from"]))))
    return f"{one['name']} on {one['place']}: {one['story']} ({told})"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--with {text!r} says nothing of anything", "--with NAME=VALUE, such as --with vni=77")
    return name, value


def _seconds(option: str, text: str) -> float:
    """Seconds; 0 where nothing was said. UsageError."""
    if not text:
        return 0.0
    found = _LONG.fullmatch(text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not 0 < seconds <= DAY:
        raise UsageError(f"{option} {text!r} is no time", f"{option} 5s, 500ms, 2m; at most a day")
    return seconds
