"""What on a machine, or around a container, forbids namespaces, by its name, and the line that allows them."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.host import needed_calls
from lab.kernel.host.privileges import CALLS, UNCONFINED, UNLABELLED, WHOLE, Privilege

SUDO = "run it with sudo"
AS_ROOT = (
    "sysctl -w user.max_user_namespaces=10000; or `up --privileged`: then whoever breaks out of a place is root of "
    "this machine"
)
_NEEDED = ("user", "net", "mnt", "pid", "uts", "ipc")
"""Kinds of namespaces that each lab has; a sysctl bounds the number of each."""
_SELINUX = "/sys/fs/selinux/enforce"
_UBUNTUS = "unprivileged_userns"
_LABELS = ("/proc/self/attr/apparmor/current", "/proc/self/attr/current")
_COVERED_FREELY = ("/sys/fs/", "/sys/kernel/", "/proc/sys/fs/binfmt_misc")
"""Below these the kernel itself has empty folders for further file systems: what is mounted there hides nothing."""


def sysctl(name: str) -> str:
    """A sysctl's value; empty if this kernel has none of that name."""
    return sysctl_file("/".join(("/proc/sys", *name.split("."))))


def sysctl_file(path: str) -> str:
    """What that file of the kernel's says; empty if there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def kernel_by_name(release: str = "") -> str:
    """What is known of kernels that are called like this one, and lack things; "" of others."""
    named = (release or os.uname().release).lower()
    if "microsoft" in named:
        return "WSL2's kernel has few modules; `kernel=` in .wslconfig names another one"
    if "-cloud" in named or "-kvm" in named:
        return "kernels for clouds leave modules out; the usual one has them (linux-image-amd64, linux-generic)"
    return ""


def namespaces_refused(powerless: bool, *, as_root: bool = False) -> MachineError:
    """Why an ordinary user, or root of the machine, gets no usable user namespace here, and what to do about it.

    `powerless`: it could be made, but nothing can be done in it (Ubuntu from 23.10 on, by AppArmor).
    """
    if as_root:
        return MachineError("namespaces are not possible here", hint=AS_ROOT)
    if powerless or sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1":
        what = "this machine lets ordinary users make user namespaces, but forbids everything in them (AppArmor)"
        line = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    elif none := [kind for kind in _NEEDED if sysctl(f"user.max_{kind}_namespaces") == "0"]:
        what = f"this machine allows no {none[0]} namespaces (user.max_{none[0]}_namespaces is 0)"
        line = f"sudo sysctl -w user.max_{none[0]}_namespaces=10000"
    elif sysctl("kernel.unprivileged_userns_clone") == "0":
        what = "this machine allows no user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)"
        line = "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    elif label := apparmor():
        return _withheld(UNCONFINED, f"the AppArmor profile {label} forbids user namespaces, or mounts in them")
    elif is_filtered():
        return _withheld(CALLS, "a seccomp profile forbids user namespaces, or what is done in them")
    else:
        what = "this machine allows no user namespaces to ordinary users"
        if sysctl_file(_SELINUX) == "1":
            what = "this machine allows no user namespaces to ordinary users, perhaps by a policy of SELinux"
            return MachineError(what, hint=f"{SUDO}; `sudo ausearch -m avc -ts recent` tells what SELinux refused")
        return MachineError(what, hint=SUDO)
    return MachineError(what, hint=f"{SUDO}, or allow them: {line}")


def confinement(error: OSError) -> MachineError | None:
    """What a container, or who has started us, withholds, by this refusal of a call of `lab.kernel.syscalls`, in which
    we were root of our own namespaces; None where it is nothing of the kind.
    """
    call, _, on = (error.strerror or "").partition(":")[0].partition(" ")
    if error.errno == errno.EACCES and (label := apparmor()):
        return _withheld(UNCONFINED, f"the AppArmor profile {label} forbids {call}")
    if error.errno == errno.EACCES and sysctl_file(_SELINUX) == "1":
        return _withheld(UNLABELLED, f"SELinux forbids {call}")
    if error.errno not in (errno.EPERM, errno.ENOSYS):
        return None
    if on in ("/proc", "sysfs"):
        return not_whole("/sys" if on == "sysfs" else on)
    if call in needed_calls.NAMES and is_filtered():
        return calls_refused((call,))
    return None


def calls_refused(names: Collection[str]) -> MachineError:
    return _withheld(CALLS, f"a seccomp profile forbids system calls that a lab makes: {', '.join(names)}")


def not_whole(path: str) -> MachineError:
    """/proc or /sys, of which the kernel gives no fresh one here."""
    found = hidden(path)
    named = f" ({found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''})" if found else ""
    return _withheld(WHOLE, f"parts of {path} are hidden here{named}: then the kernel gives a lab no {path} of its own")


def is_filtered() -> bool:
    """Whether a filter of system calls (seccomp(2)) holds for us."""
    return "Seccomp:\t2" in sysctl_file("/proc/self/status")


def apparmor() -> str:
    """The profile that confines us; "" where none does but Ubuntu's for who has made a user namespace of their own."""
    label = next(filter(None, map(sysctl_file, _LABELS)), "")
    return label if label.endswith("(enforce)") and not label.startswith(_UBUNTUS) else ""


def hidden(path: str) -> list[str]:
    """Files and folders below /proc or /sys on which something else is mounted."""
    points = [line.split()[4] for line in sysctl_file("/proc/self/mountinfo").splitlines()]
    return [one for one in points if one.startswith(f"{path}/") and not one.startswith(_COVERED_FREELY)]


def _withheld(privilege: Privilege, what: str) -> MachineError:
    return MachineError(what, privilege.hint())
