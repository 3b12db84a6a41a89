"""Making the control groups of a lab, and removing them.

`unified` does where the machine has the unified hierarchy, else `separate`. A group outlives its last process until
somebody removes its folder: the next command that finds the lab ended does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import MachineError
from lab.kernel.sandbox.cgroups import separate, unified

if TYPE_CHECKING:
    from lab.kernel.sandbox.confinement import Limits

RECORD = "cgroups"
"""The file in the lab's folder on the machine that tells which folders were made."""

MEMORY, PIDS, CPU = "memory", "pids", "cpu"


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
    try:
        found = _made(lab, _wanted(limits), owner)
    except OSError:
        found = Groups()
    lacking = [name for name in limits.named if name in (MEMORY, CPU) and name not in found.kept]
    if lacking:
        remove(found.made, lab)
        told = f"--limit {lacking[0]}: this machine has no control group for it that is ours to make"
        raise MachineError(told, unified.remedy(lacking[0]) if unified.is_there() else "leave it out; or as root")
    return found


def _made(lab: str, wanted: dict[str, int], owner: tuple[int, int]) -> Groups:
    own = _own()
    if unified.is_there():
        one = unified.make(lab, wanted, owner, own.get("", ""))
        return Groups((str(one.places),), one.kept, (str(one.group),)) if one else Groups()
    groups = separate.make(lab, wanted, owner, own)
    paths = tuple(map(str, groups.values()))
    return Groups(paths, frozenset(groups), paths)


def remove(made: Iterable[str], lab: str) -> bool:
    """Remove the folders of a lab that has ended. Only what can be that lab's group is touched, and only when empty:
    who wrote down which they are may have been a program of the lab.

    Whether nothing is left of them: a program that is just ending keeps its group for a moment.
    """
    groups = [Path(path) for path in made if path]
    of_it = [one for one in groups if one.is_relative_to(unified.ROOT) and one.name == f"{unified.PREFIX}{lab}"]
    left = [one for one in of_it if ".." not in one.parts and not unified.remove(one)]
    return not left


def there() -> dict[str, list[str]]:
    """The groups beside where ours would be, by the names of their labs, living or not."""
    found: dict[str, list[str]] = {}
    with suppress(OSError):
        for around in _around():
            with suppress(OSError):
                for entry in os.scandir(around):
                    if entry.name.startswith(unified.PREFIX) and entry.is_dir():
                        found.setdefault(entry.name.removeprefix(unified.PREFIX), []).append(entry.path)
    return found


def _around() -> Iterator[Path]:
    own = _own()
    if unified.is_there():
        return (one.folder for one in unified.around(own.get("", "")))
    return (folder for _, folder in separate.around(own))


def _own() -> dict[str, str]:
    """The path of our own group in each hierarchy, by controller: `""` for the unified one."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _wanted(limits: Limits) -> dict[str, int]:
    """The value of each limit by the name of its controller; nothing for a share of all processors."""
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    found = {MEMORY: limits.memory or half, PIDS: limits.pids, CPU: limits.cpu * unified.PERIOD // 100}
    return {name: value for name, value in found.items() if value}
