"""Tab, in real shells on a real terminal: labs, places, topologies, objects."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, Lab, environment, inv
from tests.integration.terminals import Terminal

QUICK_SECONDS = 5.0  # a completion takes 0.1 s on a quiet machine; nobody would wait for this one twice


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with an `inv` that is this one, whatever Python runs the tests."""
    script = tmp_path / "inv"
    line = f'HOPLAB_CALLED=$0 exec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "tasks.py"))} "$@"\n'
    script.write_text(f"#!/bin/sh\n{line}")
    script.chmod(0o755)
    return tmp_path


def shell(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: ./inv test installs it"
    return found


BASH = ("bash", "--norc", "--noprofile", "-i")
FUNCTIONS = "fpath=(/usr/share/zsh/functions/*(/) $fpath)"
ZSH = ("zsh", "-f", "-i")


@pytest.mark.parametrize(
    ("argv", "source"),
    [
        (BASH, "PS1='> '; source <(./inv --print-completion-script bash)"),
        (ZSH, f"{FUNCTIONS}; PS1='> '; source <(./inv --print-completion-script zsh)"),
    ],
    ids=["bash", "zsh"],
)
def test_tab_completes_what_is_typed(argv: tuple[str, ...], source: str, checkout: Path, two_subnet: Lab) -> None:
    shell(argv[0])
    lab = two_subnet.name
    (checkout / "only-one.yaml").touch()
    with Terminal(argv, cwd=checkout, extra={"HOME": str(checkout), "HOPLAB_LAB": lab}) as terminal:
        terminal.type(f"{source}; echo rea''dy\n")
        terminal.until(r"\nready")
        for begun, wanted in (
            ("./inv capt\t", "./inv capture "),
            ("./inv exec rout\t", "./inv exec router "),
            (f"./inv down -L {lab[:-1]}\t", f"./inv down -L {lab} "),
            ("./inv up -t thr\t", "./inv up -t three-subnet "),
            ("./inv up --topology=thr\t", "./inv up --topology=three-subnet "),
            ("./inv get pods -n kube-system dns-1\t", "./inv get pods -n kube-system dns-1 "),
            ("./inv trace --from pod-0 --to myap\t", "./inv trace --from pod-0 --to myapp.namespace001 "),
            ("./inv apply -f onl\t", "./inv apply -f only-one.yaml "),
        ):
            terminal.type(begun)
            terminal.until(f"> {wanted.rstrip()}")
            terminal.type("\x15\n")  # it is not to be done: the line is thrown away
            terminal.until(r"\n> *$")


def test_fish_completes_what_is_typed(checkout: Path, two_subnet: Lab) -> None:
    lines = ["./inv capt", "./inv exec rout", "./inv up -t thr", f"./inv down --lab={two_subnet.name[:-1]}"]
    asked = "; ".join(f"complete -C {shlex.quote(line)}" for line in lines)
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", f"./inv --print-completion-script fish | source; {asked}"],
        env=environment({"HOME": str(checkout), "HOPLAB_LAB": two_subnet.name}),
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == [
        "capture",
        "router",
        "three-subnet",
        f"--lab={two_subnet.name}",
    ]


def test_it_is_quick_and_says_nothing_when_it_cannot_know(two_subnet: Lab) -> None:
    began = time.monotonic()
    done = inv("--complete", "--", "exec", "-L", two_subnet.name, "pod")
    assert time.monotonic() - began < QUICK_SECONDS
    assert set(done.ok().split()) >= {"pod-0", "pod-1", "pod-2", "pod-3"}
    for words in (("exec", "-L", "no-such-lab", ""), ("exec", "-L", "../x", ""), ("get", "nope", "")):
        nothing = inv("--complete", "--", *words)
        assert (nothing.status, nothing.out, nothing.err) == (0, "", "")
