"""What a kernel that has IPVS says to a lab that is not root's own: only there does it refuse for that reason."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from lab.vm import kernels, machine, port
from tests.integration.labs import ROOT, environment
from tests.vm.labs import BOOT_SECONDS, KERNEL

# `up` as it is, with a machine's patience for the agent to start.
BRING_UP = """
from lab.agent.starting import start
from lab.tasks import topologies
from lab.tasks.ending import status_of
from lab.tasks.lifetime import bring_up

def up():
    source = topologies.find("minimal")
    bring_up("refused", source, ["services.proxy=ipvs"], begin=lambda _: start("refused", None, 300.0))

raise SystemExit(status_of(up))
"""
UP = f"""
exec >/dev/console 2>&1
{port.MODPROBE} -a ip_vs dummy
cd {ROOT}
{sys.executable} -c {shlex.quote(BRING_UP)}
echo status $?
{sys.executable} tasks.py list
"""


def test_ipvs_mode_in_a_user_namespace_is_refused_with_what_would_do(tmp_path: Path) -> None:
    """The machine runs the commands themselves, as its root, and no lab around them."""
    kernel = kernels.find(os.environ[KERNEL])
    words = machine.command(kernel, machine.Size(), tmp_path, ["sh", "-c", UP], kvm=False)
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=BOOT_SECONDS,
        env=environment(),
        cwd="/",
    )
    said = (tmp_path / machine.CONSOLE).read_text(encoding="utf-8", errors="replace")
    assert "services.proxy: ipvs needs IPVS, which the kernel lets only root of the machine itself program" in said, (
        done
    )
    for instead in ("up --privileged", "up --vm", "`proxy: nftables` or `iptables`"):
        assert instead in said, said
    assert "status 1" in said
    assert "no lab is running" in said
