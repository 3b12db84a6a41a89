"""deploy/pod.yaml, or a variant of it, as containerd would have crun run it: an OCI runtime configuration.

What a Pod does not say is as containerd's CRI plugin has it: its mounts, the paths that it hides, its capabilities.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.seccomp import made, read
from tests.integration.labs import ROOT

MANIFEST = ROOT / "deploy" / "pod.yaml"
PROFILES = {"hoplab.json": ROOT / "deploy" / "seccomp.json"}
FIRST_ID, IDS = 1_000_200_000, 65536
"""Of the machine's ids, those that a Pod with `hostUsers: false` has here."""

_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
_MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"),
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_SEALED = ["nosuid", "noexec", "nodev"]
_MOUNTS = (
    ("/proc", "proc", _SEALED),
    ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/dev/mqueue", "mqueue", _SEALED),
    ("/dev/shm", "tmpfs", [*_SEALED, "mode=1777", "size=65536k"]),
    ("/sys", "sysfs", [*_SEALED, "ro"]),
    ("/sys/fs/cgroup", "cgroup", [*_SEALED, "relatime", "ro"]),
)


@dataclass(frozen=True, slots=True)
class Pod:
    """A manifest's `spec`, with one container."""

    spec: dict[str, Any]

    @staticmethod
    def documented() -> Pod:
        return Pod(yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["spec"])

    def without(self, *fields: str) -> Pod:
        """The same without these fields of it, of its container or of the container's securityContext."""
        spec = deepcopy(self.spec)
        container = spec["containers"][0]
        for name in fields:
            held_by = next(held for held in (spec, container, container["securityContext"]) if name in held)
            del held_by[name]
        return Pod(spec)

    def config(self, rootfs: Path, argv: tuple[str, ...], forbidden: str = "") -> str:
        """config.json to run `argv` in it. `forbidden` is a system call that its profile refuses as well."""
        container = self.spec["containers"][0]
        context = container["securityContext"]
        unmasked = context.get("procMount") == "Unmasked"
        kept = () if "ALL" in context.get("capabilities", {}).get("drop", ()) else _CAPABILITIES
        granted = {of: [f"CAP_{name}" for name in kept] for of in ("bounding", "effective", "permitted")}
        ids = [{"containerID": 0, "hostID": FIRST_ID, "size": IDS}]
        own_users = self.spec.get("hostUsers", True) is False
        namespaces = ("pid", "ipc", "uts", "mount", "network", "cgroup", *(("user",) if own_users else ()))
        told = {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": context["runAsUser"], "gid": context["runAsGroup"]},
                "args": list(argv),
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *_VARIABLES],
                "cwd": "/home/learner",
                "capabilities": granted,
                "noNewPrivileges": not context.get("allowPrivilegeEscalation", True),
            },
            "root": {"path": str(rootfs), "readonly": context.get("readOnlyRootFilesystem", False)},
            "hostname": "hoplab",
            "mounts": [*map(_mounted, _MOUNTS), *self._volumes(container.get("volumeMounts", ()))],
            "linux": {
                "namespaces": [{"type": kind} for kind in namespaces],
                **({"uidMappings": ids, "gidMappings": ids} if own_users else {}),
                "maskedPaths": () if unmasked else _MASKED,
                "readonlyPaths": () if unmasked else _READ_ONLY,
                "seccomp": _seccomp(context.get("seccompProfile", {"type": "RuntimeDefault"}), forbidden),
            },
        }
        return json.dumps(told)

    def _volumes(self, mounted: list[dict[str, str]]) -> list[dict[str, object]]:
        """Only emptyDirs in memory are known here."""
        assert all("emptyDir" in volume for volume in self.spec["volumes"])
        return [_mounted((volume["mountPath"], "tmpfs", [*_SEALED, "mode=1777"])) for volume in mounted]


_VARIABLES = ("LANG=C.UTF-8", "KUBERNETES_SERVICE_HOST=172.16.0.1")


def _mounted(one: tuple[str, str, list[str]]) -> dict[str, object]:
    destination, kind, options = one
    return {"destination": destination, "type": kind, "source": kind, "options": options}


def _seccomp(profile: dict[str, str], forbidden: str) -> dict[str, Any]:
    """A file's profile, or in place of containerd's own podman's, which allows more."""
    if profile["type"] == "Localhost":
        told: dict[str, Any] = json.loads(PROFILES[profile["localhostProfile"]].read_text(encoding="utf-8"))
    else:
        told = made(read(), needed=())
    if forbidden:
        for rule in told["syscalls"]:
            rule["names"] = [name for name in rule["names"] if name != forbidden]
        told["syscalls"].append({"names": [forbidden], "action": "SCMP_ACT_ERRNO", "errnoRet": 1})
    return {**told, "syscalls": [rule for rule in told["syscalls"] if rule["names"]]}
