"""The control groups of a lab: what bounds the memory, the processors and the number of all programs in its places.

Where the machine has the unified hierarchy (cgroups(7)), a group beside that of whoever starts the lab, if it was
delegated to them; where it has the old ones, groups below theirs, which only root may make. The agent stays outside of
what is bounded: a program that takes all it can get does not take the lab with it.

A group outlives its last process until somebody removes its folder: the next command that finds the lab ended does.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import MachineError

if TYPE_CHECKING:
    from lab.kernel.sandbox.confinement import Limits

INSIDE = "/run/hoplab/cgroup"
"""Where the sandbox shows the groups that its programs are to enter, a folder for each."""

RECORD = "cgroups"
"""The file in the lab's folder on the machine that tells which folders were made."""

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "hoplab-"
MEMORY, PIDS, CPU = "memory", "pids", "cpu"
_PLACES, _OURS = "places", "agent"  # within a group of the unified hierarchy
_PERIOD = 100_000  # microseconds, the kernel's own


@dataclass(frozen=True, slots=True)
class Groups:
    """Folders that programs of places enter, which of the limits they keep, and all folders that were made."""

    entered: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    made: tuple[str, ...] = ()


def make(lab: str, limits: Limits, owner: tuple[int, int]) -> Groups:
    """Groups that keep these limits as far as this machine lets us, their members chosen by `owner`, a uid and a gid.

    MachineError when a limit that was asked for by name cannot be kept.
    """
    wanted = _wanted(limits)
    try:
        found = _unified(lab, wanted, owner) if (_ROOT / "cgroup.controllers").exists() else _old(lab, wanted, owner)
    except OSError:
        found = Groups()
    lacking = [name for name in limits.named if name in (MEMORY, CPU) and name not in found.kept]
    if lacking:
        remove(found.made, lab)
        raise MachineError(
            f"--limit {lacking[0]}: this machine has no control group for it that is ours to make",
            "leave it out; or as root; or in a delegated group: systemd-run --user --scope -p Delegate=yes ./inv up …",
        )
    return found


def enter(folders: Iterable[str], pid: int = 0) -> None:
    """Put a process, or the calling one, into these groups. OSError when it may not."""
    for folder in folders:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))


def inside(root: str = "") -> tuple[str, ...]:
    """The groups as the sandbox shows them, whose root file system is seen at `root`; none where there are none."""
    with suppress(FileNotFoundError):
        return tuple(sorted(entry.path for entry in os.scandir(f"{root}{INSIDE}")))
    return ()


def killed_for_memory() -> int:
    """How many programs of the lab's places the kernel has ended because their memory was used up."""
    for folder in inside():
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = dict(line.split() for line in Path(folder, name).read_text(encoding="ascii").splitlines())
                return int(words.get("oom_kill", 0))
    return 0


def remove(made: Iterable[str], lab: str) -> bool:
    """Remove the folders of a lab that has ended. Only what can be a lab's group is touched, and only when empty.

    Whether nothing is left of them: a program that is just ending keeps its group for a moment.
    """
    left = False
    for path in made:
        if path.startswith(f"{_ROOT}/") and f"/{_PREFIX}{lab}" in path and ".." not in path:
            for folder in (f"{path}/{_PLACES}", f"{path}/{_OURS}", path):
                with suppress(OSError):
                    os.rmdir(folder)
            left = left or os.path.isdir(path)
    return not left


def sweep(alive: Container[str]) -> None:
    """Remove the groups beside where ours would be of labs that are not among these: of some nothing else is left that
    could tell of them. One that still has members stays.
    """
    for controller in (MEMORY, PIDS, CPU, ""):
        with suppress(OSError):  # there is no such hierarchy
            own = Path(f"{_ROOT}/{controller}{_own(controller)}")
            for entry in os.scandir(own if controller else own.parent):
                name = entry.name.removeprefix(_PREFIX)
                if entry.name.startswith(_PREFIX) and entry.is_dir() and name not in alive:
                    remove((entry.path,), name)


def _own(controller: str) -> str:
    """The path of our own group in a hierarchy: `""` for the unified one."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    raise FileNotFoundError(2, os.strerror(2), controller)


def _wanted(limits: Limits) -> dict[str, int]:
    """The value of each limit by the name of its controller; nothing for a share of all processors."""
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    found = {MEMORY: limits.memory or half, PIDS: limits.pids, CPU: limits.cpu * _PERIOD // 100}
    return {name: value for name, value in found.items() if value}


def _unified(lab: str, wanted: dict[str, int], owner: tuple[int, int]) -> Groups:
    around = Path(f"{_ROOT}{_own('')}").parent
    if not around.is_relative_to(_ROOT):
        around = _ROOT
    group = around / f"{_PREFIX}{lab}"
    offered = (around / "cgroup.subtree_control").read_text(encoding="ascii").split()
    kept = frozenset(wanted) & frozenset(offered)
    if not kept:
        return Groups()
    for folder in (group, group / _PLACES, group / _OURS):
        folder.mkdir(exist_ok=True)
    enter([str(group / _OURS)], os.getpid())  # a group with members of its own has no limits for those below it
    (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(kept)), encoding="ascii")
    texts = {MEMORY: "{}", PIDS: "{}", CPU: f"{{}} {_PERIOD}"}
    for name in kept:
        (group / _PLACES / f"{name}.max").write_text(texts[name].format(wanted[name]), encoding="ascii")
    _give(owner, group, group / _PLACES, group / _OURS)
    return Groups((str(group / _PLACES),), kept, (str(group),))


def _old(lab: str, wanted: dict[str, int], owner: tuple[int, int]) -> Groups:
    files = {MEMORY: "memory.limit_in_bytes", PIDS: "pids.max", CPU: "cpu.cfs_quota_us"}
    made: dict[str, str] = {}
    for name, value in wanted.items():
        with suppress(OSError):  # not mounted, or not ours to make
            group = Path(f"{_ROOT}/{name}{_own(name)}") / f"{_PREFIX}{lab}"
            group.mkdir(exist_ok=True)
            (group / files[name]).write_text(str(value), encoding="ascii")
            _give(owner, group)
            made[name] = str(group)
    return Groups(tuple(made.values()), frozenset(made), tuple(made.values()))


def _give(owner: tuple[int, int], *groups: Path) -> None:
    """Let the lab's root choose who is in them: the limits themselves stay whose they are."""
    for group in groups:
        for name in ("cgroup.procs", "tasks"):
            with suppress(FileNotFoundError):
                os.chown(group / name, *owner)
