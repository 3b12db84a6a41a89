"""Whatever is killed, whenever: nothing is left, and the next `up` works.

    ./inv up ── agent's parent ── init of the sandbox ── built-in server, dnsmasq, crun, iptables-restore …

A lab's processes are those that have its mark in their environment, and all in the PID namespace of one of these. With
the last process goes everything else, for nothing of a lab has a name outside its own mount namespace.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, finish, inv, until

ROUNDS = 6
KILLS = 5  # in each round: thirty in all
WHOLE_BUILD_SECONDS = 0.9


def host_mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()


def host_links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def victims(lab: Lab, up: subprocess.Popen[bytes]) -> list[int]:
    """`up` and the agent count thrice: they are whom this is about."""
    others = [pid for pid in lab.processes() if pid != up.pid]
    agents = [pid for pid, words in lab.processes().items() if "lab.agent" in words]
    return [up.pid] * 3 + agents * 3 + others


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_sigkill_at_a_random_moment_of_up(lab: LabFactory, seed: int) -> None:
    one = lab("two-subnet", up=False)
    chance = random.Random(seed)
    mounts, links = host_mounts(), host_links()
    for number in range(KILLS):
        # The moments of all rounds are spread over the build; each has its own stretch of it.
        share = (number * ROUNDS + seed + chance.random()) / (ROUNDS * KILLS)
        up = one.start_up()
        with suppress(subprocess.TimeoutExpired):
            up.wait(share * WHOLE_BUILD_SECONDS)
        victim = chance.choice(victims(one, up))
        killed = " ".join(one.processes().get(victim, ()))
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            killed = f"{killed} (had just ended)"
        done = finish(up)
        assert "Traceback" not in done.err, f"killed {killed}\n{done}"
        # Killed at the last moment, or something of no consequence: then the lab stands, as a whole.
        if until(lambda: "stands" if one.is_listed() else not one.processes(), "it stands or is gone") == "stands":
            one.up().ok()
            assert one.plan() == "# no changes", f"killed {killed}\n{done}"
            os.kill(one.pid(), signal.SIGKILL)
        one.require_nothing_left()
    assert (host_mounts(), host_links()) == (mounts, links)
    one.up().ok()
    assert one.exec_("pod-0", "curl", "-sS", "--max-time", "5", "http://myapp").ok()
    one.down().ok()
    one.require_nothing_left()


def test_the_agent_of_a_standing_lab_is_killed(lab: LabFactory) -> None:
    one = lab("two-subnet")
    watching = one.start_exec("pod-0", "sleep", "600")
    until(lambda: ("sleep", "600") in one.processes().values(), "a command runs in the pod")
    inside = set(one.processes())
    assert len(inside) >= 6, "init, the built-in server, three dnsmasq, two crun"
    os.kill(one.pid(), signal.SIGKILL)
    done = finish(watching)
    assert f"lab '{one.name}' has ended" in done.refused(1), "a command inside ends with the lab"
    one.require_nothing_left()
    assert f"no lab '{one.name}' is running" in inv("get", "pods", "--lab", one.name).refused()
    one.up().ok()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_inside_ends_with_the_person_who_gave_it(lab: LabFactory, how: signal.Signals) -> None:
    one = lab("minimal")
    one.in_("pod-0", "true")  # what is made when something first runs there stays
    before = set(one.processes())
    asked = one.start_exec("pod-0", "sleep", "600")
    until(lambda: ("sleep", "600") in one.processes().values(), "it runs in the pod")
    asked.send_signal(how)
    finish(asked)
    until(lambda: set(one.processes()) == before, "nothing of the command is left")


def test_down_leaves_nothing(lab: LabFactory) -> None:
    one = lab("two-subnet")
    one.down().ok()
    one.require_nothing_left()
    assert f"no lab '{one.name}'" in one.down().refused()
