"""flannel's bridge, tunnel and routes."""

from __future__ import annotations

from lab.network.objects import FdbEntry, Neighbour
from lab.topology.schema import Cni
from tests.unit.network.small_labs import two_subnet

FLANNEL = Cni(plugin="flannel")


def test_pods_are_behind_a_bridge_and_the_bridge_is_their_gateway() -> None:
    lab = two_subnet(FLANNEL)
    cable = next(item for item in lab.interfaces("node-0").values() if item.peer_place == "namespace001/pod-0")
    assert (cable.master, cable.hairpin, cable.name[:4], len(cable.name)) == ("cni0", True, "veth", 12)
    assert lab.held("node-0", "cni0") == ["10.244.0.1/24"]
    assert lab.held("namespace001/pod-0", "eth0") == ["10.244.0.3/24"]
    assert {route.via for route in lab.routes("namespace001/pod-0").values()} == {"10.244.0.1"}


def test_what_crosses_the_bridge_meets_the_nodes_rules() -> None:
    assert two_subnet(FLANNEL).settings("node-0")["net.bridge.bridge-nf-call-iptables"] == "1"


def test_vxlan_to_every_node() -> None:
    lab = two_subnet(FLANNEL)
    tunnel = lab.interfaces("node-0")["flannel.1"]
    assert tunnel.vxlan is not None
    assert (tunnel.vxlan.vni, tunnel.vxlan.port, tunnel.mtu) == (1, 8472, 1450)
    route = lab.routes("node-0")["10.244.2.0/24"]
    assert (route.via, route.device, route.onlink) == ("10.244.2.0", "flannel.1", True)
    mac = lab.interfaces("node-2")["flannel.1"].mac
    assert Neighbour("node-0", "flannel.1", "10.244.2.0", mac) in lab.neighbours("node-0")
    assert FdbEntry("node-0", "flannel.1", mac, "10.0.2.10") in lab.forwarding("node-0")


def test_host_gw_reaches_the_same_subnet_only() -> None:
    lab = two_subnet(Cni(plugin="flannel", encapsulation="None"))
    routes = lab.routes("node-0")
    assert (routes["10.244.1.0/24"].via, routes["10.244.1.0/24"].device) == ("10.0.1.11", "eth0")
    assert "10.244.2.0/24" not in routes
    assert "flannel.1" not in lab.interfaces("node-0")


def test_flannels_rules_come_after_kube_proxys() -> None:
    lab = two_subnet(FLANNEL)
    assert lab.rules("node-0", "filter", "FORWARD")[-1] == '-m comment --comment "flanneld forward" -j FLANNEL-FWD'
    assert [rule.rpartition(" ")[2] for rule in lab.rules("node-0", "nat", "POSTROUTING")] == [
        "KUBE-POSTROUTING",
        "FLANNEL-POSTRTG",
    ]
    assert lab.rules("node-0", "nat", "FLANNEL-POSTRTG")[-2:] == [
        '-s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
        '! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
    ]
