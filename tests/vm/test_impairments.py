"""Netem does what a link is to do to packets, on a kernel that has it; the trace names it.

pod-0 (node-0, subnet-a) asks pod-3 (node-2, subnet-b).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, Done, inv
from tests.vm.labs import InMachine

BAD = "node-0/eth0"
ALL = (
    "--delay=20ms",
    "--jitter=5ms",
    "--loss=1%",
    "--rate=10mbit",
    "--duplicate=2%",
    "--reorder=25%",
    "--corrupt=0.1%",
)
LINE = "  links: [{on: node-0/eth0, delay: 150ms, jitter: 20ms}]\n"


@pytest.fixture(scope="module")
def up(machine: InMachine) -> InMachine:
    """The lab, up."""
    machine.up().ok()
    return machine


def impair(lab: InMachine, *words: str) -> Done:
    return inv("impair", "--lab", lab.name, *words)


def queue(lab: InMachine) -> str:
    return lab.exec_("node-0", "tc", "qdisc", "show", "dev", "eth0").ok()


def test_all_that_netem_can_is_set_read_back_and_cleared(up: InMachine) -> None:
    said = impair(up, BAD, *ALL).ok()
    words = "delay 20ms 5ms loss 1% duplicate 2% reorder 25% corrupt 0.1% rate 10mbit"
    assert said == f"node-0/eth0: {words}, by netem\n"
    there = " ".join(queue(up).split())
    for part in ("delay 20ms 5ms", "loss 1%", "duplicate 2%", "reorder 25%", "corrupt 0.1%", "rate 10Mbit"):
        assert part in there, there
    again = up.up()
    assert "no changes" in again.ok(), "what is there is what was asked for"
    assert f"node-0/eth0 is impaired by hand: {words}" in again.err
    impair(up, BAD, "--delay", "5ms").ok()
    there = queue(up)
    assert "delay 5ms" in there
    assert "loss" not in there, "the new one has nothing of the old"
    assert impair(up, "--clear").ok() == "node-0/eth0: no longer impaired\n"
    assert "netem" not in queue(up)


def test_a_loss_of_netems_is_told_by_its_counter(up: InMachine) -> None:
    impair(up, BAD, "--loss", "100%").ok()
    lost = up.trace("pod-0", "pod-3:8080")["lost"]
    assert (lost["cause"], lost["object_place"], lost["evidence"]) == ("impairment", "node-0", "kernel"), lost
    assert "netem" in lost["object"], lost
    (fix,) = lost["fix"]
    assert (fix["command"], fix["held_by"]) == ("tc qdisc del dev eth0 root", "impair node-0/eth0")
    impair(up, "--clear").ok()
    assert up.trace("pod-0", "pod-3:8080")["verdict"] == "delivered"


def test_a_pods_own_link_can_be_impaired(up: InMachine) -> None:
    assert impair(up, "pod-0/eth0", "--loss", "100%").ok() == "namespace001/pod-0/eth0: loss 100%, by netem\n"
    lost = up.trace("pod-0", "pod-3:8080")["lost"]
    assert (lost["cause"], lost["object_place"]) == ("impairment", "namespace001/pod-0"), lost
    impair(up, "--clear").ok()


def test_a_delay_of_the_file_is_told_where_the_packet_leaves(machine: InMachine, tmp_path: Path) -> None:
    text = (ROOT / "topologies" / "two-subnet.yaml").read_text(encoding="utf-8")
    file = tmp_path / "slow.yaml"
    file.write_text(text.replace("spec:\n", f"spec:\n{LINE}", 1), encoding="utf-8")
    machine.up(topology=str(file)).ok()
    assert "no changes" in machine.up(topology=str(file)).ok()
    line = text.splitlines().index("spec:") + 2
    assert [(one["by"], one["from"]) for one in json.loads(impair(machine, "--list", "--json").ok())] == [
        ("netem", f"slow.yaml:{line}")
    ]
    journey = machine.trace("pod-0", "pod-3:8080")
    assert journey["verdict"] == "delivered", journey["lost"]
    told = [
        (hop["place"], hop["interface"], hop["way"], one["verdict"], one["intent"])
        for hop in journey["hops"]
        for one in hop["decisions"]
        if one["kind"] == "impairment"
    ]
    ((place, interface, way, verdict, intent),) = told
    assert (place, interface, way) == ("node-0", "eth0", "out")
    assert 120 < float(verdict.removeprefix("held ").removesuffix(" ms")) < 1000, verdict
    assert intent == f"impairment of node-0/eth0 (slow.yaml:{line})"
