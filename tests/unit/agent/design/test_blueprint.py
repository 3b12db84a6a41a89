"""Whatever stands in a file: it is a design, or an error that says where. Never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.agent.design.blueprint import read_design
from lab.errors import FileError, UsageError
from lab.network.objects import Network
from lab.plan import plan

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(TOPOLOGIES.glob("*.yaml"))}
WORDS = [
    *("", "~", "[]", "{}", "0", "-1", "9" * 20, "1e999", "true", "../x", ";rm -rf", "$(reboot)", "x" * 300, "\u202e"),
    *("10.0.0.0/33", "10.0.0.0/8", "0.0.0.0/0", "300.1.1.1", "pod-0", "node-0", "default", "*a", "&a b"),
    "!!python/none",
]
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def read(text: str) -> None:
    try:
        design = read_design(text, "/nowhere/file.yaml", ())
    except (FileError, UsageError) as error:
        assert str(error)
        return
    assert plan(design.network, Network()).steps


@QUICK
@given(text=st.text(max_size=300))
def test_any_text(text: str) -> None:
    read(text)


@QUICK
@given(data=st.data())
def test_a_topology_with_words_replaced(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(list(TEXTS.values())))
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(" ")
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(WORDS))
        lines[at] = " ".join(words)
    read("\n".join(lines))


@QUICK
@given(data=st.data())
def test_a_topology_with_lines_taken_out_or_doubled(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(list(TEXTS.values()))).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = lines[at : at + 1] * data.draw(st.sampled_from([0, 2]))
        if not lines:
            break
    read("\n".join(lines))


@pytest.mark.parametrize("name", TEXTS)
def test_the_shipped_ones_read_twice_are_the_same(name: str) -> None:
    first, again = (read_design(TEXTS[name], "f.yaml", ()) for _ in range(2))
    assert again.network.by_key == first.network.by_key
    assert not plan(again.network, first.network)


def pod(name: str, container: str = "", metadata: str = "") -> str:
    spec = f"{{nodeName: node-0, containers: [{{name: c, image: built-in, {container}}}]}}"
    return f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, {metadata}}}, spec: {spec}}}\n"


def test_what_is_said_of_a_file_is_said_of_what_comes_of_it_as_well() -> None:
    text = TEXTS["minimal"] + "".join(pod(f"p{number}") for number in range(111))
    asks = """annotations: {cni.projectcalico.org/ipv4pools: '["1.2.3.0/24"]'}"""
    design = read_design(text + pod("a", metadata=asks), "f.yaml", ())
    assert design.warnings == (
        "node-0 has more than 110 pods, kubelet's default limit",
        "default/a asks for an address of 1.2.3.0/24, which is no pool (there is 10.244.0.0/16): it gets any",
    )


def test_pods_that_are_probed_count_as_found_ready() -> None:
    probe = "readinessProbe: {httpGet: {port: 80}}"
    held = pod("b", probe, 'annotations: {hoplab.io/ready: "false"}')
    design = read_design(TEXTS["minimal"] + pod("a", probe) + held, "f.yaml", ())
    assert {one.name: one.ready for one in design.cluster.pods if not one.system} == {"a": True, "b": False}
