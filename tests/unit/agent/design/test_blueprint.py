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
    first = read_design(TEXTS[name], "f.yaml", ())
    again = read_design(TEXTS[name], "f.yaml", (), first)
    assert again.network.by_key == first.network.by_key
    assert not plan(again.network, first.network)


def test_pods_that_were_there_keep_their_addresses_wherever_a_new_one_stands() -> None:
    text = TEXTS["two-subnet"]
    first = read_design(text, "f.yaml", ())
    head = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: namespace001}\n"
    pod = f"{head}spec: {{nodeName: node-0, containers: [{{name: c, image: x}}]}}\n"
    at = text.index("---\n# The client.")
    again = read_design(text[:at] + pod + text[at:], "f.yaml", (), first)
    for place in ("namespace001/pod-0", "namespace001/pod-1", "kube-system/dns-0"):
        assert again.addresses.pod(place) == first.addresses.pod(place)
