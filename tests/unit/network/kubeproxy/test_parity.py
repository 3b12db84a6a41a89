"""Our rules, line by line, beside what Kubernetes' own kube-proxy made of the same objects on three nodes of a lab.

`HOPLAB_WRITE_GOLDEN=1 ./inv test --parity` has it make them again, which writes tests/golden/parity anew.
"""

from __future__ import annotations

from difflib import unified_diff
from functools import cache
from pathlib import Path

import pytest

from dev.kubeproxy import version_of
from lab.network.kubeproxy.release import spoken_for
from lab.network.kubeproxy.standalone import NodeRules, Options, rules_of
from tests.parity.lines import lines_of
from tests.parity.population import ADDRESSES, CASES, CLUSTER_CIDR, NODES

GOLDEN = Path(__file__).parents[3] / "golden" / "parity"
MODES = ("iptables", "nftables", "ipvs")


@cache
def rules(mode: str, node: str) -> NodeRules:
    text = (GOLDEN / "objects.yaml").read_text()
    return rules_of(text, "objects.yaml", node, Options(mode, CLUSTER_CIDR, node_ip=ADDRESSES[node]).checked())


def real(mode: str, node: str) -> list[str]:
    made_by, *lines = (GOLDEN / mode / f"{node}.txt").read_text().splitlines()
    told = "another version is compared with: the golden files are to be renewed"
    assert made_by == f"# kube-proxy {version_of(mode)}", told
    return lines


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("mode", MODES)
def test_every_line_is_the_real_ones(mode: str, node: str) -> None:
    ours = lines_of(mode, rules(mode, node).text())
    different = unified_diff(real(mode, node), ours, f"kube-proxy {version_of(mode)}", "ours", lineterm="", n=1)
    assert not (told := "\n".join(different)), told


def test_the_objects_are_of_every_kind() -> None:
    names = {f"{service.namespace}/{service.name}" for service in rules("iptables", "node-0").written.cluster.services}
    assert {f"{case.namespace}/{case.name}" for case in CASES} <= names
    assert len(CASES) >= 40


def test_nodes_differ() -> None:
    for mode in MODES:
        assert len({tuple(real(mode, node)) for node in NODES}) == len(NODES), mode


@pytest.mark.parametrize("mode", MODES)
def test_an_explanation_says_for_which_version_it_speaks(mode: str) -> None:
    assert version_of(mode).startswith(f"{spoken_for(mode)}.")
    first, _, _ = rules(mode, "node-1").text(explained=True).partition("\n")
    assert first == f"# kube-proxy {spoken_for(mode)}, {mode} mode, on node-1"
