"""`rules` as people type it: what goes to standard output, what to standard error, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "rules"
OBJECTS = str(GOLDEN / "objects.yaml")
CIDR = ("--cluster-cidr", "10.244.0.0/16")


def rules(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from lab.program import main; main()", "rules", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environment, cwd=ROOT, timeout=60
    )


def test_rules_and_nothing_else_are_on_standard_output() -> None:
    done = rules("--file", OBJECTS, "--node", "node-0", *CIDR)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / "node-0-iptables.txt").read_text()


def test_objects_come_from_standard_input_and_warnings_go_to_standard_error() -> None:
    given = "\n".join(line for line in Path(OBJECTS).read_text().split("\n") if "kind: Node" not in line)
    given = given.replace("- apiVersion: v1\n  metadata:", "- apiVersion: v1\n  kind: Pod\n  metadata:")
    done = rules("--file", "-", "--node", "node-0", "--proxy", "nftables", "--explain", given=given)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: there is no Node among the objects")
    assert "warning" not in done.stdout


@pytest.mark.parametrize(("saved", "status"), [("node-0-iptables.txt", 0), ("worn.iptables-save", 1)])
def test_a_difference_is_told_by_the_status(saved: str, status: int) -> None:
    done = rules("--file", OBJECTS, "--node", "node-0", *CIDR, "--diff", str(GOLDEN / saved))
    assert (done.returncode, done.stderr) == (status, "")
    expected = "no difference: 4 Service ports with 5 endpoints\n"
    assert done.stdout == (expected if status == 0 else (GOLDEN / "worn-difference.txt").read_text())


def test_the_node_s_rules_come_from_standard_input_too() -> None:
    saved = (GOLDEN / "node-0-nftables.txt").read_text()
    words = ("--file", OBJECTS, "--node", "node-0", *CIDR, "--proxy", "nftables", "--diff", "-")
    assert rules(*words, given=saved).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--file is missing"),
        (("--file", OBJECTS), "--node is missing"),
        (("--file", "nowhere.yaml", "--node", "node-0"), "nowhere.yaml cannot be read: No such file or directory"),
        (("--file", OBJECTS, "--node", "node-7"), "there is no Node 'node-7' among the objects"),
        (("--file", OBJECTS, "--node", "node-0", "--proxy", "ebpf"), "kube-proxy has no mode 'ebpf'"),
        (("--file", "-", "--node", "node-0", "--diff", "-"), "standard input cannot be both"),
        (("--file", OBJECTS, "--node", "node-0", "--diff", OBJECTS), f"{OBJECTS}:1:1: this is not from iptables-save"),
        (("--file", OBJECTS, "--node", "node-0", "--proxy", "ipvs", "--diff", OBJECTS), "--diff compares no rules"),
    ],
)
def test_what_cannot_be_asked_ends_with_two_and_prints_nothing(words: tuple[str, ...], said: str) -> None:
    done = rules(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
