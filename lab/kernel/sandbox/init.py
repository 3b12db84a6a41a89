"""The sandbox: namespaces in which the lab lives, and its init.

User, mount, PID, IPC, network and UTS namespaces. Everything in it ends when its init ends: the kernel kills the
processes, and with the last of them go mounts, namespaces and interfaces. The host sees none of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from lab import spans
from lab.errors import MachineError
from lab.kernel.host import interpreter, needed_calls, privileges
from lab.kernel.netlink.rtnetlink import interface
from lab.kernel.netlink.transport import RouteSocket
from lab.kernel.sandbox import identity, own_files, root
from lab.kernel.sandbox.confinement import USUAL, Confinement
from lab.kernel.sandbox.identity import Ids
from lab.kernel.syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MOUNT_ATTR_RDONLY,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_SHARED,
    PR_SET_DUMPABLE,
    fsmount,
    mount,
    prctl,
    sethostname,
    setns,
    unshare,
)
from lab.network.objects import Interface
from lab.network.place_names import OWN_FILES
from lab.refusal import refusal

_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP2_OF_HYBRID = _CGROUP / "unified"
_USER_NAMESPACES = "/proc/sys/user/max_user_namespaces"
"""How many may be made in ours: in one of its own a program would have all that was taken from it, SYS_ADMIN too, and
with that file systems that no limit holds for, and the lab's control groups.
"""
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


def start(
    name: str,
    life: Callable[[], None],
    refused: Callable[[MachineError], None],
    *,
    alone: Callable[[], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
    confinement: Confinement = USUAL,
    shown: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> int:
    """Make the sandbox and fork its init, which does `alone` while it has one thread, prepares the sandbox, doing
    `meanwhile` while it waits for the kernel, and then lives `life`. Gives the init's process id.

    The calling process is for nothing else afterwards: its children would be born in the sandbox. `shown` are further
    files and folders of the machine that are to be seen in there, read-only; `groups` are the control groups that
    programs in it are to enter. MachineError when namespaces are refused; when they turn out to be powerless, the init
    itself tells `refused` and ends.
    """
    shown = (*interpreter.needed(), *shown)
    # What the sandbox shows no more: whom to name the container's runtime by, and who we are outside.
    privileges.runtime()
    as_root = os.geteuid() == 0
    try:
        with spans.span("namespaces and root file system"):
            if not identity.is_machines_root():
                _confine_ourselves(shown, confinement.shared, groups)
            elif confinement.privileged:
                unshare(CLONE_NEWNS)
                root.seal(shown, confinement.shared, groups)
                unshare(_NAMESPACES)
            else:
                _confine(identity.of_root(), shown, confinement.shared, groups)
    except OSError as error:
        raise _refusal(error, powerless=False, as_root=as_root) from error
    pid = os.fork()
    if pid == 0:
        _live(name, alone, meanwhile, life, refused)
    return pid


def _confine(ids: Ids, shown: Sequence[str], shared: Sequence[str], groups: Sequence[str]) -> None:
    """From root of the machine to root of a user namespace whose ids mean nothing outside."""
    userns = identity.make(ids)
    unshare(CLONE_NEWNS)
    root.seal(shown, shared, groups, userns)
    root.give_to(ids.uid, ids.gid)
    setns(userns, CLONE_NEWUSER)
    os.close(userns)
    identity.become_root()
    unshare(_NAMESPACES)


def _confine_ourselves(shown: Sequence[str], shared: Sequence[str], groups: Sequence[str]) -> None:
    """From an ordinary user to root of a user namespace in one of our own: what was mounted in the outer one is locked
    in the inner one.
    """
    identity.become_root_of_own()
    root.seal(shown, shared, groups)
    unshare(CLONE_NEWUSER | _NAMESPACES)
    identity.map_one(0, 0)


def _live(
    name: str,
    alone: Callable[[], None] | None,
    meanwhile: Callable[[], None] | None,
    life: Callable[[], None],
    refused: Callable[[MachineError], None],
) -> NoReturn:
    status = 1
    try:
        # Becoming somebody else made /proc/PID unreadable for its own user, through which commands find the places.
        prctl(PR_SET_DUMPABLE, 1)
        if alone is not None:
            alone()
        with spans.span("mounts, names and trials"):
            removing = _prepare(name)
        if meanwhile is not None:
            meanwhile()
        with spans.span("waiting for the trials to go"):
            removing.join()
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


def _prepare(name: str) -> threading.Thread:
    """Make the fresh namespaces usable: own /proc and terminals, a host name, loopback up, and proof that links can be
    made, and whatever places need. Gives who removes that proof, for which the kernel takes 40 ms.
    """
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
        if not identity.is_machines_root():  # whose user namespace is the machine's
            Path(_USER_NAMESPACES).write_text("0", encoding="ascii")
        # Places write here as well, into what is theirs of it: whoever fills it leaves the lab room for all else.
        mount("tmpfs", OWN_FILES, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=755,size={own_files.SIZE}")
        # What is named here later is named in the lab's shell as well, which has a mount namespace of its own.
        mount("/run/netns", "/run/netns", "none", MS_BIND)
        mount("none", "/run/netns", "none", MS_SHARED)
        _unify_cgroups()
        sethostname(name[:64])
        with RouteSocket() as netlink:
            netlink.execute([interface.loopback_up()])
            probe = Interface(place="", name="probe", kind="bridge", mac="", mtu=1500)
            # Where tunnels' modules are loaded (ipip, gre, sit), a fresh namespace has devices of theirs.
            index = max(interface.read(netlink, "").indexes.values()) + 1
            netlink.execute([interface.add(probe, index, {}, None)])
        # What places need later, when something first runs in them.
        needed_calls.require()
        sysfs = fsmount("sysfs", MOUNT_ATTR_RDONLY)
        removing = threading.Thread(target=_remove, args=(index, sysfs), name="removing the probes")
        removing.start()
    except OSError as error:
        raise _refusal(error, powerless=True) from error
    for file, text in (
        ("resolv.conf", ""),
        ("hosts", "127.0.0.1 localhost\n"),
        ("hostname", f"{name}\n"),
        # iptables takes protocol names from here, each distribution has others, and a bare Debian has none.
        ("protocols", _PROTOCOLS),
    ):
        Path("/etc", file).write_text(text, encoding="utf-8")
    return removing


def _refusal(error: OSError, *, powerless: bool, as_root: bool = False) -> MachineError:
    """Why there are no namespaces here, or none of any use."""
    from lab.kernel.host import forbidding  # noqa: PLC0415  a lab that comes up starts without it

    refused = forbidding.confinement(error)
    if refused is None:
        known = forbidding.namespaces_refused(powerless, as_root=as_root)
        refused = MachineError(f"{known.message}: {error.strerror}", known.hint)
    return refused


def _remove(index: int, mounted: int) -> None:
    os.close(mounted)
    with RouteSocket() as netlink:
        netlink.execute([interface.remove(index)])


def _unify_cgroups() -> None:
    """crun refuses a hybrid layout: where cgroup2 is mounted beside the old kind, show it alone, here only."""
    if not (_CGROUP / "cgroup.controllers").exists() and _CGROUP2_OF_HYBRID.is_dir():
        mount(str(_CGROUP2_OF_HYBRID), str(_CGROUP), "none", MS_BIND)
