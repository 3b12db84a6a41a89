"""Where in the unified hierarchy (cgroups(7)) a lab's groups are made, and how.

    the group around ─┬─ hoplab-LAB ─┬─ agent      the agent, not bounded
                      │              └─ places     what runs in places, with the limits
                      └─ hoplab.others             whoever was in the group around, where that is one of our own

Whoever moves a process must be let write who is in its new group, and in the first group above the old and the new one.
That is why the agent moves as well: the lab's root, who is nobody else outside, may choose within `hoplab-LAB` alone.

A group bounds only by what the one around it offers, and no setting of a group that is not ours is changed to have it
offer more: it would be changed for all others in there. So the lab's is made

1. in the group of whoever starts the lab, if systemd says that it was given away (`Delegate=yes`): what bounds that one
   bounds the lab, and whoever ends it ends the lab. It is ours, so all in it move into a child, without which the
   kernel lets it offer nothing; or else
2. in the uppermost that we may write in of those around whoever starts the lab: for root the machine's root group, for
   an ordinary user that of their systemd (`user@UID.service`), if they were started below it. None below it offers more
   (a session's seldom offers the processor), and there no one tidies up: systemd removes what is empty in a session's
   slice when its user logs out, and a lab's places may be idle by then.

An ordinary user who came in over SSH is in a group that is only root's to write in, so neither is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.sandbox.cgroups.cgroup import enter

ROOT = Path("/sys/fs/cgroup")
PREFIX = "hoplab-"
PLACES, AGENT = "places", "agent"
OTHERS = "hoplab.others"  # no lab's name has a dot
PERIOD = 100_000  # microseconds, the kernel's own
_TRIES = 100  # whoever forks while being moved has children that were not: rarely more than once
_DELEGATED = "user.delegate"  # systemd.resource-control(5), since 251
_TEXTS = {"memory": "{}", "pids": "{}", "cpu": f"{{}} {PERIOD}"}


@dataclass(frozen=True, slots=True)
class Around:
    """A group in which a lab's may be made. `emptied`: it is one of our own, whose members move into a child first."""

    folder: Path
    emptied: bool = False

    def offered(self) -> frozenset[str]:
        """The controllers with which groups made in it can bound."""
        name = "cgroup.controllers" if self.emptied else "cgroup.subtree_control"
        return frozenset((self.folder / name).read_text(encoding="ascii").split())


@dataclass(frozen=True, slots=True)
class Made:
    """The group of a lab, and which of the limits it keeps."""

    group: Path
    kept: frozenset[str]

    @property
    def places(self) -> Path:
        return self.group / PLACES


def is_there(root: Path = ROOT) -> bool:
    return (root / "cgroup.controllers").exists()


def around(own: str, root: Path = ROOT) -> Iterator[Around]:
    """The groups in which one may be made by us, the best first. `own` is the path of ours in the hierarchy."""
    if ".." in own:
        return  # we are outside of what is shown here
    there = root / own.strip("/")
    if there.name == OTHERS:
        there = there.parent  # where an earlier lab has moved us from
    if there != root and _is_delegated(there) and _may_build(there):
        yield Around(there, emptied=True)
    for folder in (*reversed(there.relative_to(root).parents), there.relative_to(root)):
        if _may_build(root / folder):
            yield Around(root / folder, emptied=root / folder == there != root)
            return


def make(lab: str, wanted: Mapping[str, int], owner: tuple[int, int], own: str, root: Path = ROOT) -> Made | None:
    """The lab's group, with the limits that are kept there, by their controllers; the calling process is in it from
    now on. Who else is in it, `owner` chooses: a uid and a gid. None where there is nowhere to make one.
    """
    for found in around(own, root):
        with suppress(OSError):
            kept = frozenset(wanted) & found.offered()
            if kept:
                return _build(found, lab, {name: wanted[name] for name in kept}, owner)
    return None


def _build(found: Around, lab: str, limits: Mapping[str, int], owner: tuple[int, int]) -> Made:
    group = found.folder / f"{PREFIX}{lab}"
    places, agent = group / PLACES, group / AGENT
    try:
        for folder in (group, places, agent):
            folder.mkdir(exist_ok=True)
        enter([str(agent)])
        if found.emptied:
            _empty(found.folder)
            _offer(found.folder, limits)
        _offer(group, limits)
        for name, value in limits.items():
            (places / f"{name}.max").write_text(_TEXTS[name].format(value), encoding="ascii")
        if "memory" in limits:
            with suppress(FileNotFoundError):  # a kernel that does not swap
                (places / "memory.swap.max").write_text("0", encoding="ascii")
        # The limits themselves stay whose they are, and who is in a place has no way into the agent's group.
        for folder in (group, places):
            os.chown(folder / "cgroup.procs", *owner)
    except OSError:
        with suppress(OSError):
            enter([str(found.folder)])
        remove(group)
        raise
    return Made(group, frozenset(limits))


def _offer(folder: Path, limits: Mapping[str, int]) -> None:
    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(limits)), encoding="ascii")


def _empty(folder: Path) -> None:
    """Move all members of a group that is our own into a child of it."""
    others = folder / OTHERS
    others.mkdir(exist_ok=True)
    for _ in range(_TRIES):
        members = (folder / "cgroup.procs").read_text(encoding="ascii").split()
        for pid in members:
            with suppress(ProcessLookupError):
                enter([str(others)], int(pid))
        if not members:
            return


def remove(group: Path) -> bool:
    """Remove a lab's group of which no process is left. Whether it is gone."""
    with suppress(OSError):
        if "populated 1" in (group / "cgroup.events").read_text(encoding="ascii"):
            return False  # its places may be idle, but not it
    for folder in (group / PLACES, group / AGENT, group):
        with suppress(OSError):
            os.rmdir(folder)
    return not group.is_dir()


def _may_build(folder: Path) -> bool:
    return all(
        os.access(path, os.W_OK) for path in (folder, folder / "cgroup.procs", folder / "cgroup.subtree_control")
    )


def _is_delegated(folder: Path) -> bool:
    try:
        return os.getxattr(folder, _DELEGATED) == b"1"
    except OSError:
        return False


def remedy(name: str, root: Path = ROOT, systemd: Path = Path("/run/systemd/system")) -> str:
    """What whoever asked for the limit of this controller can do where it cannot be kept."""
    uid = os.geteuid()
    if os.access(root / "cgroup.subtree_control", os.W_OK):
        giving, able = "--scope", root
    else:
        giving, able = "--user --scope", root / f"user.slice/user-{uid}.slice/user@{uid}.service"
    able = able / "cgroup.controllers"
    there = able.exists() and name in able.read_text(encoding="ascii").split()
    if there and systemd.is_dir():
        return f"leave it out; or have systemd give you a group: systemd-run {giving} -p Delegate=yes ./inv up …"
    if there and uid == 0:
        return f"leave it out; or have all groups offer it: echo +{name} > {root}/cgroup.subtree_control"
    return "leave it out" if uid == 0 else "leave it out; or as root"
