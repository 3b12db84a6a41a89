"""Settings under /proc/sys of a place. What belongs to one device travels with its link instead (device_settings)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from lab.network.objects import Sysctl
from lab.plan.commands import sysctl_path

ROOT = "/proc/sys"


def write(setting: Sysctl) -> None:
    """Write it in the calling thread's namespace. OSError when the kernel has no such setting or refuses the value."""
    # Without Python's file objects: there are three settings in each of a thousand pods.
    file = os.open(f"{ROOT}/{sysctl_path(setting.name)}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, setting.value.encode())
    finally:
        os.close(file)


def read(place: str, names: Iterable[str]) -> Iterator[Sysctl]:
    """The values of these settings in the calling thread's namespace; those that do not exist are left out."""
    for name in names:
        try:
            file = os.open(f"{ROOT}/{sysctl_path(name)}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            value = os.read(file, 4096)
        finally:
            os.close(file)
        yield Sysctl(place, name, value.decode().strip().replace("\t", " "))
