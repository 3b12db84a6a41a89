"""Bench: figures, their budgets, and the two forms in which they are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.figures import HEADINGS, Figure, as_json, as_table
from bench.inside import one_node
from bench.labs import CHANGED, with_pods, with_services
from bench.run import COUNTS, MOST_PODS, counts
from lab.agent.design.blueprint import read_design
from lab.cluster.objects import Cluster
from lab.errors import UsageError

MACHINE = {"cores": 2, "kernel": "6.1", "python": "3.11.7", "user": "root", "load_before": 0.5, "load_after": 1.25}
UP = Figure("two-subnet", "up", "ms", (900.0, 1200.0, 1000.0), budget=1500)
FLOOR = Figure("100 pods", "C floor", "ms/pod", (1.0, 2.0, 1.0))
BUILD = Figure("100 pods", "build", "ms/pod", (1.5, 5.0, 2.0))
ABSENT = Figure("100 pods", "Mininet", "ms/pod", note="Mininet is not installed")


def test_the_median_is_what_a_budget_is_for() -> None:
    assert UP.met is True
    assert UP.verdict() == "≤ 1500: met by 33 %"
    late = Figure("two-subnet", "down", "ms", (400.0, 750.0, 800.0), budget=500)
    assert late.met is False
    assert late.verdict() == "≤ 500: MISSED by 50 %"


def test_without_budget_or_runs_there_is_no_verdict() -> None:
    assert BUILD.met is None
    assert Figure("g", "n", "ms", (), budget=5.0).met is None
    assert Figure("g", "n", "ms", (), budget=5.0).verdict() == ""


def test_a_ratio_is_taken_run_by_run() -> None:
    told = BUILD.over(FLOOR, budget=1.5)
    assert told.name == "build ÷ C floor"
    assert told.runs == (1.5, 2.5, 2.0), "each run is beside the floor that was measured next to it"
    assert told.verdict() == "≤ 1.5: MISSED by 33 %"


def test_a_ratio_to_what_is_missing_says_why() -> None:
    told = BUILD.over(Figure("100 pods", "C floor", "ms/pod", note="no C compiler"), budget=1.5)
    assert told.runs == ()
    assert told.met is None
    assert told.note == "no C compiler"


def test_json_has_every_field_in_every_figure() -> None:
    told = json.loads(json.dumps(as_json(MACHINE, [UP, ABSENT])))
    assert told["schema"] == "hoplab.bench/v1"
    assert told["machine"] == MACHINE
    up, absent = told["figures"]
    assert up == {
        "group": "two-subnet",
        "name": "up",
        "unit": "ms",
        "median": 1000.0,
        "best": 900.0,
        "worst": 1200.0,
        "runs": [900.0, 1200.0, 1000.0],
        "budget": 1500,
        "met": True,
        "note": "",
    }
    assert set(absent) == set(up)
    assert (absent["median"], absent["met"], absent["runs"]) == (None, None, [])


def test_the_table_has_a_heading_for_each_group_and_a_row_for_each_figure() -> None:
    lines = as_table(MACHINE, [BUILD, ABSENT, UP]).splitlines()
    assert lines[0] == "2 cores, Linux 6.1, Python 3.11.7, root; load 0.5 before, 1.2 after"
    assert lines[2].split() == list(HEADINGS[1:])
    assert [line.split("   ")[0].strip() for line in lines[3:]] == [
        "100 pods",
        "build",
        "Mininet",
        "",
        "two-subnet",
        "up",
    ]
    assert lines[4].split() == ["build", "2.00", "1.50", "5.00", "ms/pod", "3"]
    assert lines[5].endswith("Mininet is not installed"), "what could not be measured says why in its row"
    assert lines[8].endswith("≤ 1500: met by 33 %")


def numbers(words: str) -> tuple[int, ...]:
    return counts(words, "--pods", MOST_PODS, COUNTS)


def test_how_many_to_measure() -> None:
    assert numbers("") == COUNTS == (100, 1000)
    assert numbers("5") == (5,)
    assert numbers("0") == ()
    assert numbers("100,1000,2000") == (100, 1000, 2000)


@pytest.mark.parametrize("words", ["many", "5,0", "10,", "-5", "1e3", "1000000"])
def test_what_is_no_list_of_numbers_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--pods"):
        numbers(words)


def cluster_of(file: str) -> Cluster:
    return read_design(Path(file).read_text(encoding="utf-8"), file, ()).cluster


def test_the_topology_has_the_pods_spread_over_the_nodes_and_no_service_of_its_own(tmp_path: Path) -> None:
    cluster = cluster_of(with_pods(7, 2, tmp_path))
    assert [pod.node for pod in cluster.pods if pod.namespace == "bench"] == ["node-0", "node-1"] * 3 + ["node-0"]
    assert [service.name for service in cluster.services] == ["kube-dns", "kubernetes"], "those of every cluster"


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_the_topology_has_the_services_each_with_an_endpoint(mode: str, tmp_path: Path) -> None:
    cluster = cluster_of(with_services(300, 3, mode, tmp_path))
    services = [service for service in cluster.services if service.name.startswith("service-")]
    assert len(services) == len({service.cluster_ip for service in services}) == 300
    assert CHANGED in {service.name for service in services}
    slices = [item for item in cluster.slices if item.service.startswith("service-")]
    endpoints = {endpoint.address for item in slices for port in item.ports for endpoint in port.endpoints}
    assert len(slices) == len(endpoints) == 300


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_on_a_node_the_last_service_leads_to_the_server(mode: str) -> None:
    services = one_node.cluster(300)
    assert services.services[-1].cluster_ip == one_node.clusterip(299)
    given = one_node.given(one_node.made(mode, services))
    assert f"{one_node.ADDRESS}:{one_node.PORT}" in given.whole
    assert sum(text.count(one_node.ADDRESS) for text in given.texts) == given.whole.count(one_node.ADDRESS)
    if mode == "iptables":
        assert given.whole.count("COMMIT") == 2, "a transaction a table, as kube-proxy writes it"


def test_a_budget_of_nothing_is_met_by_nothing_only() -> None:
    assert Figure("lost", "questions", "lost", (0.0,), 0.0).verdict() == "none: met"
    assert Figure("lost", "questions", "lost", (3.0,), 0.0).verdict() == "none: MISSED by 3"
