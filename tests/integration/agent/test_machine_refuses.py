"""What the machine refuses is told in a sentence, whatever it is and whenever it comes, and is never called a defect.

ulimit -v, -d, -n, -f, -u   ──▶  every command  ──▶  0, or 1 with what is short and what to do; nothing is left
no standard output, a full one, one without our letters; a folder for labs that is full or read-only
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import ROOT, Done, Lab, environment, inv, until

MEMORY = ("-v 15000", "-v 25000", "-v 80000", "-v 100000", "-v 200000", "-d 20000", "-d 50000", "-d 100000")
LIMITS = (*MEMORY, "-n 20", "-n 80", "-f 8", "-u 5")
FULL = """
mount -t tmpfs -o size=64k,mode=755 tmpfs /run
mkdir -m 700 /run/hoplab
cat /dev/zero 2>/dev/null >/run/fill
exec "$@"
"""
READ_ONLY = """
mount -t tmpfs -o size=64k,mode=755 tmpfs /run
mkdir -m 700 /run/hoplab
mount -o remount,bind,ro /run
exec "$@"
"""


def within(before: str, *words: str, lab: Lab | None = None, wrapper: tuple[str, ...] = ("sh", "-c")) -> Done:
    """`./inv WORDS` by a shell that has done something before."""
    line = (*wrapper, before, "sh", sys.executable, str(ROOT / "tasks.py"), *words)
    extra = lab.mark if lab else {}
    done = subprocess.run(line, capture_output=True, check=False, env=environment(extra), cwd=ROOT, timeout=60)
    return Done((before, *words), done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode("utf-8"))


def require_clear(done: Done) -> None:
    assert done.status in (0, 1), done
    assert not {"Traceback", "defect", "internal error"} & set(done.err.replace(":", " ").split()), done
    assert done.status == 0 or ("hoplab: error: " in done.err and "hint: " in done.err), done


@pytest.mark.parametrize("limit", LIMITS)
def test_every_command_under_a_limit(two_subnet: Lab, lab: LabFactory, limit: str) -> None:
    one = lab("minimal", up=False)
    before = f'ulimit {limit}; exec "$@"'
    named = ("-L", two_subnet.name)
    for words in (
        ("list",),
        ("get", "pods", *named),
        ("inspect", *named),
        ("events", *named),
        ("graph", *named),
        ("validate", "-t", "two-subnet"),
        ("trace", "--from", "pod-0", "--to", "myapp", *named),
        ("exec", "pod-0", *named, "--", "true"),
        ("capture", "node-0", "--count", "1", "--filter", "nonsense((", *named),
    ):
        done = within(before, *words)
        if words[0] == "capture" and done.status == 2:
            continue  # it came as far as to see that the filter is none
        require_clear(done)
    done = within(before, *("up", "-t", "minimal", "-L", one.name), lab=one)
    require_clear(done)
    if done.status:
        until(lambda: not one.processes(), "nothing of it is left")
    else:
        one.down().ok()


def test_without_a_standard_output_nothing_is_done(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    done = within('exec "$@" >&-', "up", "-t", "minimal", "-L", one.name, lab=one)
    assert done.err.startswith("hoplab: error: standard output is closed, so nothing was done\nhint: ")
    assert done.status == 1
    assert not one.is_listed()
    assert within('exec "$@" 2>&-', "lisst").status == 2
    assert within('exec "$@" 2>/dev/full', "lisst").status == 2
    assert within('exec "$@" <&-', "list").status == 0


def test_a_full_output_is_told_and_what_was_asked_for_is_done(two_subnet: Lab) -> None:
    asked = ("trace", "--from", "pod-0", "--to", "myapp", "-L", two_subnet.name)
    for words in (asked, (*asked, "--json", "-"), (*asked, "--pcap", "-"), ("graph", "-L", two_subnet.name)):
        done = within('exec "$@" >/dev/full', *words)
        assert done.status == 1
        assert "standard output cannot be written: No space left on device" in done.err
    for option in ("--json", "--html", "--pcap"):
        done = inv(*asked, option, "/dev/full")
        assert "hoplab: error: /dev/full cannot be written: No space left on device" in done.refused(1)
        assert "delivered: " in done.out


def test_outputs_are_opened_before_anything_is_asked(two_subnet: Lab, tmp_path: Path) -> None:
    asked = ("trace", "--from", "pod-0", "--to", "myapp", "-L", two_subnet.name)
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    cases = {
        "--json": (*asked, "--json"),
        "--html": (*asked, "--html"),
        "--pcap": (*asked, "--pcap"),
        "--write": ("capture", "node-0", "--count", "1", "-L", two_subnet.name, "--write"),
        "--output": ("graph", "-L", two_subnet.name, "--output"),
    }
    for option, words in cases.items():
        for file in ("/nonexistent/x", str(tmp_path), f"{kept}/below", "x" * 300, ""):
            done = inv(*words, file)
            assert done.out == "", done
            assert "cannot be written" in done.refused() or f"{option} names no file" in done.err
        nowhere = [word.replace("pod-0", "nobody").replace("node-0", "nobody") for word in words]
        if option != "--output":
            for file in (str(kept), str(tmp_path / "new")):
                assert inv(*nowhere, file).refused()
    assert kept.read_text() == "as it was"
    assert [*tmp_path.iterdir()] == [kept]
    stream = within('exec "$@" 3>>' + str(kept), *asked, "--json", "/dev/fd/3")
    assert stream.status == 0, stream
    assert kept.read_text().startswith("as it was{")


def test_a_terminal_without_our_letters_gets_others(two_subnet: Lab) -> None:
    asked = ("trace", "--from", "pod-0", "--to", "myapp", "-L", two_subnet.name)
    for extra in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        told = inv(*asked, extra=extra).ok()
        assert told.isascii()
        assert "pod-0  eth0 > " in told
        assert "é" not in inv("trce", "é", extra=extra).refused()


@pytest.mark.parametrize("script", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_folder_for_labs_that_takes_nothing(lab: LabFactory, script: str) -> None:
    one = lab("minimal", up=False)
    apart = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--mount", "sh", "-c")
    done = within(script, "up", "-t", "minimal", "-L", one.name, lab=one, wrapper=apart)
    require_clear(done)
    assert done.status == 1
    if os.geteuid() == 0:  # an ordinary user's root may not give the folder away, which is refused first
        assert "no space is left" in done.err.lower() or "read-only" in done.err.lower()
    until(lambda: not one.processes(), "nothing of it is left")
