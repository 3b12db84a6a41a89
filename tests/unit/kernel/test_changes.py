"""What is looked at in places for changes that the kernel tells nobody of."""

from __future__ import annotations

import pytest

from lab.agent.design.blueprint import read_design
from lab.kernel.changes import Signs
from lab.network.objects import Network
from lab.tasks import topologies


def network(*settings: str) -> Network:
    found = topologies.find("two-subnet")
    return read_design(found.text, found.file, settings).network


def signs(network: Network, place: str, *, rules: bool) -> Signs:
    return Signs.of(network.only(frozenset({place})), rules=rules)


@pytest.mark.parametrize(("enabled", "devices"), [("true", ("wireguard.cali",)), ("false", ())])
def test_a_nodes_wireguard_devices_are_known_by_name(enabled: str, devices: tuple[str, ...]) -> None:
    designed = network(f"cni.wireguardEnabled={enabled}")
    for node in ("node-0", "node-1", "node-2"):
        assert signs(designed, node, rules=True).encrypting == devices


def test_of_pods_the_files_are_enough_and_of_the_wires_they_are_not() -> None:
    """A thousand namespaces that have to be entered would cost a second `up` as much again."""
    designed = network()
    assert not signs(designed, "namespace001/pod-0", rules=False).within
    underlay = signs(designed, "underlay", rules=False)
    assert underlay.within
    assert "net.bridge.bridge-nf-call-iptables" in underlay.settings


def test_a_devices_setting_is_looked_at_where_the_kernel_tells_nobody_of_it() -> None:
    designed = network()
    assert signs(designed, "node-0", rules=True).untold
    assert not signs(designed, "router", rules=True).untold, "its devices forward, and netconf tells of that"
