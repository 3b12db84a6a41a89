"""The commands of the README and the documents work when they are pasted, and print what the README says they print.

Blocks marked `sh` are run, one after the other, in one shell and one folder; blocks marked `shell` are not (they set a
machine up, or run this test). In the README, a `text` block after an `sh` block is its output, but for numbers that
differ each time and the packets' own lines (two DNS servers take turns).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
LAB = f"readme-{os.getpid()}"
SHOWING = {"verify.md": "shop", "vxlan-blocked.md": "vxlan-blocked"}
"""Pages whose `text` blocks are parts of what their commands print, and what their lab is called there."""
PATIENCE = 120
MARK = "--- next block ---"


def fences(page: str) -> list[tuple[str, str]]:
    """(kind, text) of each block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """(commands, what they print) in order; "" where the README does not show it."""
    fenced = fences(README)
    following = [*fenced[1:], ("", "")]
    pairs = zip(fenced, following, strict=True)
    return [(text, shown if mark == "text" else "") for (kind, text), (mark, shown) in pairs if kind == "sh"]


# Durations, ages, the clients' ports, and how many steps a whole lab takes.
DIFFERENT = re.compile(r"\b\d+\.\d+ m?s\b|\b\d+s\b|(?<=^client 203\.0\.113\.1):\d+|(?<=\d):\d{5}\b|\b\d+ steps\b")


def comparable(output: str) -> list[str]:
    """The lines without what differs from one run to the next, and with one name for all labs."""
    # Whose lab it is decides where the files are.
    text = re.sub(r"\S+/mine\.yaml", "mine.yaml", re.sub(r"(?<=KUBECONFIG=)\S+(?=/hoplab)", "", output))
    text = re.sub(rf"{LAB}|two-subnet|blocked\b", "LAB", text)
    lines = [DIFFERENT.sub("…", re.sub(r" +", " ", line)).rstrip() for line in text.splitlines()]
    return [line for line in lines if "µs " not in line and line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are typed: a folder with an `inv` that goes straight to the tasks."""
    made = tmp_path_factory.mktemp("readme")
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "tasks.py"))} "$@"\n'
    (made / "inv").write_text(script, encoding="utf-8")
    (made / "inv").chmod(0o755)
    return made


def test_every_command_prints_what_the_readme_says(folder: Path) -> None:
    told = blocks()
    assert len(told) >= 8, "the README has lost its tour"
    # `demo` has built the lab before the tour goes on. The three labs of the README get one name, for the test's sake.
    start = "./inv up --topology two-subnet >/dev/null\n"
    end = f"./inv down --lab {LAB} >/dev/null 2>&1 || true"
    script = start + "".join(f"{commands}\necho '{MARK}'\n" for commands, _ in told)
    done = subprocess.run(
        ["sh", "-c", f"trap {shlex.quote(end)} EXIT\n{script}"],
        cwd=folder,
        env={**os.environ, "HOPLAB_LAB": LAB},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    printed = done.stdout.split(f"{MARK}\n")
    assert len(printed) == len(told) + 1, f"a command ended the shell:\n{done.stdout}"
    for (commands, shown), output in zip(told, printed, strict=False):
        if shown:
            assert comparable(output) == comparable(shown), f"this is what came of\n{commands}\n{output}"


def test_the_demo_is_the_journey_that_the_readme_shows(folder: Path) -> None:
    shown = next(text for kind, text in fences(README) if kind == "text")
    lab = f"{LAB}-demo"
    steps = (
        "./inv up --topology two-subnet",
        "./inv trace --from pod-0 --to myapp.namespace001 --via pod-3",
        "./inv down",
    )
    done = subprocess.run(
        ["sh", "-c", "; ".join(steps)],
        cwd=folder,
        env={**os.environ, "HOPLAB_LAB": lab},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    output = done.stdout.replace(f"{lab}: down\n", "").replace(lab, LAB)
    assert comparable(output) == comparable(shown), f"{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", [name for name, text in DOCS.items() if "\n```sh\n" in text])
def test_every_command_of_the_documents_works(folder: Path, page: str) -> None:
    lab = f"{LAB}-{page.removesuffix('.md')}"
    commands = "".join(text for kind, text in fences(DOCS[page]) if kind == "sh")
    end = f"./inv down --lab {lab} >/dev/null 2>&1 || true"
    done = subprocess.run(
        ["sh", "-ec", f"trap {shlex.quote(end)} EXIT\n{commands}"],
        cwd=folder,
        env={**os.environ, "HOPLAB_LAB": lab},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    if page in SHOWING:
        shown = "".join(text for kind, text in fences(DOCS[page]) if kind == "text")
        told = shown.replace(f"--lab {SHOWING[page]} ", f"--lab {lab} ").replace("…\n", "")
        missing = [line for line in comparable(told) if line not in comparable(done.stdout)]
        assert not missing, done.stdout
