"""The command line as hands expect it: mistyped words, closed pipes, output for other programs, changes watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import PATIENCE_SECONDS, ROOT, Done, Lab, environment, finish, inv, standing, start, until
from tests.integration.terminals import Terminal

POD = """
apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: late}}
spec:
  nodeName: node-0
  containers: [{name: late, image: built-in}]
"""


@pytest.fixture(scope="module")
def small() -> Iterator[Lab]:
    """A lab of this file's own, which its tests may change."""
    with standing("minimal") as one:
        yield one


def closed(*arguments: str, both: bool = False) -> subprocess.Popen[bytes]:
    """`./inv ARGUMENT… | true`: whoever should read it has gone before the first line; with `both`, `|& true`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tasks.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing if both else subprocess.PIPE,
            env=environment(),
            cwd=ROOT,
        )
    finally:
        os.close(writing)


def test_a_closed_pipe_ends_every_command_quietly(small: Lab) -> None:
    named = ("--lab", small.name)
    asked = ("--from", "pod-0", "--to", "pod-1", *named)
    commands = [
        (),
        ("--list",),
        ("--version",),
        ("trace", "--help"),
        ("--print-completion-script", "bash"),
        ("--complete", "--", ""),
        ("list",),
        ("validate", "-t", "minimal"),
        ("up", "-t", "two-subnet", "--lab", f"{small.name}-planned", "--plan"),
        ("inspect", *named),
        ("inspect", "--json", *named),
        ("events", *named),
        ("events", "--follow", *named),
        ("graph", *named),
        ("get", "pods", *named),
        ("get", "pods", "-o", "yaml", *named),
        ("get", "pods", "-w", *named),
        ("trace", *asked),
        ("trace", *asked, "--json", "-"),
        ("trace", *asked, "--html", "-"),
        ("trace", *asked, "--minimal"),
        ("trace", *asked, "--count", "2"),
        ("exec", "node-0", *named, "--", "ip", "address"),
        ("check",),
    ]
    for words in commands:
        process = closed(*words)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, said) == (141, b""), f"{' '.join(words)}\n{said.decode()}"


def test_even_a_complaint_that_nobody_reads_ends_quietly() -> None:
    assert closed("trcae", both=True).wait(PATIENCE_SECONDS) == 141


def test_a_disk_that_is_full_is_told_and_no_defect() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, ROOT / "tasks.py", "--list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        "hoplab: error: standard output cannot be written: No space left on device\n",
    )


def test_json_on_standard_output_is_all_that_is_there(small: Lab) -> None:
    named = ("--lab", small.name)
    asked = ("trace", "--from", "pod-0", *named, "--json", "-")
    for words in (
        (*asked, "--to", "pod-1"),
        (*asked, "--to", "pod-1", "--count", "2"),
        (*asked, "--to", "pod-1", "--minimal", "--verbose"),
        (*asked, "--to", "nobody.nowhere", "--fix"),
        ("inspect", "--json", *named),
        ("get", "pods", "-o", "json", *named),
    ):
        done = inv(*words)
        assert isinstance(json.loads(done.out), dict), done
    events = inv("events", "--json", *named).ok()
    assert all(isinstance(json.loads(line), dict) for line in events.splitlines())


def test_every_output_has_a_file_of_its_own_or_standard_output(small: Lab, tmp_path: Path) -> None:
    asked = ("trace", "--from", "pod-0", "--to", "pod-1", "--lab", small.name)
    assert inv(*asked, "--html", "-").ok().startswith("<!DOCTYPE html>")
    both = inv(*asked, "--json", "-", "--html", "-")
    assert (both.status, both.out) == (2, "")
    for option in ("--json", "--html", "--pcap"):
        refused = inv(*asked, option, str(tmp_path / "no" / "folder"))
        assert refused.status == 2, refused
        assert "cannot be written: No such file or directory" in refused.err


def test_invoke_means_the_same(small: Lab) -> None:
    def invoke(*words: str) -> Done:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=ROOT,
        )
        return finish(process)

    for words in (
        ("inspect", "--json", "-L", small.name),
        ("exec", "-h"),
        ("exec", "node-0", "--lab", small.name, "--", "echo", "a  b", "-h"),
        ("trcae",),
        ("up", "-t", "nope"),
    ):
        ours, theirs = inv(*words), invoke(*words)
        assert theirs.status == ours.status
        assert (theirs.out, theirs.err) == tuple(text.replace("./inv ", "invoke ") for text in (ours.out, ours.err))


def test_a_place_that_is_not_there(small: Lab) -> None:
    for words in (("exec", "nodo-0", "--lab", small.name, "--", "true"), ("capture", "nodo-0", "--lab", small.name)):
        refused = inv(*words)
        assert (refused.status, refused.err.splitlines()[-1]) == (2, "hint: did you mean 'node-0'?")


def test_the_machines_own_files_are_found_in_a_place_links_too(small: Lab) -> None:
    """/etc/os-release is a link to ../usr/lib on many: by it a missing program's package is known."""
    whole = [
        path for path in Path("/etc").iterdir() if path.is_symlink() and path.is_file() and os.access(path, os.R_OK)
    ]
    assert small.exec_("node-0", "cat", "/etc/os-release").ok() == Path("/etc/os-release").read_text(encoding="utf-8")
    small.exec_("node-0", "stat", "-L", *(str(path) for path in whole)).ok()


def test_changes_are_watched_as_kubectl_tells_them(small: Lab) -> None:
    watching = start("get", "pods", "-n", "default", "-l", "app=late", "-w", "-L", small.name)
    assert watching.stdout is not None
    first = watching.stdout.readline().decode()
    assert first.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    inv("apply", "-f", "-", "-L", small.name, given=POD).ok()
    told: list[list[str]] = []
    while not told or told[-1][1:3] != ["1/1", "Running"]:
        told.append(watching.stdout.readline().decode().split())
        assert told[-1][0] == "late"
    watching.send_signal(signal.SIGINT)
    assert finish(watching).status == 130
    inv("delete", "-f", "-", "-L", small.name, given=POD).ok()


def test_nothing_found_is_no_output(small: Lab) -> None:
    done = inv("get", "pods", "-l", "no=such", "-L", small.name)
    assert (done.status, done.out, done.err) == (0, "", "No resources found.\n")


def test_what_is_named_is_one_object(small: Lab) -> None:
    one = json.loads(small.get("service/kubernetes", "-n", "default", "-o", "json"))
    assert (one["kind"], one["metadata"]["name"]) == ("Service", "kubernetes")
    assert json.loads(small.get("svc", "kubernetes", "-n", "default", "-o", "json")) == one
    refused = inv("get", "svc/a", "b", "-L", small.name)
    assert refused.status == 2
    until(lambda: inv("get", "pdos", "-L", small.name).err.endswith("did you mean 'pods'?\n"), "the kind is named")


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_a_journey_fits(two_subnet: Lab, columns: int, tmp_path: Path) -> None:
    asked = ("--from", "pod-0", "--to", "myapp", "--via", "pod-3", "--lab", two_subnet.name)
    argv = (sys.executable, str(ROOT / "tasks.py"), "trace", *asked)
    with Terminal(argv, cwd=tmp_path, extra={}, columns=columns) as terminal:
        terminal.until(r"delivered: .* in .* ms")
        lines = [line.rstrip() for line in terminal.seen.splitlines()]
    assert max(map(len, lines)) <= columns
    assert sum(" µs " in line for line in lines) > 20, "a line for each hop"
