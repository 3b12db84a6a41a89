"""What the lab's nodes say of the machine: all of them run on this one."""

from __future__ import annotations

import os
import platform

from lab.api.discovery.release import VERSION
from lab.control.own_objects import Machine


def node_info() -> Machine:
    """As `kubectl describe node` and `get nodes -o wide` show it."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    info = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "operatingSystem": "linux",
        "kernelVersion": platform.release(),
        "osImage": _os_image(),
        "containerRuntimeVersion": "hoplab://crun",
        "kubeletVersion": VERSION,
        "kubeProxyVersion": VERSION,
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
    }
    return Machine(info, {"cpu": str(os.cpu_count() or 1), "memory": f"{pages // 1024}Ki"})


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "Linux"
