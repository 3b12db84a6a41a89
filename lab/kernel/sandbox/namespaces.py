"""The lab's network namespaces, held open by file descriptors and named under /run/netns as `ip netns` names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.kernel.netlink.rtnetlink import interface
from lab.kernel.netlink.transport import RouteSocket
from lab.kernel.syscalls import CLONE_NEWNET, MS_BIND, mount, setns, umount, unshare
from lab.network.place_names import UNDERLAY, netns_name

FOLDER = Path("/run/netns")


def fresh() -> int:
    """The calling thread is in a new namespace from now on, whose loopback is up. Gives its descriptor."""
    unshare(CLONE_NEWNET)
    with RouteSocket() as netlink:
        netlink.execute([interface.loopback_up()])
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespaces:
    """Open namespaces by place. The underlay is the namespace in which this object was made."""

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._fds: dict[str, int] = {UNDERLAY: self._home}
        self._identities: dict[str, tuple[int, int]] = {}

    def __contains__(self, place: str) -> bool:
        return place in self._fds

    @property
    def places(self) -> tuple[str, ...]:
        """Every place but the underlay, in the order in which they were made."""
        return tuple(place for place in self._fds if place != UNDERLAY)

    def fd(self, place: str) -> int:
        return self._fds[place]

    @contextmanager
    def entered(self, place: str) -> Iterator[None]:
        """The calling thread, which is in the underlay, is in the place's namespace for the block."""
        setns(self._fds[place], CLONE_NEWNET)
        try:
            yield
        finally:
            setns(self._home, CLONE_NEWNET)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """The calling thread is in a new namespace for the block, of which nothing is left behind it."""
        try:
            unshare(CLONE_NEWNET)
            yield
        finally:
            setns(self._home, CLONE_NEWNET)

    def create(self, place: str, made: int | None = None) -> None:
        """A new namespace with its loopback up, and its name under /run/netns. `made` is such a one that is open
        already, and that nobody else uses.
        """
        if made is None:
            try:
                made = fresh()
            finally:
                setns(self._home, CLONE_NEWNET)
        self._fds[place] = made
        self.name(place)

    def name(self, place: str) -> None:
        """Give an open namespace its name under /run/netns."""
        path = FOLDER / netns_name(place)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o444))
        except FileExistsError:  # somebody unmounted what was there, or mounted something else
            with suppress(OSError):
                umount(
                    str(path)
                )  # what is mounted over another's name is mounted over that as well, where it is shared
        mount(f"/proc/self/fd/{self._fds[place]}", str(path), "none", MS_BIND)

    def is_named(self, place: str) -> bool:
        """False when `ip netns del`, or an unmounting, took the name away; the namespace itself lives for as long as it
        is held open here.
        """
        if place == UNDERLAY:
            return True
        try:
            found = os.stat(f"{FOLDER}/{netns_name(place)}")
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity(place)

    def _identity(self, place: str) -> tuple[int, int]:
        """By which the kernel knows the namespace, whatever it is called."""
        if place not in self._identities:
            held = os.fstat(self._fds[place])
            self._identities[place] = held.st_dev, held.st_ino
        return self._identities[place]

    @property
    def nameless(self) -> tuple[str, ...]:
        """The places whose names somebody has taken away."""
        return tuple(place for place in self.places if not self.is_named(place))

    def adopt(self, names: dict[str, str]) -> None:
        """Open namespaces that somebody else made under /run/netns: place by namespace name."""
        for path in sorted(FOLDER.iterdir()):
            place = names.get(path.name)
            if place and place not in self._fds:
                self._fds[place] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def remove(self, place: str) -> None:
        """Take the name away and let go; the kernel takes the links with the namespace when its last process has
        left.
        """
        path = FOLDER / netns_name(place)
        with suppress(OSError):  # somebody took it away before
            umount(str(path))
        path.unlink(missing_ok=True)
        self._identities.pop(place, None)
        os.close(self._fds.pop(place))
