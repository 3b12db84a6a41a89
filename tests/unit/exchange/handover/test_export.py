"""A file of a lab: as a person writes it, without what is filled in, and read again it means the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from lab.agent.design.blueprint import read_design, read_file
from lab.control.meaning import stored
from lab.exchange.handover import live_objects, yaml_text
from lab.exchange.handover.export import composed
from tests.integration.labs import ROOT, TOPOLOGIES

LIVE = ("Namespace", "Pod", "Service", "Deployment")


def parts(name: str, **more: Any) -> dict[str, Any]:
    """What the agent tells of a lab of that topology that nobody has touched."""
    file = ROOT / "topologies" / f"{name}.yaml"
    design = read_design(file.read_text(encoding="utf-8"), str(file), ())
    pods = {pod.place: {"node": pod.node, "address": design.addresses.pods[pod.place]} for pod in design.cluster.pods}
    blocks = {node: list(blocks) for node, blocks in design.addresses.blocks.items()}
    kept = {"nodes": design.addresses.nodes, "blocks": blocks, "pods": pods}
    told = {
        "lab": name,
        "written": design.read.written,
        "files": {},
        "links": [],
        "faults": [],
        "unbroken": [],
        "drift": [],
        "kept": kept,
    }
    found: dict[str, Any] = json.loads(json.dumps(told | more))  # as it comes from the agent
    return found


def live(name: str) -> list[dict[str, Any]]:
    file = ROOT / "topologies" / f"{name}.yaml"
    read = read_file(file.read_text(encoding="utf-8"), str(file), ())
    return [one for one in stored(read.topology, read.documents) if one["kind"] not in ("Node", "Event")]


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_the_file_of_an_untouched_lab_means_what_its_own_means(name: str) -> None:
    text = composed(parts(name), live(name)).text
    file = ROOT / "topologies" / f"{name}.yaml"
    before = read_design(file.read_text(encoding="utf-8"), str(file), ())
    after = read_design(text, "lab.yaml", ())
    assert after.held.by_key == before.held.by_key
    assert "drift:" not in text
    assert "kept:" not in text
    assert "uid" not in text
    assert "status:" not in text


def test_manifests_are_as_a_person_wrote_them() -> None:
    text = composed(parts("two-subnet"), live("two-subnet")).text
    assert (
        "\nmetadata: {name: pod-0, namespace: namespace001}\nspec: {nodeName: node-0, containers: [{name: client"
        in text
    )
    service = next(one for one in yaml.safe_load_all(text) if one["kind"] == "Service")
    assert set(service["spec"]) == {"clusterIP", "selector", "ports"}


def test_a_lab_without_objects_has_none_again() -> None:
    own = [one for one in live("minimal") if one["metadata"].get("namespace") != "default"]
    after = read_design(composed(parts("minimal"), own).text, "lab.yaml", ())
    assert [pod.place for pod in after.cluster.pods if not pod.system] == []


def test_what_a_new_lab_would_give_otherwise_is_kept() -> None:
    told = parts("two-subnet")
    told["kept"]["pods"]["namespace001/pod-0"]["address"] = "10.244.0.40"
    text = composed(told, live("two-subnet")).text
    assert read_design(text, "lab.yaml", ()).addresses.pods["namespace001/pod-0"] == "10.244.0.40"


def test_links_faults_and_files_are_the_files() -> None:
    told = parts(
        "two-subnet",
        links=[{"on": "node-0/eth0", "loss": "1%"}],
        faults=[{"name": "vxlan-blocked", "on": "router"}],
        drift=[{"on": "node-1", "rules": "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n"}],
        files={"mine": "text\n"},
    )
    after = read_design(composed(told, live("two-subnet")).text, "lab.yaml", ())
    spec = after.topology.spec
    assert [(one.on, one.loss) for one in spec.links] == [("node-0/eth0", "1%")]
    assert [(one.name, one.on) for one in spec.faults] == [("vxlan-blocked", "router")]
    assert spec.drift[0].rules.splitlines()[1] == "-A INPUT -j ACCEPT"
    assert spec.files == {"mine": "text\n"}


def test_what_controllers_made_is_left_to_them() -> None:
    owned = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "default"}}
    owned["metadata"]["ownerReferences"] = [{"kind": "Deployment"}]  # type: ignore[index]
    assert not live_objects.is_somebodys(owned, {})


def test_texts_of_any_kind_are_read_as_they_were() -> None:
    odd = [
        "on",
        "yes",
        "1",
        "1e3",
        "null",
        "",
        " x",
        "a: b",
        "- x",
        "#",
        "\t",
        "a\nb\n",
        "a\n\nb",
        "\x1b[31m",
        "é\u202e",
        "x" * 300,
    ]
    value = {"kind": "Odd", "texts": odd, "on": {"no": "on"}, "numbers": [1, 1.5, True, None]}
    text = yaml_text.document(value)
    assert {("on" if key is True else key): one for key, one in yaml.safe_load(text).items()} == value
    assert text.isascii()
    assert "\x1b" not in text
