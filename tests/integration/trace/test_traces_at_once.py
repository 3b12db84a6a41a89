"""Many traces of one lab side by side, from one pod too: each tells what it tells when it is alone.

pod-0 ─ node-0 ── router ──┬ node-1 ─ pod-2
                           └ node-2 ─ pod-3: its node drops what is in VXLAN
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from typing import Any

import pytest

from tests.integration.labs import Done, Lab, finish, standing, start, until
from tests.integration.trace.test_trace_follow import followed

POD_0, POD_1 = "namespace001/pod-0", "namespace001/pod-1"
NEAR = ("--from", POD_0, "--to", "myapp.namespace001", "--via", "pod-2")
FAR = ("--from", POD_0, "--to", "myapp.namespace001", "--via", "pod-3")
ECHO = ("--from", POD_0, "--to", "namespace001/pod-2", "--protocol", "icmp")
OTHERS = ("--from", POD_1, "--to", "10.244.0.2:8080")
SEVERAL = (NEAR, FAR, ECHO, OTHERS)
DROP = "-A INPUT -p udp -m udp --dport 4789 -j DROP"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        one.in_("node-2", f"iptables {DROP.replace('-A', '-I', 1)}")
        yield one


@pytest.fixture(scope="module")
def alone(lab: Lab) -> dict[tuple[str, ...], dict[str, Any]]:
    return {asked: journey(finish(begin(lab, asked))) for asked in SEVERAL}


def begin(lab: Lab, asked: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return start("trace", *asked, "--json", "-", "--lab", lab.name, extra=lab.mark)


def journey(done: Done) -> dict[str, Any]:
    assert done.status in (0, 3), str(done)
    told: dict[str, Any] = json.loads(done.out)
    return told


def story(told: dict[str, Any]) -> dict[str, Any]:
    """All of a journey but what is different every time."""
    hops = [hop for hop in told["hops"] if hop["phase"] == "data"]
    return {
        "verdict": told["verdict"],
        "answered_by": told["answered_by"],
        "lost": told["lost"] and {name: told["lost"][name] for name in ("place", "cause", "object", "fix")},
        "hops": [(hop["place"], hop["interface"], hop["way"]) for hop in hops],
        "rules": [
            (hop["place"], one["table"], one["chain"], one["verdict"])
            for hop in hops
            for one in hop["decisions"]
            if one["kind"] == "rule" and one["table"] != "nat"  # which a SYN that is sent again does not meet
        ],
    }


def test_each_tells_what_it_tells_alone(lab: Lab, alone: dict[tuple[str, ...], dict[str, Any]]) -> None:
    assert [alone[asked]["verdict"] for asked in SEVERAL] == ["delivered", "lost", "delivered", "delivered"]
    assert alone[FAR]["lost"]["object"] == DROP
    begun = [(asked, begin(lab, asked)) for asked in SEVERAL * 2]
    for asked, process in begun:
        assert story(journey(finish(process))) == story(alone[asked]), asked


def test_beside_one_that_follows_the_same_pod_and_is_suspended(
    lab: Lab, alone: dict[tuple[str, ...], dict[str, Any]]
) -> None:
    with followed(lab) as follow:
        follow.process.send_signal(signal.SIGSTOP)
        begun = [(asked, begin(lab, asked)) for asked in SEVERAL]
        for asked, process in begun:
            assert story(journey(finish(process))) == story(alone[asked]), asked
        follow.process.send_signal(signal.SIGCONT)
        follow.end().ok()


def test_nobody_waits_for_one_that_was_suspended_while_it_was_its_turn(lab: Lab) -> None:
    namespace = os.open(f"/proc/{lab.pid()}/ns/net", os.O_RDONLY)
    flock(namespace, LOCK_EX)
    try:
        assert {journey(finish(one))["verdict"] for one in [begin(lab, NEAR) for _ in range(2)]} == {"delivered"}
    finally:
        os.close(namespace)


def test_eight_that_are_killed_leave_nothing(lab: Lab) -> None:
    before = lab.processes()
    processes = [begin(lab, FAR) for _ in range(8)]
    until(lambda: "hoplab-trace" in tables(lab), "one of them is at work")
    for pid in set(lab.processes()) - set(before):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for process in processes:
        finish(process)
    assert journey(finish(begin(lab, NEAR)))["verdict"] == "delivered"
    until(lambda: lab.processes().keys() <= before.keys(), "their processes have ended")
    until(lambda: "hoplab-trace" not in tables(lab), "no place has a table of theirs")


def tables(lab: Lab) -> str:
    return lab.in_("node-0", "nft list tables")


def test_of_several_that_iptables_legacy_drops_each_is_told_so() -> None:
    with standing("two-subnet") as lab:
        lab.in_("node-2", f"iptables-legacy {DROP.replace('-A', '-I', 1)}")
        for process in [begin(lab, FAR) for _ in range(4)]:
            told = journey(finish(process))
            assert (told["lost"]["object"], told["lost"]["evidence"]) == (DROP, "kernel"), told["lost"]
