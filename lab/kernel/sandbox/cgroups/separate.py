"""The old hierarchies (cgroups(7)), one for each controller: a lab's groups are made below those of whoever starts it,
which only root may do. The agent enters none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lab.kernel.sandbox.cgroups.unified import PREFIX, ROOT

_FILES = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpu": "cpu.cfs_quota_us"}


def around(own: Mapping[str, str], root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """Controllers, and the groups in which one is made. `own` are the paths of ours, by controller."""
    for name in _FILES:
        if name in own:
            yield name, root / name / own[name].strip("/")


def make(lab: str, wanted: Mapping[str, int], owner: tuple[int, int], own: Mapping[str, str]) -> dict[str, Path]:
    """The groups that keep these limits, by controller, as far as they are ours to make. Who is in them, `owner`
    chooses, a uid and a gid; the limits themselves stay whose they are.
    """
    made: dict[str, Path] = {}
    for name, folder in around(own):
        with suppress(OSError):  # not mounted, or not ours to make
            if name in wanted:
                group = folder / f"{PREFIX}{lab}"
                group.mkdir(exist_ok=True)
                (group / _FILES[name]).write_text(str(wanted[name]), encoding="ascii")
                for file in ("cgroup.procs", "tasks"):
                    os.chown(group / file, *owner)
                made[name] = group
    return made
