"""What `up --vm` and `test --vm` need of this machine, got by `./inv setup --vm`: QEMU, and a kernel to boot."""

from __future__ import annotations

import os
import shutil
import subprocess

from lab.errors import MachineError
from lab.vm import kernels, machine


def make_ready() -> None:
    """Nothing where all of it is there. MachineError, with the line to type, where it cannot be got from here."""
    try:
        machine.require()
    except MachineError:
        _install()
        machine.require()
    try:
        found = kernels.find()
    except MachineError:
        print(f"fetching {kernels.package_name() or 'a kernel'}", flush=True)
        found = kernels.fetch()
    print(f"virtual machines boot {found.image}, Linux {found.release}")


def _install() -> None:
    if os.geteuid() or shutil.which("apt-get") is None:
        raise MachineError(
            "QEMU is not here", f"sudo {machine.INSTALL}" if shutil.which("apt-get") else machine.HOW_TO_GET
        )
    command = (
        "apt-get",
        "-qy",
        "-o",
        "DPkg::Lock::Timeout=300",
        "install",
        "--no-install-recommends",
        *machine.PACKAGES,
    )
    print(f"installing with apt: {' '.join(machine.PACKAGES)}", flush=True)
    done = subprocess.run(
        command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MachineError(f"apt could not install them: {done.stderr.strip()[-300:]}", " ".join(command))
