"""What a place's programs prepare for those who come after them: the person's commands, the agent, other places.

pod-0 ── node-0 ── router ── node-2 ── pod-3
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, Lab, command_line, every_process, inv, standing, until
from tests.integration.living import apply, start_kubectl
from tests.integration.terminals import Terminal

ADD_KEY = {"x86_64": 248, "aarch64": 217, "riscv64": 217}.get(platform.machine(), 0)
KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219}.get(platform.machine(), 0)
JOIN_SESSION, SESSION = 1, -3  # linux/keyctl.h
ASKS_FOR_KEYS = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
found = [libc.syscall({KEYCTL}, 0, {SESSION}, 0), libc.syscall({ADD_KEY}, b"user", b"x", b"y", 1, {SESSION})]
print(found, os.strerror(ctypes.get_errno()))
"""
SLEEPER = """\
apiVersion: v1
kind: Pod
metadata: {name: later}
spec:
  containers: [{name: one, image: sh, command: [sleep, "1000"]}]
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def test_a_terminal_is_not_looked_for_where_a_place_leads_to(lab: Lab, tmp_path: Path) -> None:
    """Seen from outside an absolute link leads through the machine's own files."""
    trap = tmp_path / "trap"
    os.mkfifo(trap)
    opened = threading.Event()

    def wait() -> None:
        trap.open("rb").close()
        opened.set()

    threading.Thread(target=wait, daemon=True).start()
    lab.in_("pod-1", "mv /dev /dev.before")
    lab.in_("pod-1", "mkdir -p /dev/pts")
    words = (sys.executable, str(ROOT / "tasks.py"), "exec", "pod-1", "--lab", lab.name, "--", "tty")
    for link in (str(trap), "/dev/ptmx"):
        lab.in_("pod-1", f"ln -sf {link} /dev/pts/ptmx")
        with Terminal(words, ROOT) as terminal:
            terminal.until("pod-1 has no terminal to give")
    lab.in_("pod-1", "rm /dev/pts/ptmx")
    lab.in_("pod-1", "mkfifo /dev/pts/ptmx")
    with Terminal(words, ROOT) as terminal:
        terminal.until("pod-1 has no terminal to give")
    assert not opened.is_set(), "the person's command has opened a file of the machine"
    assert lab.in_("pod-1", "echo without one") == "without one\n"


@pytest.mark.skipif(not KEYCTL, reason="no numbers for this machine")
@pytest.mark.parametrize("place", ["pod-0", "node-0", "underlay"])
def test_no_key_of_the_persons_is_seen(lab: Lab, place: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(KEYCTL, JOIN_SESSION, None) < 0:
        pytest.skip("this kernel has no keys for us either")
    told = lab.exec_(place, "python3", "-c", ASKS_FOR_KEYS).ok()
    assert told == "[-1, -1] Function not implemented\n"


@pytest.mark.parametrize("place", ["pod-0", "node-0", "underlay"])
def test_no_user_namespace_is_made_in_a_place(lab: Lab, place: str) -> None:
    done = lab.exec_(place, "unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "x", "/mnt")
    assert done.status != 0
    assert "unshare" in done.err


def test_whoever_fills_the_files_that_name_things_takes_no_room_from_others(lab: Lab) -> None:
    lab.exec_("pod-1", "sh", "-c", "cat /dev/zero > /etc/hosts; cat /dev/zero >> /etc/resolv.conf; true")
    assert lab.in_("node-1", "echo begun") == "begun\n"
    apply(lab, SLEEPER)
    until(lambda: "Running" in lab.get("pods", "later", "-n", "default"), "another pod runs")
    assert "nameserver" in lab.in_("later", "cat /etc/resolv.conf")
    lab.up().ok()
    assert lab.drift() == []


def test_the_first_process_of_a_pod_has_nothing_open_that_leads_out_of_it(lab: Lab) -> None:
    """The program with which a cell begins tells the agent who it is; a program in the cell must not tell it more."""
    apply(lab, SLEEPER.replace("later", "first"))
    until(lambda: "Running" in lab.get("pods", "first", "-n", "default"), "the pod runs")
    for place in ("first", "node-0", "node-1", "node-2"):
        opened = set(lab.in_(place, "find /proc/1/fd -type l -printf %l\\n").split())
        assert len(opened) == 2, f"{place}: /dev/null and a pipe of its own, not {opened}"


def test_a_file_that_seems_endless_is_not_read_to_its_end(lab: Lab) -> None:
    for file in ("resolv.conf", "hosts", "hostname"):
        lab.in_("pod-0", f"truncate -s 4000G /etc/{file}")
    assert "pod-0/resolv.conf" in lab.inspect()
    traced = inv("trace", "--from", "pod-0", "--to", "myapp", "--lab", lab.name)
    assert traced.status in (0, 3), str(traced)
    lab.up().ok()
    assert lab.drift() == []


def test_a_script_that_is_read_to_a_place_stays_as_it_is(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("echo changed > /proc/self/fd/0; echo still read\n", encoding="utf-8")
    before = script.read_text(encoding="utf-8")
    script.chmod(0o666)
    words = [sys.executable, str(ROOT / "tasks.py"), "exec", "pod-0", "--lab", lab.name, "--"]
    with script.open("rb") as given:
        done = subprocess.run([*words, "sh"], stdin=given, capture_output=True, text=True, check=False)
    assert script.read_text(encoding="utf-8") == before
    assert done.stdout == "still read\n", done.stderr


def test_what_a_program_leaves_of_a_file_is_there_for_who_reads_on(lab: Lab, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("".join(f"line {number}\n" for number in range(20_000)), encoding="utf-8")
    words = [sys.executable, str(ROOT / "tasks.py"), "exec", "pod-0", "--lab", lab.name, "--"]
    with lines.open("rb", buffering=0) as given:
        subprocess.run([*words, "true"], stdin=given, check=True)
        assert given.tell() == 0
        first = subprocess.run([*words, "head", "-c", "7"], stdin=given, capture_output=True, check=True).stdout
        assert first == b"line 0\n"
        rest = subprocess.run([*words, "wc", "-l"], stdin=given, capture_output=True, check=True).stdout
        assert int(rest) < 20_000, "head has read further than it showed, as it does with a pipe"
        assert given.tell() == lines.stat().st_size


def test_a_place_has_so_many_files_only() -> None:
    with standing("minimal", "--limit", "disk=20M") as one:
        made = one.exec_("pod-1", "sh", "-c", "mkdir /many; cd /many; seq 30000 | xargs touch; ls | wc -l").out
        assert 0 < int(made) < 20_000


def test_what_is_started_in_a_pod_shows_nobody_a_token(lab: Lab) -> None:
    """Anybody on the machine sees the arguments of all programs, and a pod those of what is on its way into it."""
    mounted = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    tokens = [lab.in_("pod-3", f"cat {mounted}"), lab.in_("node-2", "grep token: /etc/kubernetes/kubelet.conf")]
    secrets = [token.split()[-1] for token in tokens]
    started: set[int] = set()
    shown: set[str] = set()
    going = start_kubectl(lab, "exec", "-n", "namespace001", "pod-3", "--", "sleep", "0.5")
    while going.poll() is None:
        for pid in every_process():
            words = " ".join(command_line(pid))
            if "lab.kernel.cell.enter --cell" in words and " namespace001/pod-3 sleep" in words:
                started.add(pid)
            shown |= {secret for secret in secrets if secret in words}
    going.communicate()
    assert started, "nothing was seen on its way"
    assert not shown
