"""Settings under /proc/sys of a place. What belongs to one device travels with its link instead (device_settings)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from lab.network.objects import Sysctl
from lab.plan.commands import sysctl_path

ROOT = "/proc/sys"
WITHOUT = {"net.bridge.bridge-nf-call-iptables": "0"}
"""What it is like where there is no such setting: nothing on a bridge meets iptables before br_netfilter is loaded."""


_OF_LINKS = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.(?!(?:all|default)\.)(.+)\.")


def link_of(name: str) -> str:
    """The interface that the setting is about, "" where it is about none or all."""
    found = _OF_LINKS.match(name)
    return found.group(1) if found else ""


def write(setting: Sysctl) -> None:
    """Write it in the calling thread's namespace. OSError when the kernel has no such setting or refuses the value, but
    not when it is without the setting as the value says.
    """
    # Without Python's file objects: there are three settings in each of a thousand pods.
    try:
        file = os.open(f"{ROOT}/{sysctl_path(setting.name)}", os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if WITHOUT.get(setting.name) == setting.value:
            return
        raise
    try:
        os.write(file, setting.value.encode())
    finally:
        os.close(file)


def read(place: str, names: Iterable[str]) -> Iterator[Sysctl]:
    """The values of these settings in the calling thread's namespace; those that do not exist are left out, or said to
    be as the kernel is without them.
    """
    for name in names:
        try:
            file = os.open(f"{ROOT}/{sysctl_path(name)}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if name in WITHOUT:
                yield Sysctl(place, name, WITHOUT[name])
            continue
        try:
            value = os.read(file, 4096)
        finally:
            os.close(file)
        yield Sysctl(place, name, value.decode().strip().replace("\t", " "))
