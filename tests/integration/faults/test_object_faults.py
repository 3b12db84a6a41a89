"""Faults of Kubernetes' objects: put in through the API, kept by `up`, found by trace and doctor, mended by kubectl.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2 ◀── myapp, a NodePort ──▶ pod-3
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.trace.journey import DELIVERED
from lab.trace.trace import trace
from tests.integration.kubectls import HOW_TO_GET_ONE, found
from tests.integration.labs import ROOT, Lab, inv, standing, until

MYAPP, POD = "namespace001/myapp", "namespace001/pod-0"
TEXT = (ROOT / "topologies" / "two-subnet.yaml").read_text(encoding="utf-8")
OPEN = TEXT.replace("clusterIP: 172.16.10.10", "clusterIP: 172.16.10.10\n  type: NodePort")
# Fault, the first finding's cause and what its reason says.
CASES = (
    ("selector-mismatch", "no-endpoints", "app=myapp-v2; 2 pods have app=myapp"),
    ("target-port-wrong", "nobody-listens", "see its targetPort"),
    ("target-port-unnamed", "no-endpoints", "none has a port called `web`"),
    ("pods-not-ready", "no-endpoints", "none of its 2 pods is ready"),
    ("external-policy-local", "no-endpoints", "externalTrafficPolicy is Local"),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("open") / "topology.yaml"
    made.write_text(OPEN, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def lab(path: Path) -> Iterator[Lab]:
    with standing(str(path)) as one:
        yield one


@pytest.fixture(autouse=True)
def cleared(lab: Lab) -> Iterator[None]:
    yield
    inv("fault.clear", "--lab", lab.name)


def inject(lab: Lab, name: str, *words: str) -> str:
    return inv("fault.inject", name, *words, "--lab", lab.name).ok()


def spec(lab: Lab) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        inv("get", "service", "myapp", "-n", "namespace001", "-o", "json", "--lab", lab.name).ok()
    )
    return told["spec"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "cause", "why"), CASES)
def test_the_doctor_names_it_first_its_command_mends_and_clearing_leaves_nothing(
    lab: Lab, path: Path, name: str, cause: str, why: str
) -> None:
    assert f"{name} on {MYAPP}" in inject(lab, name, "--with", f"service={MYAPP}")
    lab.up(topology=str(path)).ok()
    if name != "external-policy-local":
        lost = trace(lab.name, POD, "myapp").lost
        assert lost is not None, f"{name}: a second up has not kept it"
        assert lost.cause == cause, lost
        assert lost.fix[0].command.startswith("kubectl "), lost
    if not found():
        pytest.skip(HOW_TO_GET_ONE)
    done = inv("doctor", "--fix", "--lab", lab.name)
    assert done.status == 0, str(done)
    first = done.out.partition("\n1  ")[2].partition("\n$ ")[0]
    assert first.startswith(cause), done.out
    assert why in " ".join(first.split()), done.out
    assert "is healthy" in done.out.splitlines()[-1]
    assert f"{name} on {MYAPP}" in inv("fault.list", "--lab", lab.name).ok(), "the fault is there until it is cleared"
    assert inv("fault.clear", "--lab", lab.name).ok().strip() == f"{name} on {MYAPP}: cleared"
    assert lab.plan(topology=str(path)) == "# no changes"


def test_clearing_gives_back_the_field_alone_and_tells_what_somebody_changed(lab: Lab, path: Path) -> None:
    before = spec(lab)
    inject(lab, "selector-mismatch", "--on", "myapp")
    assert spec(lab)["selector"] == {"app": "myapp-v2"}
    assert inv("fault.clear", "--lab", lab.name).ok().strip() == f"selector-mismatch on {MYAPP}: cleared"
    assert spec(lab) == before
    inject(lab, "selector-mismatch")
    changed = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "myapp", "namespace": "namespace001"},
        "spec": {**before, "selector": {"app": "other"}},
    }
    inv("apply", "-f", "-", "--lab", lab.name, given=json.dumps(changed)).ok()
    assert "was changed meanwhile, and stays" in inv("fault.clear", "--lab", lab.name).ok()
    assert spec(lab)["selector"] == {"app": "other"}
    lab.up(topology=str(path)).ok()
    assert spec(lab)["selector"] == {"app": "myapp"}
    assert trace(lab.name, POD, "myapp").verdict == DELIVERED


def test_one_of_the_file_is_there_at_once_flaps_by_the_clock_and_is_one_a_service(lab: Lab, tmp_path: Path) -> None:
    written = tmp_path / "topology.yaml"
    written.write_text(OPEN.replace("spec:\n", "spec:\n  faults: [{name: selector-mismatch}]\n", 1), encoding="utf-8")
    lab.up(topology=str(written)).ok()
    assert spec(lab)["selector"] == {"app": "myapp-v2"}
    assert lab.plan(topology=str(written)) == "# no changes"
    refused = inv("fault.inject", "pods-not-ready", "--on", MYAPP, "--lab", lab.name).refused()
    assert "pods-not-ready shows nowhere in this lab" in refused
    written.write_text(OPEN, encoding="utf-8")
    lab.up(topology=str(written)).ok()
    assert spec(lab)["selector"] == {"app": "myapp"}
    assert lab.plan(topology=str(written)) == "# no changes"
    inject(lab, "target-port-wrong", "--after", "200ms", "--for", "3s")
    until(lambda: spec(lab)["ports"][0]["targetPort"] == 8081, "it has begun")
    until(lambda: spec(lab)["ports"][0]["targetPort"] == 8080, "it has ended by itself")


def test_what_another_mode_of_kube_proxy_left_is_named_as_a_whole(lab: Lab, path: Path) -> None:
    inject(lab, "proxy-leftovers", "--on", "node-0")
    lost = trace(lab.name, POD, "myapp").lost
    assert lost is not None
    assert (lost.cause, lost.object_place, lost.object) == ("leftovers", "node-0", "table ip kube-proxy")
    assert [one.command for one in lost.fix] == ["nft 'delete table ip kube-proxy'"]
    lab.in_("node-0", "nft delete table ip kube-proxy")
    assert trace(lab.name, POD, "myapp").verdict == DELIVERED
    inv("fault.clear", "--lab", lab.name).ok()
    assert lab.plan(topology=str(path)) == "# no changes"
