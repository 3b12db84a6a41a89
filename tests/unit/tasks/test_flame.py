"""What was noted of an `up`, as people and programs read it.

command   |-imports-|------------- the agent's work -------------|
agent               |-reading-|  |------ rules ------|
                                 |-node-0-|
beside                             |---- iptables-restore ----|
"""

from __future__ import annotations

import json
from typing import Any

from lab.spans import Span
from lab.tasks.profile.flame import SCHEMA, UNACCOUNTED, Profile, chrome, table

MS = 1_000_000
BEGIN = 5_000 * MS


def span(name: str, begin: int, end: int, track: str = "") -> Span:
    return Span(name, BEGIN + begin * MS, BEGIN + end * MS, track)


PROFILE = Profile(
    "up",
    BEGIN,
    BEGIN + 100 * MS,
    {
        "command": [span("imports", 0, 20), span("the agent's work", 20, 95)],
        "agent": [
            span("reading", 22, 30),
            span("node-0", 40, 55),
            span("rules", 40, 80),
            span("iptables-restore", 45, 85, "rules of node-0"),
        ],
    },
)


def rows() -> dict[str, tuple[int, float]]:
    """How far a phase is indented, and its milliseconds, by its name."""
    found = {}
    for line in table(PROFILE).splitlines()[1:]:
        name, _, figures = line.strip().partition("   ")
        if figures:
            found[name] = (len(line) - len(line.lstrip()), float(figures.split()[0]))
    return found


def test_phases_stand_within_those_that_they_belong_to_whoever_was_at_work() -> None:
    assert {name: depth for name, (depth, _) in rows().items() if name != UNACCOUNTED} == {
        "up": 0,
        "imports": 2,
        "the agent's work": 2,
        "reading": 4,
        "rules": 4,
        "node-0": 6,
        "rules of node-0: iptables-restore": 2,
    }


def test_phases_add_up_to_what_they_are_in_and_the_rest_is_said() -> None:
    path = PROFILE.path
    work = path.parts[1]
    assert (path.milliseconds, path.unaccounted) == (100, 5)
    assert (work.milliseconds, work.unaccounted) == (75, 75 - 8 - 40)
    told = [line.split()[1] for line in table(PROFILE).splitlines() if UNACCOUNTED in line]
    assert told == ["25.0", "27.0", "5.0"]


def test_the_bars_stand_where_the_time_went() -> None:
    bars = {line[: line.index("█")].strip().split("  ")[0]: line for line in table(PROFILE).splitlines() if "█" in line}
    whole = bars["up"].index("█")
    assert bars["up"].count("█") == 40
    assert (bars["rules"].index("█") - whole, bars["rules"].count("█")) == (16, 16)


def test_what_ends_after_what_it_is_in_is_cut_there() -> None:
    late = Profile("up", BEGIN, BEGIN + 100 * MS, {"command": [span("imports", 0, 20)], "agent": [span("x", 10, 30)]})
    (imports,) = late.path.parts
    assert [part.milliseconds for part in imports.parts] == [10]


def test_the_trace_has_complete_events_from_the_beginning_on() -> None:
    told: dict[str, Any] = json.loads(chrome(PROFILE))
    assert told["otherData"]["schema"] == SCHEMA
    complete = {one["name"]: one for one in told["traceEvents"] if one["ph"] == "X"}
    assert {name: (one["ts"], one["dur"]) for name, one in complete.items()} == {
        "up": (0, 100_000),
        "imports": (0, 20_000),
        "the agent's work": (20_000, 75_000),
        "reading": (22_000, 8_000),
        "rules": (40_000, 40_000),
        "node-0": (40_000, 15_000),
        "iptables-restore": (45_000, 40_000),
    }
    assert complete["up"]["pid"] != complete["rules"]["pid"] == complete["node-0"]["pid"]
    assert complete["rules"]["tid"] == complete["node-0"]["tid"] != complete["iptables-restore"]["tid"]


def test_processes_and_tracks_have_names() -> None:
    names = {one["args"]["name"] for one in json.loads(chrome(PROFILE))["traceEvents"] if one["ph"] == "M"}
    assert names == {"command", "agent", "what is waited for", "rules of node-0"}
