"""Kernel modules that somebody asks for by name: `./inv setup --modules ipip,ip_vs`. Nothing else of ours loads any."""

from __future__ import annotations

import os
import re
import subprocess

from lab.errors import MachineError, UsageError
from lab.kernel.host.modules import CHANGES, is_loaded


def load(names: str) -> None:
    """Load them, as root, and say what each changes. UsageError for what is no name, MachineError as modprobe says."""
    wanted = [name.strip().replace("-", "_") for name in names.split(",") if name.strip()]
    strange = [name for name in wanted if not re.fullmatch(r"[a-z0-9_]{1,64}", name)]
    if strange or not wanted:
        raise UsageError(f"--modules {names}: {strange[0] if strange else 'that'} is no module's name", "ipip,ip_vs")
    for name in wanted:
        if is_loaded(name):
            print(f"{name} is loaded already")
            continue
        line = f"modprobe {name}"
        if os.geteuid():
            raise MachineError("modules are loaded by root", f"sudo {line}")
        try:
            done = subprocess.run(("modprobe", name), capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise MachineError("this machine has no modprobe", "apt-get install kmod") from None
        if done.returncode:
            raise MachineError(f"{line}: {done.stderr.strip()}", "`up --vm` has a kernel of its own")
        print(f"{line}: {CHANGES.get(name, 'loaded')}; until `modprobe -r {name}` or the next boot")
