"""What a container must be given so that labs can be built in it, and how each runtime gives it.

docs/platforms.md has the same table, deploy/pod.yaml the same fields, and the tests of the image take each away.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

PODMAN, DOCKER, KUBERNETES = "podman", "docker", "Kubernetes"
# What tells that one is in a container of each. CRI-O leaves podman's file as well, so Kubernetes comes first.
_VARIABLE, _FILES = "KUBERNETES_SERVICE_HOST", {"/run/.containerenv": PODMAN, "/.dockerenv": DOCKER}


@dataclass(frozen=True, slots=True)
class Privilege:
    """`given`: by the runtime's name the words, or the fields of a Pod, that give it."""

    name: str
    needed_for: str
    given: Mapping[str, str]

    def how(self, name: str) -> str:
        """How the runtime of that name gives it; where it is not known which one it is, how each does."""
        if name in self.given:
            return f"{name}: {self.given[name]}"
        return "; ".join(f"{each}: {words}" for each, words in self.given.items())

    def hint(self) -> str:
        """What to do in this container to have it."""
        return f"have the container run with {self.how(runtime())}; docs/platforms.md has all that it needs"


CALLS = Privilege(
    "system calls",
    "namespaces and mounts of the lab's own",
    {
        PODMAN: "--security-opt seccomp=deploy/seccomp.json",
        DOCKER: "--security-opt seccomp=deploy/seccomp.json",
        KUBERNETES: "seccompProfile: {type: Localhost, localhostProfile: hoplab.json}",
    },
)
WHOLE = Privilege(
    "all of /proc and /sys",
    "those of each place: the kernel gives fresh ones only to who sees all of the old ones",
    {
        PODMAN: "--security-opt unmask=ALL",
        DOCKER: "--security-opt systempaths=unconfined",
        KUBERNETES: "procMount: Unmasked, and hostUsers: false",
    },
)
FOLDER = Privilege(
    "a folder to write in",
    "the lab's socket, log and kubeconfig, where the root file system is read-only",
    {PODMAN: "--tmpfs /tmp", DOCKER: "--tmpfs /tmp", KUBERNETES: "an emptyDir at /tmp"},
)
UNCONFINED = Privilege(
    "no AppArmor profile",
    "mounts, which those of the runtimes forbid",
    {
        PODMAN: "--security-opt apparmor=unconfined",
        DOCKER: "--security-opt apparmor=unconfined",
        KUBERNETES: "appArmorProfile: {type: Unconfined}",
    },
)
UNLABELLED = Privilege(
    "no SELinux label",
    "mounts, which a container's may not make",
    {
        PODMAN: "--security-opt label=disable",
        DOCKER: "--security-opt label=disable",
        KUBERNETES: "seLinuxOptions: {type: spc_t}",
    },
)
PRIVILEGES = (CALLS, WHOLE, FOLDER)
"""Needed on every machine."""
OF_SOME_MACHINES = (UNCONFINED, UNLABELLED)
"""Needed as well where the machine has what confines so."""


@cache
def runtime() -> str:
    """What has started the container in which we are; "" where that is not known, or there is none."""
    if _VARIABLE in os.environ:
        return KUBERNETES
    return next((name for path, name in _FILES.items() if os.path.exists(path)), "")
