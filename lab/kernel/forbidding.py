"""What on a machine forbids namespaces, by its name, and the line that allows them."""

from __future__ import annotations

import platform
from pathlib import Path

from lab.errors import MachineError

SUDO = "run it with sudo"
_NEEDED = ("user", "net", "mnt", "pid", "uts", "ipc")
"""Kinds of namespaces that each lab has; a sysctl bounds the number of each."""
_SELINUX = "/sys/fs/selinux/enforce"


def sysctl(name: str) -> str:
    """A sysctl's value; empty if this kernel has none of that name."""
    return sysctl_file("/".join(("/proc/sys", *name.split("."))))


def sysctl_file(path: str) -> str:
    """What that file of the kernel's says; empty if there is none."""
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def kernel_by_name(release: str = "") -> str:
    """What is known of kernels that are called like this one, and lack things; "" of others."""
    named = (release or platform.release()).lower()
    if "microsoft" in named:
        return "WSL2's kernel has few modules; `kernel=` in .wslconfig names another one"
    if "-cloud" in named or "-kvm" in named:
        return "kernels for clouds leave modules out; the usual one has them (linux-image-amd64, linux-generic)"
    return ""


def namespaces_refused(powerless: bool) -> MachineError:
    """Why an ordinary user gets no usable user namespace here, and what to do about it.

    `powerless`: it could be made, but nothing can be done in it (Ubuntu from 23.10 on, by AppArmor).
    """
    if powerless or sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1":
        what = "this machine lets ordinary users make user namespaces, but forbids everything in them (AppArmor)"
        line = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    elif none := [kind for kind in _NEEDED if sysctl(f"user.max_{kind}_namespaces") == "0"]:
        what = f"this machine allows no {none[0]} namespaces (user.max_{none[0]}_namespaces is 0)"
        line = f"sudo sysctl -w user.max_{none[0]}_namespaces=10000"
    elif sysctl("kernel.unprivileged_userns_clone") == "0":
        what = "this machine allows no user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)"
        line = "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    else:
        what = "this machine allows no user namespaces to ordinary users (a container's seccomp profile does that too)"
        if sysctl_file(_SELINUX) == "1":
            what = "this machine allows no user namespaces to ordinary users, perhaps by a policy of SELinux"
            return MachineError(what, hint=f"{SUDO}; `sudo ausearch -m avc -ts recent` tells what SELinux refused")
        return MachineError(what, hint=SUDO)
    return MachineError(what, hint=f"{SUDO}, or allow them: {line}")
