"""A machine that has tunl0, gre0, sit0 and erspan0, and an ordinary user who brings a lab up in it.

Not by `up --vm`, inside of which everything is root's: the machine boots, and somebody types.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from lab.vm import kernels, machine
from tests.integration.labs import ROOT
from tests.vm.labs import KERNEL

SECONDS = 900.0
UID = "1000"
FALLBACK = ("tunl0", "gre0", "sit0", "erspan0")
ENVIRONMENT = ("HOME=/mnt/home", "XDG_RUNTIME_DIR=/mnt/home/run", "TMPDIR=/mnt/home/tmp", "PYTHONDONTWRITEBYTECODE=1")
TYPED = (
    "up --topology two-subnet",
    "up --topology two-subnet",
    "exec node-0 -- ip -br link",
    "trace --from pod-0 --to myapp --via pod-3",
    "down",
)
"""As the user types it, one after the other."""


def test_labs_come_up_for_an_ordinary_user_where_devices_are_that_nobody_asked_for(tmp_path: Path) -> None:
    told = boot(tmp_path, script())

    assert all(f"machine has {name}" in told for name in FALLBACK), told
    assert f"user is {UID}" in told, told
    assert "ready in" in told, told
    assert "no changes" in told, told
    assert all(name in told.partition("$ exec")[2] for name in FALLBACK), told
    assert "delivered: HTTP/1.1 200 OK from namespace001/pod-3" in told, told
    assert told.count("status 0\n") == len(TYPED), told


def script() -> str:
    """What runs in the machine: first as root, then as the user."""
    python = f"/mnt/environment/bin/{Path(sys.executable).name}"
    typed = [f"echo '$ {words}'; {python} tasks.py {words} 2>&1; echo status $?" for words in TYPED]
    become = f"unshare --mount sh {ROOT}/dev/ordinary-user.sh {UID} {UID} {ROOT} {sys.prefix}"
    return "\n".join(
        (
            "$(cat /proc/sys/kernel/modprobe) -a ipip ip_gre sit overlay vxlan br_netfilter nf_conntrack",
            f"for one in {' '.join(FALLBACK)}; do ip link show $one >/dev/null && echo machine has $one; done",
            f"{become} env {' '.join(ENVIRONMENT)} sh -c {shlex.quote('; '.join(('echo user is $(id -u)', *typed)))}",
        )
    )


def boot(folder: Path, script: str) -> str:
    """What the machine's console said until it ended."""
    kernel = kernels.find(os.environ[KERNEL])
    made = machine.command(kernel, machine.Size(), folder, ("bash", "-c", script), kvm=False)
    running = subprocess.Popen(made, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = running.communicate(timeout=SECONDS)
    finally:
        running.kill()
    console = (folder / machine.CONSOLE).read_text(encoding="utf-8", errors="replace").replace("\r", "")
    assert running.returncode == 0, f"{said.decode()}\n{console}"
    return console
