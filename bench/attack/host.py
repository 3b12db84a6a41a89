"""The host as it is, to be compared with the host as it was: nothing of it may have changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ASKED = {
    "addresses": ("ip", "-d", "addr"),
    "routes": ("ip", "route", "show", "table", "all"),
    "rules of iptables": ("iptables-save",),
    "rules of nft": ("nft", "list", "ruleset"),
    "sysctls": ("sysctl", "-a"),
    "namespaces by name": ("ip", "netns", "list"),
}
# What changes by itself: counters, random numbers, times, and what is learned of neighbours.
_RESTLESS = re.compile(
    r"^(kernel\.(random|ns_last_pid|pty\.nr|sched_domain|perf_event_max_sample|keys|tainted|hostname)"
    r"|fs\.(dentry-state|file-nr|inode|aio-nr|quota|epoll|mqueue|binfmt_misc)|net\.netfilter\.nf_conntrack_count"
    r"|vm\.stat|dev\.|kernel\.seccomp|debug\.).*|#.*|.*\b(valid_lft|expires|cache)\b.*"
)
_COUNTS = re.compile(r"\[\d+:\d+\]|packets \d+ bytes \d+")

SHARED_BY_ALL = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  whoever uses the machine makes and removes files there


@dataclass(frozen=True, slots=True)
class Host:
    """Each part with its lines; "" for what this user may not ask."""

    parts: dict[str, tuple[str, ...]]

    def differences(self, before: Host) -> list[str]:
        """Every line that is there and was not, or was and is not."""
        found = []
        for part, lines in self.parts.items():
            old = before.parts[part]
            found += [f"{part}: + {line}" for line in lines if line not in old]
            found += [f"{part}: - {line}" for line in old if line not in lines]
        return found


def host() -> Host:
    """As it is now."""
    parts = {part: _lines(command) for part, command in _ASKED.items()}
    parts["mounts"] = tuple(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())
    parts["files of /etc"] = tuple(
        f"{path} {os.lstat(path).st_mtime_ns}" for path in map(str, sorted(Path("/etc").iterdir()))
    )
    parts["owners of folders"] = tuple(map(_owner, _folders()))
    return Host(parts)


def _folders() -> Iterator[str]:
    """Those that a person may share with a lab, and what stands right below them."""
    yield from SHARED_BY_ALL
    for top in ("/", "/home", "/mnt", "/opt", "/root", "/srv", "/var"):
        with suppress(OSError):
            yield from (entry.path for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False))


def _owner(path: str) -> str:
    found = os.lstat(path)
    return f"{path} {found.st_uid}:{found.st_gid} {found.st_mode:o}"


def _lines(command: tuple[str, ...]) -> tuple[str, ...]:
    if shutil.which(command[0]) is None:
        return ()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    lines = (_COUNTS.sub("", line) for line in done.stdout.splitlines())
    return tuple(line for line in lines if not _RESTLESS.match(line))
