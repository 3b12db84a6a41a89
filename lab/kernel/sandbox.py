"""The sandbox: namespaces in which the lab lives, its init, and its own /run and /etc.

User namespace (unless root), mount, PID, network and UTS namespaces. Everything in it ends when its init ends: the
kernel
kills the processes, and with the last of them go mounts, namespaces and interfaces. The host sees none of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lab.errors import MachineError
from lab.kernel.netlink import RouteSocket
from lab.kernel.rtnetlink import interface
from lab.kernel.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_MOVE,
    MS_REC,
    MS_SLAVE,
    PR_SET_DUMPABLE,
    mount,
    prctl,
    sethostname,
    unshare,
)
from lab.network.objects import Interface
from lab.refusal import refusal

_CGROUP = Path("/sys/fs/cgroup")
_CGROUP2_OF_HYBRID = _CGROUP / "unified"
_PROTOCOLS = "".join(
    f"{protocol} {number}\n"
    for protocol, number in (
        ("ip", 0),
        ("icmp", 1),
        ("igmp", 2),
        ("ipencap", 4),
        ("tcp", 6),
        ("udp", 17),
        ("gre", 47),
        ("esp", 50),
        ("sctp", 132),
    )
)
_STAGE = "/tmp"  # noqa: S108  a mount point for a moment, no file is made there
_OWN_SPACE = "mode=755,size=512m"

POWERLESS = (
    "run it with sudo, or allow user namespaces: "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` where AppArmor restricts them (Ubuntu 24.04), "
    "`sudo sysctl user.max_user_namespaces=10000` where there may be none, "
    "`sudo sysctl kernel.unprivileged_userns_clone=1` on older Debian"
)


def start(name: str, life: Callable[[], None], refused: Callable[[MachineError], None]) -> int:
    """Make the sandbox and fork its init, which prepares it and then lives `life`. Gives the init's process id.

    The calling process is for nothing else afterwards: its children would be born in the sandbox. MachineError when
    namespaces are refused;
    when they turn out to be powerless, the init itself tells `refused` and ends.
    """
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS
    try:
        if uid != 0:
            unshare(CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
        unshare(flags)
    except OSError as error:
        kind = "user namespaces are" if uid != 0 else "making namespaces is"
        raise MachineError(f"{kind} not possible here: {error.strerror}", POWERLESS) from error
    pid = os.fork()
    if pid == 0:
        _live(name, life, refused)
    return pid


def _live(name: str, life: Callable[[], None], refused: Callable[[MachineError], None]) -> NoReturn:
    status = 1
    try:
        # Entering a new user namespace made /proc/PID unreadable for its own user, through which commands find the
        # places.
        prctl(PR_SET_DUMPABLE, 1)
        _prepare(name)
        life()
        status = 0
    except MachineError as error:
        refused(error)
    except BaseException as error:
        told = refusal(error)
        if told is not None:
            refused(told)
        else:
            sys.excepthook(*sys.exc_info())  # nobody above us would: the process ends right here
    finally:
        with contextlib.suppress(OSError):  # whoever read it may be gone
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _prepare(name: str) -> None:
    """Make the fresh namespaces usable: own /proc, /run and /etc, a host name, loopback up, and proof that links can
    be made.
    """
    try:
        mount("none", "/", "none", MS_REC | MS_SLAVE)
        mount("proc", "/proc", "proc")
        _overlay("/run", own=("netns", "hoplab", "crun", "lock", "xtables.lock"))
        _overlay("/etc", own=("netns", "resolv.conf", "hosts", "hostname", "protocols"))
        _unify_cgroups()
        sethostname(name[:64])
        with RouteSocket() as netlink:
            netlink.execute([interface.loopback_up()])
            probe = Interface(place="", name="probe", kind="bridge", mac="", mtu=1500)
            netlink.execute([interface.add(probe, 2, {}, None), interface.remove(2)])
    except OSError as error:
        told = f"namespaces can be made here, but are powerless: {error.strerror}"
        raise MachineError(told, POWERLESS) from error
    for file, text in (
        ("resolv.conf", ""),
        ("hosts", "127.0.0.1 localhost\n"),
        ("hostname", f"{name}\n"),
        # iptables takes protocol names from here, each distribution has others, and a bare Debian has none.
        ("protocols", _PROTOCOLS),
    ):
        Path("/etc", file).write_text(text, encoding="utf-8")
    Path("/run/netns").mkdir()
    Path("/etc/netns").mkdir()


def _overlay(folder: str, own: tuple[str, ...]) -> None:
    """A fresh tmpfs in place of `folder`, in which every entry of the old one is linked, except what is to be our own.

    The old folder stays reachable as `folder`/.host. An overlay file system would do the same, where it is allowed.
    """
    entries = sorted(os.listdir(folder))
    # Prepared upon a folder that is on every machine, then moved: once something lies upon `folder`, a recursive bind
    # of it
    # would bring that along, and one that is not recursive would lose what is mounted below (/run/user/1000).
    mount("tmpfs", _STAGE, "tmpfs", 0, _OWN_SPACE)
    os.mkdir(f"{_STAGE}/.host")
    mount(folder, f"{_STAGE}/.host", "none", MS_BIND | MS_REC)
    mount(_STAGE, folder, "none", MS_MOVE)
    for entry in entries:
        if entry not in own:
            there = f"{folder}/.host/{entry}"
            # A link is copied: one to ../usr/lib leads somewhere else from .host.
            os.symlink(os.readlink(there) if os.path.islink(there) else there, f"{folder}/{entry}")


def _unify_cgroups() -> None:
    """crun refuses a hybrid layout: where cgroup2 is mounted beside the old kind, show it alone, here only."""
    if not (_CGROUP / "cgroup.controllers").exists() and _CGROUP2_OF_HYBRID.is_dir():
        mount(str(_CGROUP2_OF_HYBRID), str(_CGROUP), "none", MS_BIND)
