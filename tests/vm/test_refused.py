"""What a kernel that has IPVS says to a lab that is not root's own: only there does it refuse for that reason."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.vm import virtio_port
from tests.integration.labs import ROOT
from tests.vm.labs import console_of

UP = f"""
exec >/dev/console 2>&1
{virtio_port.MODPROBE} -a ip_vs dummy
cd {ROOT}
{sys.executable} -m tests.vm.patiently minimal refused services.proxy=ipvs
echo status $?
{sys.executable} tasks.py list
"""


def test_ipvs_mode_in_a_user_namespace_is_refused_with_what_would_do(tmp_path: Path) -> None:
    """The machine runs the commands themselves, as its root, and no lab around them."""
    said = console_of(tmp_path, "sh", "-c", UP)
    assert "services.proxy: ipvs needs IPVS, which the kernel lets only root of the machine itself program" in said, (
        said
    )
    for instead in ("up --privileged", "up --vm", "`proxy: nftables` or `iptables`"):
        assert instead in said, said
    assert "status 1" in said
    assert "no lab is running" in said
