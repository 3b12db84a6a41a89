"""The sandbox's root file system: what of the machine the lab needs, read-only, and folders of its own to write.

It is made before the sandbox's user namespace is entered, so that nothing in there can uncover, move or open for
writing what is mounted here: the kernel locks what comes from a more powerful namespace (mount_namespaces(7)). There is
no home of anybody, no /run and no /tmp of the machine in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.sandbox.tree import Tree, take
from lab.kernel.syscalls import MS_REC, MS_SLAVE, mount

_STAGE = "/tmp"  # noqa: S108  a mount point for a moment, no file is made there
_SIZE = 512 << 20
MACHINES_ETC = "/etc/.host"
"""The machine's /etc, read-only and without its secrets; the entries of our own lead into it."""

OWN = ("netns", "resolv.conf", "hosts", "hostname", "protocols", "mtab")
"""Entries of /etc that are not the machine's: written when the sandbox is made, or a place's own."""

# What only root of the machine reads, by name: an ordinary user's lab could not anyway.
_SECRETS = (
    "shadow",
    "shadow-",
    "gshadow",
    "gshadow-",
    "sudoers",
    "sudoers.d",
    "krb5.keytab",
    "security/opasswd",
    "ssl/private",
    "pki/tls/private",
    "letsencrypt",
    "wireguard",
    "NetworkManager/system-connections",
    "kubernetes",
    "rancher",
)
_HOST_KEYS = "ssh"  # this folder has public files as well


def seal(shown: Sequence[str], shared: Sequence[str] = (), groups: Sequence[str] = (), userns: int = 0) -> None:
    """Make the root and enter it. The calling process is in a mount namespace of its own, and may mount.

    `shown` are files and folders of the machine that our own programs need, beside the system's.
    `shared` are folders that may be written as well, `groups` the lab's control groups. `userns` is that of
    the lab where it is not the caller's: its root reads the system's programs and `shown` as if they were its own.
    OSError when the kernel refuses.
    """
    mount("none", "/", "none", MS_REC | MS_SLAVE)
    programs, own = take("/usr"), [take(path) for path in _outermost(shown)]
    further = [take(path) for path in shared]
    further += [take(f"{cgroup.INSIDE}/{number}", path) for number, path in enumerate(groups)]
    tree = Tree(_STAGE, _SIZE)
    tree.usual()
    tree.linked()
    for taken in (programs, *own):
        tree.show(taken, userns)
    if os.path.isdir("/opt"):
        tree.show(take("/opt"))
    for taken in further:
        tree.share(taken)
    _etc(tree)
    tree.devices()
    for path in ("/proc", "/sys"):
        tree.bind(path, path)
    for path in ("/run/netns", "/etc/netns"):
        tree.folder(path)
    tree.enter()


def give_to(uid: int, gid: int) -> None:
    """Let the sandbox's root, known outside by these ids, write in the folders that are its own. What is shown of the
    machine below them, the person's shared folders above all, stays whose it is: it is no part of our file system.
    """
    own = os.stat("/").st_dev

    def is_ours(path: str) -> bool:
        return os.lstat(path).st_dev == own and not os.path.islink(path)

    os.chown("/", uid, gid)
    for top in filter(is_ours, ("/dev", "/etc", "/home", "/mnt", "/root", "/run", "/srv", "/tmp", "/var")):  # noqa: S108  the sandbox's own
        os.chown(top, uid, gid)
        for folder, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if is_ours(f"{folder}/{name}")]
            for name in folders:
                os.chown(f"{folder}/{name}", uid, gid)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Those that are not in the tree with the system's folders, or with another of them."""
    found = ["/usr", "/opt"]
    for path in sorted(set(paths), key=len):
        if not any(path == one or path.startswith(f"{one}/") for one in found):
            found.append(path)
    return found[2:]


def _etc(tree: Tree) -> None:
    """A folder of links into the machine's own, but for what is to be ours."""
    tree.show(take(MACHINES_ETC, "/etc"))
    there = Path(tree.at(MACHINES_ETC))
    for name in (*_SECRETS, *(f"{_HOST_KEYS}/{path.name}" for path in there.glob(f"{_HOST_KEYS}/ssh_host_*_key"))):
        tree.cover(f"{MACHINES_ETC}/{name}")
    for entry in os.scandir(there):
        if entry.name not in OWN:
            # A link is copied: one to ../usr/lib leads somewhere else from there.
            target = os.readlink(entry.path) if entry.is_symlink() else f"{MACHINES_ETC}/{entry.name}"
            tree.link(f"/etc/{entry.name}", target)
