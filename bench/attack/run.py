"""`bench --attack`: everything is tried by turns, what must hold is looked at in between, and a table is printed."""

from __future__ import annotations

import json
import platform
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

from bench.attack.host import host
from bench.attack.kinds.attempt import Kind
from bench.attack.kinds.connections import FRAMES, STRANGERS
from bench.attack.kinds.ends import CROSSWISE, KILLS
from bench.attack.kinds.lines import LINES, NARROW
from bench.attack.kinds.programs import HOSTILE
from bench.attack.kinds.requests import PATCHING, REQUESTS
from bench.attack.kinds.texts import MANIFESTS, TOPOLOGIES
from bench.attack.scene import SLOWEST_MS, Scene
from bench.attack.tally import Tally
from lab import terminal
from lab.errors import UsageError
from lab.tasks.commandline.task import Exit

KINDS = (LINES, NARROW, TOPOLOGIES, MANIFESTS, REQUESTS, PATCHING, FRAMES, STRANGERS, HOSTILE, KILLS, CROSSWISE)
USUAL, MOST = 100, 100_000
NOT_AS_IT_SHOULD_BE = 3
TURNS = 10  # each kind's tries come in so many turns, so that an end by a clock has seen all kinds


def attack(number: int, seed: int, json_file: str, only: str = "") -> None:
    """So many of each input, fewer of what takes longer; the table on standard output. Status 3 if something failed.

    `only` has beginnings of kinds' names, separated by commas: what a kind draws depends on no other.
    """
    if not 1 <= number <= MOST:
        raise UsageError(f"{number} inputs of each kind are not possible", f"1 to {MOST}: --attack {USUAL}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = seed or random.SystemRandom().randrange(1, 10**6)
    tally, figures = attacked(number, seed, kinds=chosen(only) if only else KINDS)
    text = told(seed, tally, figures)
    terminal.out(text)
    if json_file and json_file != "-":
        counts = {kind: [one.tried, one.refused, one.failures] for kind, one in tally.counts.items()}
        Path(json_file).write_text(json.dumps({"seed": seed, "kinds": counts, **figures}, indent=1), encoding="utf-8")
    if tally.failures:
        raise Exit(code=NOT_AS_IT_SHOULD_BE)


def chosen(only: str) -> tuple[Kind, ...]:
    """The kinds whose names begin so. UsageError where one of the words names none."""
    words = [word.strip() for word in only.split(",")]
    for word in words:
        if not word or not any(kind.name.startswith(word) for kind in KINDS):
            raise UsageError(f"{word!r} is the beginning of no kind", f"one of: {', '.join(one.name for one in KINDS)}")
    return tuple(kind for kind in KINDS if kind.name.startswith(tuple(words)))


def attacked(
    number: int, seed: int, seconds: float = 0.0, kinds: Sequence[Kind] = KINDS
) -> tuple[Tally, dict[str, float]]:
    """What came of it, and how long others waited (milliseconds). With `seconds`, no turn begins after that time."""
    tally = Tally()
    deadline = time.monotonic() + seconds if seconds else float("inf")
    before = host()
    chances = {kind.name: random.Random(f"{seed} {kind.name}") for kind in kinds}  # noqa: S311  to be drawn again
    with Scene() as scene, terminal.Progress(f"attack {seed}") as progress:
        for failure in scene.wrong():
            tally.fail("before the attack", failure)
        try:
            for turn in range(TURNS):
                for kind in kinds:
                    if time.monotonic() > deadline:
                        break
                    progress.show(turn, TURNS, kind.name)
                    _turn(scene, kind, _share(number, kind, turn), chances[kind.name], tally)
                for failure in scene.wrong():
                    tally.fail("after a turn of all kinds", failure)
                if time.monotonic() > deadline:
                    break
        except KeyboardInterrupt:  # what was seen so far is told
            terminal.warn("interrupted")
        figures = _waiting(scene, tally)
    for difference in host().differences(before):
        tally.fail("the host is not as it was", difference)
    return tally, figures


def _share(number: int, kind: Kind, turn: int) -> int:
    """How many of a kind come in this turn; one at least in the first."""
    wanted = max(1, number * kind.part // 100)
    return -(-wanted * (turn + 1) // TURNS) + (-wanted * turn // TURNS)


def _turn(scene: Scene, kind: Kind, tries: int, chance: random.Random, tally: Tally) -> None:
    if not tries:
        return
    again = scene.up()  # the kind before may have ended it, or made another lab of it
    if again.status:
        tally.fail(kind.name, f"`up` before it ended with {again.status}: {again.err.strip()[-600:]}")
    scene.watch(kind.quiet)
    for one in range(1, tries + 1):
        outcome, what = kind.attempt(scene, chance)
        tally.add(kind.name, outcome, what)
        if one % kind.checked == 0:
            for failure in scene.wrong():
                tally.fail(kind.name, f"afterwards {failure} ({what})")


def _waiting(scene: Scene, tally: Tally) -> dict[str, float]:
    """The 99th percentile of what a bystander waited, and of what its own clock lost on a machine that is busy."""
    if len(scene.waited) < 2:
        return {}
    p99, lost = (quantiles(found, n=100)[98] for found in (scene.waited, scene.late))
    if p99 > SLOWEST_MS + lost:
        tally.fail("others wait", f"p99 {p99:.0f} ms, of which the machine took {lost:.0f} ms")
    return {"questions": len(scene.waited), "p99_ms": round(p99, 1), "clock_p99_ms": round(lost, 1)}


def told(seed: int, tally: Tally, figures: dict[str, float]) -> str:
    """The table with its seed."""
    lines = [f"seed {seed}, Linux {platform.release()}", "", tally.table()]
    if figures:
        lines += [
            "",
            f"others asked {figures['questions']:.0f} times meanwhile and were answered within {figures['p99_ms']} ms "
            f"(p99; their own clocks lost {figures['clock_p99_ms']} ms)",
        ]
    return "\n".join(lines)
