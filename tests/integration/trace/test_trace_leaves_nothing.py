"""Whatever ends a trace, and whenever: no rule of it stays in the lab, and no process.

./inv trace ── its own process: a table hoplab-trace and a packet socket in each place on the way
./inv trace --follow, ./inv capture: the same in the command's process
"""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.integration.labs import Lab, finish, standing, start, until

POD_0 = "namespace001/pod-0"
HOW = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
COMMANDS = {
    "trace": (("trace", "--from", POD_0, "--to", "myapp.namespace001", "--via", "pod-3"), 0.5),
    "lost": (("trace", "--from", POD_0, "--to", "10.244.0.200"), 2.0),
    "follow": (("trace", "--follow", "--from", POD_0), 1.2),
    "capture": (("capture", "node-0"), 0.5),
}
TABLES = "for place in /run/netns/*; do ip netns exec ${place##*/} nft list tables; done"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def tables(lab: Lab) -> str:
    """The tables of nftables in all places."""
    return lab.exec_("underlay", "sh", "-c", TABLES).ok()


def test_the_table_is_there_while_a_pod_is_followed(lab: Lab) -> None:
    """Otherwise the others look for what is never there."""
    process = start("trace", "--follow", "--from", POD_0, "--lab", lab.name)
    until(lambda: "hoplab-trace" in tables(lab), "the places have the table")
    process.send_signal(signal.SIGINT)
    finish(process).ok()
    assert "hoplab-trace" not in tables(lab), "it is gone when the command has ended"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", HOW, ids=[one.name for one in HOW])
def test_ended_at_a_random_moment(lab: Lab, how: signal.Signals, name: str) -> None:
    before = lab.processes()
    words, seconds = COMMANDS[name]
    process = start(*words, "--lab", lab.name, extra=lab.mark)
    with suppress(subprocess.TimeoutExpired):
        process.wait(random.Random(f"{name} {how}").uniform(0.2, 1.0) * seconds)
    process.send_signal(how)
    done = finish(process)
    assert "internal error" not in done.err, str(done)
    until(lambda: lab.processes().keys() <= before.keys(), "its processes have ended")
    until(lambda: "hoplab-trace" not in tables(lab), "no place has a table of the trace")
    assert lab.plan() == "# no changes"
