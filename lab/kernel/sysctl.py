"""Settings under /proc/sys of a place. What belongs to one device travels with its link instead (device_settings)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.network.objects import Sysctl
from lab.plan.commands import sysctl_path

ROOT = Path("/proc/sys")


def write(setting: Sysctl) -> None:
    """Write it in the calling thread's namespace. OSError when the kernel has no such setting or refuses the value."""
    with open(f"{ROOT}/{sysctl_path(setting.name)}", "w", encoding="ascii") as file:
        file.write(setting.value)


def read(place: str, names: Iterable[str]) -> Iterator[Sysctl]:
    """The values of these settings in the calling thread's namespace; those that do not exist are left out."""
    for name in names:
        try:
            with open(f"{ROOT}/{sysctl_path(name)}", encoding="ascii") as file:
                yield Sysctl(place, name, file.read().strip().replace("\t", " "))
        except FileNotFoundError:
            continue
