"""The container image with what docs/platforms.md says that it needs, and without each of that.

an ordinary user  ──▶  podman build, podman run  ──▶  the journey, delivered
deploy/pod.yaml   ──▶  crun, as containerd has it  ──▶  the same
a flag, a field or a system call less  ──▶  status 1, and what is lacking by its name
"""

from __future__ import annotations

import json
import re
import shlex

import pytest

from dev.seccomp import PROFILE, made, read
from lab.kernel.host.needed_calls import NAMES
from lab.kernel.host.privileges import CALLS, FOLDER, KUBERNETES, PODMAN, WHOLE, Privilege
from tests.image.conftest import RunPod, as_user
from tests.image.pod import Pod
from tests.integration.labs import ROOT, Done

DELIVERED = "delivered: HTTP/1.1 200 OK from namespace001/pod-3"
EVERYTHING = """
hoplab demo && hoplab exec pod-0 -- curl -s http://myapp.namespace001 && hoplab exec node-0 -- ls /sys/class/net &&
hoplab check && hoplab down && hoplab list
"""
JOURNEY = "hoplab demo"
DOCUMENT = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")


def documented_line() -> list[str]:
    """The words of `podman run` in docs/platforms.md, without the terminal that a test has not."""
    (line,) = re.findall(r"^podman run ((?:.*\\\n)*.*)$", DOCUMENT, re.MULTILINE)
    return [word for word in shlex.split(line.replace("\\\n", " ")) if word != "-it"]


def podman(*given: str, left_out: tuple[str, ...] = ()) -> Done:
    words = " ".join(shlex.quote(word) for word in documented_line())
    for each in left_out:
        assert each in words, f"docs/platforms.md's line has no {each}"
        words = words.replace(each, "")
    return as_user("podman", "run", *shlex.split(words), *given)


def require_whole(done: Done) -> None:
    told = done.ok()
    assert DELIVERED in told
    assert "client 10.244." in told, "a program has run in a pod"
    assert "vxlan.calico" in told, "and one on a node, which saw the node's devices"
    assert "MISSING" not in told
    assert "two-subnet: down\nno lab is running" in told


def require_named(done: Done, privilege: Privilege, runtime: str) -> None:
    """It was not built, and what it lacks was told with the words that give it."""
    assert privilege.given[runtime] in done.refused(1)
    assert "delivered" not in done.out


@pytest.mark.usefixtures("image")
def test_the_demo_is_what_one_gets() -> None:
    assert DELIVERED in podman().ok()


@pytest.mark.usefixtures("image")
def test_all_of_a_lab_works_as_an_ordinary_user_without_capabilities() -> None:
    held = "grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status && id -u && "
    done = podman("sh", "-c", held + EVERYTHING)
    require_whole(done)
    assert re.search(r"CapEff:\t0+\nCapBnd:\t0+\nNoNewPrivs:\t1\n1000\n", done.out), done


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("privilege", [CALLS, WHOLE], ids=lambda one: one.name)
def test_without_a_flag_podman_is_asked_for_it(privilege: Privilege) -> None:
    require_named(podman(left_out=(privilege.given[PODMAN],)), privilege, PODMAN)
    checked = podman("hoplab", "check", left_out=(privilege.given[PODMAN],))
    assert checked.status == 1, checked
    (told,) = re.findall(rf"^MISSING +{privilege.name} .*\n +(.*)$", checked.out, re.MULTILINE)
    assert privilege.given[PODMAN] in told


@pytest.mark.usefixtures("image")
def test_podman_gives_a_folder_to_write_in_unless_it_is_told_not_to() -> None:
    words = documented_line()
    without = ["--read-only-tmpfs=false", *words]
    require_named(as_user("podman", "run", *without), FOLDER, PODMAN)
    assert DELIVERED in as_user("podman", "run", *shlex.split(FOLDER.given[PODMAN]), *without).ok()


@pytest.mark.usefixtures("image")
def test_of_sys_too_nothing_may_be_hidden() -> None:
    words = [word.replace("unmask=ALL", "unmask=/proc/*") for word in documented_line()]
    done = as_user("podman", "run", *words)
    require_named(done, WHOLE, PODMAN)
    assert "parts of /sys are hidden" in done.err


def test_as_a_pod_all_of_a_lab_works(run_pod: RunPod) -> None:
    require_whole(run_pod(Pod.documented(), EVERYTHING))


LEFT_OUT = {"seccompProfile": CALLS, "procMount": WHOLE, "volumeMounts": FOLDER}
"""Fields of the Pod, and the privilege that each gives."""


@pytest.mark.parametrize("field", LEFT_OUT)
def test_without_a_field_of_the_pod_it_is_asked_for(run_pod: RunPod, field: str) -> None:
    require_named(run_pod(Pod.documented().without(field), JOURNEY), LEFT_OUT[field], KUBERNETES)


@pytest.mark.parametrize("call", NAMES)
def test_each_system_call_is_needed(run_pod: RunPod, call: str) -> None:
    done = run_pod(Pod.documented(), JOURNEY, forbidden=call)
    require_named(done, CALLS, KUBERNETES)
    assert call in done.err or call == "unshare", done


def test_what_the_pod_gives_away_it_does_not_need(run_pod: RunPod) -> None:
    """With more it works as well: nothing is refused because a container has what others have."""
    more = Pod.documented().without("capabilities", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "hostUsers")
    require_whole(run_pod(more, EVERYTHING))


def test_the_profile_is_podmans_with_the_calls_of_a_lab() -> None:
    """Written by `python -m dev.seccomp`."""
    assert json.loads(PROFILE.read_text(encoding="utf-8")) == made(read())
