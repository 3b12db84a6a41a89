"""`up --profile` says where the milliseconds of the whole command went, from the shell to its end.

./inv | interpreter | imports | starting the agent: … | the agent's work: … | telling | ending
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import ROOT, command_line, finish, inv, standstill, until

UNACCOUNTED = "(unaccounted)"
FIRST = ("imports and the command line", "starting the agent", "the agent's work", "telling", "ending")
OF_THE_AGENT = ("imports", "namespaces and root file system", "reading the file", "controllers", "design", "rules")


def rows(out: str) -> list[tuple[int, str, float]]:
    """How far each phase is indented, its name and its milliseconds, but for what went on meanwhile."""
    table = out.partition("\nPHASE")[2].partition("\nmeanwhile")[0]
    assert table, out
    found = []
    for line in table.splitlines()[1:]:
        name, _, figures = line.strip().partition("   ")
        found.append((len(line) - len(line.lstrip()), name, float(figures.split()[0])))
    return found


def parts(found: list[tuple[int, str, float]], at: int) -> list[float]:
    """The milliseconds of the phases right within that one, what is unaccounted for included."""
    depth = found[at][0]
    inner = []
    for row in found[at + 1 :]:
        if row[0] <= depth:
            break
        if row[0] == depth + 2:
            inner.append(row[2])
    return inner


def test_the_phases_of_a_first_up_add_up_to_the_whole_command(lab: LabFactory, tmp_path: Path) -> None:
    one = lab(up=False)
    file = tmp_path / "up.json"
    began = time.monotonic()
    done = one.up("--profile", str(file))
    seconds = time.monotonic() - began
    found = rows(done.ok())
    assert f"{one.name}: up: 12 places" in done.out, "it is an `up` like any other"
    names = [name for _, name, _ in found]
    assert [name for name in names if name in FIRST] == list(FIRST)
    assert set(OF_THE_AGENT) <= set(names)
    for at, (_, name, ms) in enumerate(found):
        inner = parts(found, at)
        assert not inner or sum(inner) == pytest.approx(ms, abs=0.1 * (len(inner) + 1)), name
    whole = found[0][2]
    assert whole <= seconds * 1000
    lost = sum(ms for depth, name, ms in found if name == UNACCOUNTED and depth == 2)
    assert lost < 0.15 * whole, "what nobody accounts for is little"

    told = json.loads(file.read_text(encoding="utf-8"))
    complete = [event for event in told["traceEvents"] if event["ph"] == "X"]
    assert complete[0]["name"] == "up"
    assert complete[0]["dur"] == pytest.approx(whole * 1000, abs=100)
    for event in complete:
        assert event["ts"] >= 0
        assert event["dur"] >= 0
    require_nested(complete)


def require_nested(complete: list[dict[str, Any]]) -> None:
    """On every track each event is within another or after it; some are within."""
    nested = 0
    ordered = sorted(complete, key=lambda one: (one["ts"], -one["dur"]))
    for event, later in itertools.combinations(ordered, 2):
        if (event["pid"], event["tid"]) == (later["pid"], later["tid"]):
            end, its_end = (one["ts"] + one["dur"] for one in (event, later))
            assert later["ts"] >= end - 0.01 or its_end <= end + 0.01, (event, later)
            nested += its_end <= end
    assert nested > 10


def test_a_second_up_tells_its_own_phases_only(lab: LabFactory) -> None:
    one = lab()
    names = [name for _, name, _ in rows(one.up("--profile").ok())]
    assert "the agent's work" in names
    assert "observe" in names
    assert not {"starting the agent", "namespaces and root file system", "rules"} & set(names)


def test_the_trace_can_go_to_standard_output_and_the_program_may_be_anywhere(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    done = one.up("--profile=-")
    assert json.loads(done.ok())["traceEvents"], "nothing else is said there"
    assert f"{one.name}: up: " in done.err


def test_through_inv_the_script_is_a_phase_of_its_own(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    command = [str(ROOT / "inv"), "up", "-t", "minimal", "-L", one.name, "--profile"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert [name for _, name, _ in rows(done.stdout)][1:3] == ["shell script", "interpreter"]


def test_a_refusal_is_told_as_without_it(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: wrong}\nspec: {nodes: 3}\n")
    plain, profiled = (inv("up", "-t", str(file), "-L", "wrong", *more) for more in ((), ("--profile",)))
    assert (profiled.status, profiled.err) == (plain.status, plain.err)
    assert profiled.out == ""
    assert inv("up", "-t", "minimal", "--plan", "--profile").refused()


def test_whoever_ends_it_ends_the_up(lab: LabFactory) -> None:
    one = lab()
    with standstill(one):
        process = one.start_up("--profile", "--set", "dns.domain=other.local")
        measured = until(lambda: children(process.pid), "the command that is measured runs")
        process.send_signal(signal.SIGTERM)
        done = finish(process)
    assert done.status == 128 + signal.SIGTERM, str(done)
    assert "PHASE" not in done.out
    until(lambda: not any(command_line(pid) for pid in measured), "it has ended as well")


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
