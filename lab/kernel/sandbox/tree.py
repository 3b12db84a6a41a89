"""A root file system while it is made: folders, files and mounts below one folder, and the step into it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.syscalls import (
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    fsmount,
    mount,
    mount_setattr,
    move_mount,
    open_tree,
    pivot_root,
    umount,
)

SEALED = MS_NOSUID | MS_NODEV | MS_NOEXEC
# Folders of the machine that are links into /usr on all but the oldest distributions.
LINKED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A file or folder of the machine with all that is mounted below it, taken before the tree's stage hides it."""

    path: str
    mounted: int  # the descriptor of a detached copy
    is_folder: bool


def take(path: str, source: str = "") -> Taken:
    """What is at `source`, or else at `path`, to be shown at `path`. OSError when it is not there, or on refusal."""
    source = os.path.realpath(source or path)
    return Taken(path, open_tree(source), os.path.isdir(source))


class Tree:
    """Made upon `stage`, a folder that every machine has; `size` and `files` bound what may be written into it
    (tmpfs(5)): so many bytes, and, where it is given, so many files.
    """

    def __init__(self, stage: str, size: int, files: int = 0) -> None:
        self._stage = stage
        most = f",nr_inodes={files}" if files else ""
        mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=755,size={size}{most}")

    def at(self, path: str) -> str:
        """Where what is to be at `path` stands while the tree is made."""
        return f"{self._stage}{path}"

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Make it, and those above it that are missing."""
        os.makedirs(self.at(path), exist_ok=True)
        if mode != 0o755:
            os.chmod(self.at(path), mode)

    def file(self, path: str, content: str = "") -> None:
        Path(self.at(path)).write_text(content, encoding="utf-8")

    def link(self, path: str, target: str) -> None:
        os.symlink(target, self.at(path))

    def linked(self) -> None:
        """/bin, /lib and the like as the machine has them: links, or on older ones folders."""
        for name in LINKED:
            if os.path.islink(f"/{name}"):
                self.link(f"/{name}", os.readlink(f"/{name}"))
            elif os.path.isdir(f"/{name}"):
                self.show(take(f"/{name}"))

    def bind(self, source: str, path: str) -> None:
        """Show a file or folder, with all that is mounted below it, as it is where we are."""
        if os.path.isdir(source):
            self.folder(path)
        else:
            self.folder(os.path.dirname(path))
            self.file(path)
        mount(source, self.at(path), "none", MS_BIND | MS_REC)

    def show(self, taken: Taken, userns: int = 0) -> None:
        """Show it read-only. With `userns` as if its owners were of that user namespace, where the file system can do
        that: then its root may read whatever root may. OSError on refusal.
        """
        mount_setattr(taken.mounted, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
        if userns:
            with suppress(OSError):  # not every file system can: then its files are everybody's, or nobody's
                mount_setattr(taken.mounted, MOUNT_ATTR_IDMAP, userns, recursive=False)
        self._put(taken)

    def share(self, taken: Taken) -> None:
        """Show it as it is, to be written by whom its owners let. OSError on refusal."""
        mount_setattr(taken.mounted, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
        self._put(taken)

    def _put(self, taken: Taken) -> None:
        self.folder(taken.path if taken.is_folder else os.path.dirname(taken.path))
        if not taken.is_folder:
            self.file(taken.path)
        move_mount(taken.mounted, self.at(taken.path))
        os.close(taken.mounted)

    def cover(self, path: str) -> None:
        """Nothing is to be seen at this path of the tree: an empty file or an empty folder lies upon it."""
        there = self.at(path)
        if os.path.isdir(there):
            mount("tmpfs", there, "tmpfs", SEALED | MS_RDONLY, "size=4k,mode=555")
        elif os.path.exists(there):
            mount("/dev/null", there, "none", MS_BIND)

    def freeze(self, path: str) -> None:
        """What is at this path of the tree can be read only."""
        there = self.at(path)
        if os.path.exists(there):
            mount(there, there, "none", MS_BIND | MS_REC)
            mount("none", there, "none", MS_BIND | MS_REMOUNT | MS_RDONLY | SEALED)

    def system(self, path: str) -> None:
        """/sys of the network namespace, read-only from its first moment: in a container, whose own is read-only, the
        kernel gives no other (mount_namespaces(7)). The mount alone is: a file system that is read-only itself can be
        shown in no other way by anybody after us.
        """
        self.folder(path)
        made = fsmount("sysfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
        move_mount(made, self.at(path))
        os.close(made)

    def devices(self) -> None:
        """/dev: those that everybody may use, and no others. Terminals are for `terminals` to add."""
        self.folder("/dev/shm", 0o1777)  # noqa: S108  in the tree that is made
        self.folder("/dev/pts")
        for name in _DEVICES:
            self.file(f"/dev/{name}")
            mount(f"/dev/{name}", self.at(f"/dev/{name}"), "none", MS_BIND)
        for name, target in _DEVICE_LINKS.items():
            self.link(f"/dev/{name}", target)

    def terminals(self) -> None:
        """/dev/pts: terminals of its own, which nobody else can open."""
        mount("devpts", self.at("/dev/pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")

    def usual(self) -> None:
        """The folders that programs expect to be theirs to write."""
        for path in ("/home", "/mnt", "/srv", "/run/lock", "/var/cache", "/var/lib", "/var/log", "/var/spool"):
            self.folder(path)
        self.folder("/root", 0o700)
        for path in ("/tmp", "/var/tmp"):  # noqa: S108  as above
            self.folder(path, 0o1777)
        self.link("/var/run", "/run")
        self.link("/var/lock", "/run/lock")

    def enter(self) -> None:
        """Make it the root of the calling process's mount namespace, and let go of what was the root before."""
        old = "/mnt"
        os.chdir(self._stage)
        pivot_root(".", old[1:])
        os.chdir("/")
        umount(old)
