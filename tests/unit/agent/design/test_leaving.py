"""Whom an edited file takes away gets nothing new before."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.design.blueprint import Design, read_design
from lab.agent.design.leaving import without_leaving

TOPOLOGY = Path(__file__).resolve().parents[4] / "topologies" / "two-subnet.yaml"
TEXT = TOPOLOGY.read_text(encoding="utf-8")


def design(text: str) -> Design:
    return read_design(text, str(TOPOLOGY), ())


def endpoints(made: Design) -> set[str]:
    slices = (item for item in made.cluster.slices if item.service == "myapp")
    return {endpoint.pod for item in slices for port in item.ports for endpoint in port.endpoints}


def without_pod_3() -> str:
    documents = TEXT.split("\n---\n")
    return "\n---\n".join(one for one in documents if "name: pod-3" not in one)


@pytest.mark.parametrize(
    "edited",
    [without_pod_3(), TEXT.replace("nodeName: node-2", "nodeName: node-0")],
    ids=["a pod goes", "a pod moves"],
)
def test_who_goes_or_moves_is_no_endpoint_any_more(edited: str) -> None:
    before = design(TEXT)
    between = without_leaving(before, design(edited))
    assert between is not None
    assert endpoints(before) == {"namespace001/pod-2", "namespace001/pod-3"}
    assert endpoints(between) == {"namespace001/pod-2"}
    assert between.cluster.pods == before.cluster.pods, "it is there until its place goes"


def test_nothing_comes_before_when_nobody_goes() -> None:
    before = design(TEXT)
    assert without_leaving(before, design(TEXT)) is None
    assert without_leaving(before, design(TEXT.replace("labels: {app: myapp}", "labels: {app: other}", 1))) is None
