"""What a container withholds is told by the name of what would give it, from what the kernel refused and how."""

from __future__ import annotations

import errno
import os

import pytest

from lab.kernel.host import forbidding, needed_calls, privileges
from lab.kernel.host.privileges import CALLS, DOCKER, KUBERNETES, PODMAN, UNCONFINED, UNLABELLED, WHOLE, Privilege

MASKED = """
96 71 0:40 / / rw - overlay overlay rw
97 96 0:43 / /proc rw - proc proc rw
98 97 0:6 /null /proc/kcore rw - devtmpfs devtmpfs rw
99 97 0:50 / /proc/acpi ro - tmpfs tmpfs ro
100 96 0:45 / /sys ro - sysfs sysfs ro
101 100 0:46 / /sys/fs/cgroup ro - cgroup2 cgroup ro
"""
FILTERED, FREE = "Name:\tpython3\nSeccomp:\t2", "Name:\tpython3\nSeccomp:\t0"
PROFILE = "/proc/self/attr/current"


def refusal(call: str, number: int = errno.EPERM) -> OSError:
    """As `lab.kernel.syscalls` tells of it."""
    return OSError(number, f"{call}: {os.strerror(number)}")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The only files of the kernel's that there are; a container of docker's."""
    files = {"/proc/self/status": FREE}
    monkeypatch.setattr(forbidding, "sysctl_file", lambda path: files.get(path, "").strip())
    monkeypatch.setattr(privileges, "runtime", lambda: DOCKER)
    return files


@pytest.mark.parametrize(
    ("error", "files", "privilege", "told"),
    [
        (refusal("sethostname"), {"/proc/self/status": FILTERED}, CALLS, "a lab makes: sethostname"),
        (refusal("mount /", errno.ENOSYS), {"/proc/self/status": FILTERED}, CALLS, "a lab makes: mount"),
        (
            refusal("mount /proc"),
            {"/proc/self/status": FILTERED, "/proc/self/mountinfo": MASKED},
            WHOLE,
            "parts of /proc are hidden here (/proc/kcore and 1 more)",
        ),
        (refusal("fsmount sysfs"), {"/proc/self/mountinfo": MASKED}, WHOLE, "parts of /sys are hidden here:"),
        (refusal("mount /", errno.EACCES), {PROFILE: "docker-default (enforce)"}, UNCONFINED, "docker-default"),
        (refusal("mount /", errno.EACCES), {"/sys/fs/selinux/enforce": "1"}, UNLABELLED, "SELinux forbids mount"),
    ],
    ids=["filter", "filter-nosys", "proc", "sys", "apparmor", "selinux"],
)
def test_what_was_refused_tells_what_is_withheld(
    kernel: dict[str, str], error: OSError, files: dict[str, str], privilege: Privilege, told: str
) -> None:
    kernel.update(files)
    found = forbidding.confinement(error)
    assert found is not None
    assert told in str(found)
    assert f"docker: {privilege.given[DOCKER]};" in str(found.hint)
    assert privilege.given[KUBERNETES] not in str(found.hint), "who runs docker need not read of others"


@pytest.mark.parametrize("error", [refusal("setns"), refusal("mount /", errno.ENOMEM), OSError(errno.EPERM, "no")])
def test_where_nothing_is_withheld_nothing_is_made_up(kernel: dict[str, str], error: OSError) -> None:
    kernel["/proc/self/attr/apparmor/current"] = "unconfined"
    assert forbidding.confinement(error) is None


def test_a_filter_is_not_blamed_for_what_is_used_up(kernel: dict[str, str]) -> None:
    kernel["/proc/self/status"] = FILTERED
    assert forbidding.confinement(refusal("unshare", errno.ENOSPC)) is None


def test_ubuntus_own_profile_is_no_containers(kernel: dict[str, str]) -> None:
    kernel[PROFILE] = "unprivileged_userns (enforce)"
    assert forbidding.confinement(refusal("mount /", errno.EACCES)) is None


def test_a_filter_is_named_to_who_gets_no_namespaces(kernel: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "runtime", lambda: "")
    kernel["/proc/self/status"] = FILTERED
    refused = forbidding.namespaces_refused(powerless=False)
    assert all(f"{name}: {CALLS.given[name]}" in str(refused.hint) for name in (PODMAN, DOCKER, KUBERNETES))


def test_a_profile_of_apparmors_is_named_before_a_filter(kernel: dict[str, str]) -> None:
    """A container has both, and the filter that it has may well be ours."""
    kernel.update({"/proc/self/status": FILTERED, PROFILE: "docker-default (enforce)"})
    refused = forbidding.namespaces_refused(powerless=False)
    assert "docker-default" in str(refused)
    assert UNCONFINED.given[DOCKER] in str(refused.hint)


def test_here_every_call_is_let_through() -> None:
    """Whoever has no capabilities is refused some by the kernel itself, with the same number as by a filter."""
    assert {"unshare", "setns", "fsconfig", "keyctl"} & set(needed_calls.refused()) == set()
