"""The system calls that the image's containers may make: podman's usual ones, and those that a lab needs beside them.

`python -m dev.seccomp` writes deploy/seccomp.json anew. It is in the form of the OCI runtime specification, which
podman, docker and the kubelet take alike: podman's own depends on a container's capabilities, and ours has none.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from dev import ROOT
from lab.kernel.host import needed_calls

PODMANS = Path("/usr/share/containers/seccomp.json")
"""Of Debian's golang-github-containers-common, which comes with podman and buildah."""
PROFILE = ROOT / "deploy" / "seccomp.json"
_ALLOWED = "SCMP_ACT_ALLOW"

Rule = dict[str, Any]


def made(podmans: dict[str, Any], needed: Collection[str] = needed_calls.NAMES) -> dict[str, Any]:
    """Our profile, from podman's: for a container without capabilities, and for the machine's own kind of programs."""
    added = sorted(set(needed) - _always_allowed(podmans["syscalls"]))
    ours = [{"names": added, "action": _ALLOWED}] if added else []
    return {
        "defaultAction": podmans["defaultAction"],
        "defaultErrnoRet": podmans["defaultErrnoRet"],
        "syscalls": [*_without_capabilities(podmans["syscalls"], added), *ours],
    }


def _always_allowed(rules: list[Rule]) -> set[str]:
    refused = {name for rule in rules if rule["action"] != _ALLOWED for name in rule["names"]}
    allowed = (rule for rule in rules if rule["action"] == _ALLOWED and not rule.get("args") and not _is_given(rule))
    return {name for rule in allowed for name in rule["names"]} - refused


def _is_given(rule: Rule) -> bool:
    """Whether it is only for containers with a capability."""
    return bool(rule.get("includes", {}).get("caps"))


def _without_capabilities(rules: list[Rule], left_out: Collection[str]) -> Iterator[Rule]:
    for rule in rules:
        names = [name for name in rule["names"] if name not in left_out]
        if names and not _is_given(rule):
            yield {"names": names, **{key: rule[key] for key in ("action", "errnoRet", "args") if rule.get(key)}}


def read() -> dict[str, Any]:
    """Podman's profile, as this machine has it."""
    found: dict[str, Any] = json.loads(PODMANS.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    PROFILE.write_text(json.dumps(made(read()), indent=1) + "\n", encoding="utf-8")
