"""The bench on a small scale: it measures all that it should, and leaves no lab behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import DELIVERED, OF_P, REPORTED, SILENT
from lab.agent.presence import folder

ROOT = Path(__file__).parents[3]
PATIENCE = 400.0  # thirty traces at once, and two networks by pyroute2


def _labs_of(process: subprocess.Popen[bytes]) -> list[str]:
    return [name for name in folder.running() if name.startswith(f"bench-{process.pid}-")]


def _bench(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, ROOT / "tasks.py", "bench", *arguments], stdout=subprocess.PIPE)


def test_a_little_of_everything_quickly() -> None:
    process = _bench("--quick", "--pods", "5", "--services", "20", "--nodes", "2", "--many", "20", "--json", "-")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    report = json.loads(output)
    figures = {figure["name"]: figure for figure in report["figures"]}
    for name in ("build", "read-back verification", "memory", "one more, in the agent", "one more, whole process"):
        assert figures[name]["median"] > 0, f"{name} was not measured: {figures[name]}"
    for name in ("P", "up", "up, no changes", DELIVERED, REPORTED, SILENT, "down"):
        assert figures[name]["median"] > 0, f"{name} was not measured: {figures[name]}"
    for name in ("make", "load", "iptables-restore, same text", "nft -f, same text", "iptables", "nftables"):
        assert figures[name]["median"] > 0, f"{name} was not measured: {figures[name]}"
    followed = [figure for figure in report["figures"] if figure["name"] == "followed, p50"]
    assert [len(figure["runs"]) for figure in followed] == [5, 5], "changes in either mode"
    assert figures["up, in the agent"]["median"] > 0, "the wide lab was not measured"
    assert figures["trace of one of them"]["median"] > 0, "no trace among many pods was measured"
    for name in ("own", "pyroute2", "iptables-restore, same text, two side by side"):
        assert figures[name]["median"] > 0, f"{name} was not measured: {figures[name]}"
    floor = figures["C floor"]
    assert floor["median"] or floor["note"], "the floor is measured, or says why it is not"
    mininet = figures["Mininet"]
    assert mininet["median"] or mininet["note"], "Mininet is measured, or says why it is not"
    for name in OF_P:
        assert figures[f"{name} ÷ P"]["met"] is not None, f"{name} has a budget beside P"
    assert figures[SILENT]["median"] > 1000, "TCP's second packet was waited for"
    assert not _labs_of(process), "a lab of the bench still runs"


def test_interrupted_it_takes_its_labs_with_it() -> None:
    with _bench("--pods", "200", "--quick") as process:
        deadline = time.monotonic() + PATIENCE
        while not _labs_of(process):
            assert process.poll() is None, "the bench ended before it built anything"
            assert time.monotonic() < deadline, "the bench built nothing"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert not _labs_of(process), "a lab of the bench still runs"
