"""Going into a lab's places from outside: its namespaces are reached through its init's /proc entry."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.errors import LabError
from lab.kernel.sandbox import own_files
from lab.kernel.syscalls import CLONE_NEWNET, CLONE_NEWUSER, setns
from lab.network.place_names import OWN_FILES, UNDERLAY, netns_name

_NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)


@contextmanager
def inside(netns: int) -> Iterator[None]:
    """The calling thread is in the network namespace `netns` (a file descriptor) for the block, then back.

    A socket belongs to the namespace in which it was made, so this is all it takes to have one there.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(netns, CLONE_NEWNET)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running lab as others see it: the process id of its init."""

    pid: int

    def open_netns(self, place: str) -> int:
        """A file descriptor of the place's network namespace; the caller closes it. LabError when it has lost its name,
        or the lab has ended.
        """
        path = (
            f"/proc/{self.pid}/ns/net" if place == UNDERLAY else f"/proc/{self.pid}/root/run/netns/{netns_name(place)}"
        )
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise self._lost(place) from None
        try:
            fcntl.ioctl(opened, _NS_GET_NSTYPE)
        except OSError:  # the file on which it was mounted
            os.close(opened)
            raise self._lost(place) from None
        return opened

    def _lost(self, place: str) -> LabError:
        if not os.path.isdir(f"/proc/{self.pid}/root{OWN_FILES}"):
            return LabError("the lab has just ended", "./inv up builds it again")
        told = f"{place} has lost its name: /run/netns/{netns_name(place)} is no network namespace any more"
        return LabError(
            told, "somebody took it away (`ip netns del`, `umount`); `./inv up` with the lab's file mends it"
        )

    def own_file(self, place: str, name: str) -> str:
        """The text of the place's own `resolv.conf`, `hosts` or `hostname`, as whoever is in the place sees it below
        /etc; "" where there is none. It may have been edited since the lab wrote it. LabError when the lab has ended.
        """
        root = f"/proc/{self.pid}/root"
        try:
            return own_files.part(f"{root}{OWN_FILES}/{netns_name(place)}/{name}").decode(errors="replace")
        except FileNotFoundError:
            if not os.path.isdir(f"{root}{OWN_FILES}"):
                raise LabError("the lab has just ended", "./inv up builds it again") from None
            return ""

    def join_user_namespace(self) -> None:
        """Become root of the lab's user namespace, for good. Nothing to do where the lab runs in ours (one that
        is privileged).

        Must be called while the process has a single thread: the kernel refuses it otherwise. The network namespace
        stays the caller's, and there is no way back into it: enter the underlay before visiting places with `inside`.
        """
        theirs = f"/proc/{self.pid}/ns/user"
        if os.readlink(theirs) != os.readlink("/proc/self/ns/user"):
            fd = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
            try:
                setns(fd, CLONE_NEWUSER)
            finally:
                os.close(fd)
