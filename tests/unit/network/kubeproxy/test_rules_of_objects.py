"""Golden files: a cluster's objects, and what kube-proxy programs for them on one node, in each mode.

Write them anew with HOPLAB_WRITE_GOLDEN=1, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.network.kubeproxy.standalone import NodeRules, Options, rules_of

GOLDEN = Path(__file__).parents[3] / "golden" / "rules"
OBJECTS = (GOLDEN / "objects.yaml").read_text()


def rules(mode: str = "iptables", node: str = "node-0", **options: str) -> NodeRules:
    asked = Options(mode, **{"cluster_cidr": "10.244.0.0/16", **options})  # type: ignore[arg-type]
    return rules_of(OBJECTS, "objects.yaml", node, asked.checked())


def check(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text(), f"{file.name} says something else"


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
@pytest.mark.parametrize("explained", [False, True], ids=["plain", "explained"])
def test_the_rules_are_those_of_the_file(mode: str, explained: bool) -> None:
    suffix = "-explained" if explained else ""
    check(f"node-0-{mode}{suffix}.txt", rules(mode).text(explained=explained))


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_an_explanation_only_adds_comments(mode: str) -> None:
    def bare(text: str) -> list[str]:
        words = [line.strip() for line in text.split("\n")]
        return " ".join(line for line in words if line and not line.startswith("#")).replace(", }", " }").split()

    assert bare(rules(mode).text(explained=True)) == bare(rules(mode).text())


def test_another_node_has_other_local_endpoints() -> None:
    assert "its only endpoint on this node" in rules(node="node-0").text(explained=True)
    assert "1 of 2 endpoints on this node" in rules(node="node-1").text(explained=True)


def test_without_a_cluster_cidr_nobody_counts_as_from_outside() -> None:
    assert "! -s" not in rules(cluster_cidr="").text().replace("! -s 127.0.0.0/8", "")


def test_both_families_of_a_cluster_cidr_are_understood() -> None:
    assert rules(cluster_cidr="fd00:10::/48,10.244.0.0/16").text() == rules().text()


def test_node_ports_on_the_primary_address_only() -> None:
    text = rules(nodeport_addresses="primary").text()
    assert "-d 10.0.1.10/32" in text
    assert "--dst-type LOCAL -j KUBE-NODEPORTS" not in text


def test_the_node_s_address_can_be_given() -> None:
    assert "-d 10.9.9.9/32" in rules(nodeport_addresses="10.9.0.0/16", node_ip="10.9.9.9").text()


def test_an_address_that_a_load_balancer_has_left_in_the_status_still_counts() -> None:
    text = OBJECTS.replace("type: LoadBalancer", "type: NodePort")
    assert text != OBJECTS
    was = rules_of(text, "objects.yaml", "node-0", Options("iptables").checked()).text()
    assert "-d 192.0.2.10/32" in was


def test_in_ipvs_mode_node_ports_are_on_all_addresses_that_are_given_and_the_scheduler_is_chosen() -> None:
    text = rules("ipvs", node_ip="10.0.1.10,10.244.0.0", scheduler="lc").text()
    for address in ("10.0.1.10", "10.244.0.0"):
        assert f"-A -t {address}:30080 -s lc" in text
    assert "10.244.0.0:30080" not in rules("ipvs").text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"proxy": "userspace"}, "kube-proxy has no mode 'userspace'"),
        ({"cluster_cidr": "10.244.0.0/33"}, "--cluster-cidr '10.244.0.0/33' is not an IP prefix"),
        ({"cluster_cidr": "10.0.0.0/16,10.1.0.0/16"}, "--cluster-cidr has several IPv4 prefixes"),
        ({"nodeport_addresses": "all"}, "--nodeport-addresses 'all' is not an IP prefix"),
        ({"localhost_nodeports": "maybe"}, "--iptables-localhost-nodeports is 'maybe'"),
        ({"node_ip": "fd00::1"}, "--node-ip 'fd00::1' is not an IPv4 address"),
        ({"node_ip": "10.0.1.10,x"}, "--node-ip 'x' is not an IPv4 address"),
        ({"scheduler": "wheel"}, "IPVS has no scheduler 'wheel'"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        rules_of(OBJECTS, "objects.yaml", "node-0", Options(**options).checked())  # type: ignore[arg-type]
    assert refused.value.message == said
