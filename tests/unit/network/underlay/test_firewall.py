"""Rules of the topology's author stand where iptables would put them, among those of Calico and kube-proxy."""

from __future__ import annotations

from lab.network.objects import Chain
from lab.topology.schema import Cni
from lab.topology.wires import Firewall
from tests.unit.network.small_labs import Lab, two_subnet


def with_rules(*rules: str, on: str = "node-2", plugin: str = "calico") -> Lab:
    return two_subnet(Cni.model_validate({"plugin": plugin}), (Firewall(on=on, rules=rules),))


def targets(rules: list[str]) -> list[str]:
    return [rule.partition("-j ")[2].partition(" ")[0] for rule in rules]


def test_the_built_in_chains_of_a_calico_node() -> None:
    lab = two_subnet()
    assert targets(lab.rules("node-0", "filter", "INPUT"))[0] == "cali-INPUT"
    assert targets(lab.rules("node-0", "filter", "FORWARD")) == [
        "cali-FORWARD",
        "KUBE-PROXY-FIREWALL",
        "KUBE-FORWARD",
        "KUBE-SERVICES",
        "KUBE-EXTERNAL-SERVICES",
        "ACCEPT",
        "MARK",
    ]
    assert targets(lab.rules("node-0", "nat", "PREROUTING")) == ["cali-PREROUTING", "KUBE-SERVICES"]
    assert targets(lab.rules("node-0", "nat", "POSTROUTING")) == ["cali-POSTROUTING", "KUBE-POSTROUTING"]


def test_an_appended_rule_comes_after_all_of_them() -> None:
    rules = with_rules("-A INPUT -p udp --dport 4789 -j DROP").rules("node-2", "filter", "INPUT")
    assert rules[-1] == "-p udp -m udp --dport 4789 -j DROP"
    assert targets(rules)[0] == "cali-INPUT"


def test_an_inserted_rule_comes_before_all_of_them_the_later_one_first() -> None:
    rules = with_rules("-I INPUT -i eth0 -j ACCEPT", "-I INPUT -i eth1 -j DROP").rules("node-2", "filter", "INPUT")
    assert rules[:2] == ["-i eth1 -j DROP", "-i eth0 -j ACCEPT"]
    assert targets(rules)[2] == "cali-INPUT"


def test_a_position_counts_from_the_top() -> None:
    rules = with_rules("-I INPUT 2 -i eth0 -j DROP").rules("node-2", "filter", "INPUT")
    assert targets(rules)[:3] == ["cali-INPUT", "DROP", "KUBE-FIREWALL"]


def test_policies_and_chains_of_ones_own() -> None:
    lab = with_rules("-P FORWARD DROP", "-N mine", "-A mine -s 10.0.1.0/24 -j DROP", "-A INPUT -j mine")
    forward = lab.network.by_key[("chain", "node-2", "filter", "FORWARD")]
    mine = lab.network.by_key[("chain", "node-2", "filter", "mine")]
    assert isinstance(forward, Chain)
    assert isinstance(mine, Chain)
    assert (forward.policy, mine.policy) == ("DROP", "")
    assert lab.rules("node-2", "filter", "mine") == ["-s 10.0.1.0/24 -j DROP"]


def test_other_nodes_and_routers_have_none_of_it() -> None:
    lab = with_rules("-A INPUT -p udp --dport 4789 -j DROP")
    assert targets(lab.rules("node-0", "filter", "INPUT"))[-1] == "KUBE-EXTERNAL-SERVICES"
    assert not [item for item in lab.network if isinstance(item, Chain) and item.place == "router"]


def test_a_routers_firewall_is_all_that_it_has() -> None:
    lab = with_rules("-A FORWARD -p udp --dport 4789 -j DROP", on="router")
    assert lab.rules("router", "filter", "FORWARD") == ["-p udp -m udp --dport 4789 -j DROP"]


def test_flannel_nodes_have_firewalls_too() -> None:
    lab = with_rules("-A FORWARD -s 10.244.0.0/16 -j DROP", plugin="flannel")
    assert targets(lab.rules("node-2", "filter", "FORWARD"))[-2:] == ["FLANNEL-FWD", "DROP"]
