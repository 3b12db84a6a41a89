"""What a container must be given: one table, which docs/platforms.md, the Pod, the profile and the image follow."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from lab.kernel.host.needed_calls import NAMES
from lab.kernel.host.packages import PROGRAMS
from lab.kernel.host.privileges import DOCKER, KUBERNETES, OF_SOME_MACHINES, PODMAN, PRIVILEGES, Privilege

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
DEPLOY = ROOT / "deploy"


@pytest.mark.parametrize("privilege", (*PRIVILEGES, *OF_SOME_MACHINES), ids=lambda one: one.name)
def test_the_page_has_a_row_for_each(privilege: Privilege) -> None:
    given = " | ".join(f"`{privilege.given[runtime]}`" for runtime in (PODMAN, DOCKER, KUBERNETES))
    assert f"\n| {privilege.name} | {given} | {privilege.needed_for} |\n" in PAGE


def test_the_page_has_no_other_row_and_every_system_call() -> None:
    tables = [text.split("\n\n")[0] for text in PAGE.split("| podman | docker | Kubernetes |")[1:]]
    assert [len(table.splitlines()) - 2 for table in tables] == [len(PRIVILEGES), len(OF_SOME_MACHINES)]
    (told,) = re.findall(r"The system calls are ([^.]+)\.", PAGE)
    assert re.findall(r"`(\w+)`", told) == list(NAMES)


def test_the_profile_allows_them_whatever_they_are_called_with() -> None:
    rules = json.loads((DEPLOY / "seccomp.json").read_text(encoding="utf-8"))["syscalls"]
    allowed = [one for one in rules if one["action"] == "SCMP_ACT_ALLOW" and not one.get("args")]
    refused = {name for one in rules if one["action"] != "SCMP_ACT_ALLOW" for name in one["names"]}
    assert set(NAMES) <= {name for one in allowed for name in one["names"]} - refused


def test_the_pod_has_what_the_table_says_and_gives_away_the_rest() -> None:
    spec = yaml.safe_load((DEPLOY / "pod.yaml").read_text(encoding="utf-8"))["spec"]
    (container,) = spec["containers"]
    context = container["securityContext"]
    assert context.pop("seccompProfile") == {"type": "Localhost", "localhostProfile": "hoplab.json"}
    assert (context.pop("procMount"), spec["hostUsers"]) == ("Unmasked", False)
    assert context.pop("appArmorProfile") == {"type": "Unconfined"}
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert context == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_image_has_every_program_that_labs_run() -> None:
    installed = (DEPLOY / "Containerfile").read_text(encoding="utf-8").split("AS built")[0].split()
    assert {program.packages["debian"] for program in PROGRAMS} <= set(installed)
