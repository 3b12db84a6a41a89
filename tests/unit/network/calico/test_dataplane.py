"""Calico's devices, routes, neighbours and forwarding entries, mode by mode."""

from __future__ import annotations

import pytest

from lab.network.objects import FdbEntry, Interface, IpSet, Neighbour, Vxlan
from lab.topology.schema import Cni, Router
from tests.unit.network.small_labs import SUBNET_A, SUBNET_B, SUBNET_C, cluster, made, spec, two_subnet

MAC_1, MAC_2 = "66:b3:68:28:39:8e", "66:c0:93:2e:56:2c"


def test_the_tunnel_device_of_a_node() -> None:
    lab = two_subnet()
    tunnel = lab.interfaces("node-0")["vxlan.calico"]
    assert tunnel.vxlan == Vxlan(vni=4096, port=4789, local="10.0.1.10", device="eth0", learning=False)
    assert (tunnel.mtu, lab.held("node-0", "vxlan.calico")) == (1450, ["10.244.0.0/32"])


def test_every_remote_node_is_known_to_the_tunnel_same_subnet_included() -> None:
    lab = two_subnet()
    assert lab.neighbours("node-0") == {
        Neighbour("node-0", "vxlan.calico", "10.244.0.64", MAC_1),
        Neighbour("node-0", "vxlan.calico", "10.244.0.128", MAC_2),
    }
    assert lab.forwarding("node-0") == {
        FdbEntry("node-0", "vxlan.calico", MAC_1, "10.0.1.11"),
        FdbEntry("node-0", "vxlan.calico", MAC_2, "10.0.2.10"),
    }


# (encapsulation, same subnet's block, other subnet's block) as "via device proto onlink" on node-0
MODES = [
    ("VXLANCrossSubnet", "10.0.1.11 eth0 80 onlink", "10.244.0.128 vxlan.calico boot onlink"),
    ("VXLAN", "10.244.0.64 vxlan.calico boot onlink", "10.244.0.128 vxlan.calico boot onlink"),
    ("IPIPCrossSubnet", "10.0.1.11 eth0 80 onlink", "10.0.2.10 tunl0 boot onlink"),
    ("IPIP", "10.0.1.11 tunl0 boot onlink", "10.0.2.10 tunl0 boot onlink"),
    ("None", "10.0.1.11 eth0 12 ", "10.0.1.1 eth0 12 "),
]


@pytest.mark.parametrize(("encapsulation", "same", "other"), MODES)
def test_blocks_of_other_nodes_are_routed_as_the_mode_says(encapsulation: str, same: str, other: str) -> None:
    routes = two_subnet(Cni.model_validate({"encapsulation": encapsulation})).routes("node-0")
    shown = {
        block: f"{route.via} {route.device} {route.proto} {'onlink' if route.onlink else ''}"
        for block, route in routes.items()
    }
    assert (shown["10.244.0.64/26"], shown["10.244.0.128/26"]) == (same, other)


@pytest.mark.parametrize(("encapsulation", "mtu"), [("VXLAN", 1450), ("IPIPCrossSubnet", 1480), ("None", 1500)])
def test_pods_and_tunnels_leave_room_for_the_outer_header(encapsulation: str, mtu: int) -> None:
    lab = two_subnet(Cni.model_validate({"encapsulation": encapsulation}))
    kinds = ("vxlan", "ipip")
    found = {item.mtu for item in lab.network if isinstance(item, Interface) and item.kind in kinds}
    assert found <= {mtu}
    assert lab.interfaces("namespace001/pod-0")["eth0"].mtu == mtu


def test_the_block_is_a_blackhole_where_no_pod_has_the_address() -> None:
    routes = two_subnet().routes("node-0")
    assert (routes["10.244.0.0/26"].type, routes["10.244.0.0/26"].proto) == ("blackhole", "80")
    assert (routes["10.244.0.2/32"].device, routes["10.244.0.2/32"].scope) == ("cali1200d7e9db2", "link")


def test_a_pod_sees_one_neighbour_that_is_not_there() -> None:
    lab = two_subnet()
    routes = lab.routes("namespace001/pod-0")
    assert lab.held("namespace001/pod-0", "eth0") == ["10.244.0.2/32"]
    assert (routes["169.254.1.1/32"].device, routes["169.254.1.1/32"].scope) == ("eth0", "link")
    assert (routes["default"].via, routes["default"].device) == ("169.254.1.1", "eth0")


def test_the_nodes_end_of_a_pods_cable_answers_for_it() -> None:
    lab = two_subnet()
    device = "cali1200d7e9db2"
    cable = lab.interfaces("node-0")[device]
    assert (cable.mac, cable.peer_place, cable.peer_name, cable.primary) == (
        "ee:ee:ee:ee:ee:ee",
        "namespace001/pod-0",
        "eth0",
        True,
    )
    settings = {name.rpartition(".")[2]: value for name, value in lab.settings("node-0").items() if device in name}
    assert settings == {
        "proxy_arp": "1",
        "forwarding": "1",
        "route_localnet": "1",
        "rp_filter": "0",
        "proxy_delay": "0",
    }


def test_without_a_tunnel_the_routers_know_the_blocks() -> None:
    # node-0 in subnet-a ── r0 ── subnet-b ── r1 ── subnet-c with node-1
    routers = (Router(name="r0", subnets=("subnet-a", "subnet-b")), Router(name="r1", subnets=("subnet-b", "subnet-c")))
    nodes = {"node-0": "subnet-a", "node-1": "subnet-c"}
    topology = spec(nodes, (SUBNET_A, SUBNET_B, SUBNET_C), routers, Cni(encapsulation="None"))
    lab = made(topology, cluster(topology))
    assert (lab.routes("r0")["10.244.0.0/26"].via, lab.routes("r0")["10.244.0.0/26"].device) == ("10.0.1.10", "eth0")
    assert (lab.routes("r0")["10.244.0.64/26"].via, lab.routes("r0")["10.244.0.64/26"].device) == ("10.0.2.2", "eth1")
    assert lab.routes("r1")["10.244.0.64/26"].via == "10.0.3.10"


def test_what_arrives_is_accepted_from_known_nodes_only() -> None:
    lab = two_subnet()
    accept, drop = lab.rules("node-2", "filter", "cali-INPUT")[:2]
    assert "--dports 4789 -m set --match-set cali40all-vxlan-net src -m addrtype --dst-type LOCAL -j ACCEPT" in accept
    assert drop.endswith("-m multiport --dports 4789 -m addrtype --dst-type LOCAL -j DROP")
    known = lab.network.by_key[("ipset", "node-2", "cali40all-vxlan-net")]
    assert isinstance(known, IpSet)
    assert known.members == ("10.0.1.10", "10.0.1.11")


def test_ipip_nodes_accept_protocol_4_from_each_other() -> None:
    lab = two_subnet(Cni(encapsulation="IPIP"))
    accept, drop = lab.rules("node-0", "filter", "cali-INPUT")[:2]
    assert accept.startswith("-p ipencap ")
    assert "--match-set cali40all-hosts-net src" in accept
    assert drop.startswith("-p ipencap ")
    assert lab.interfaces("node-0")["tunl0"].ipip is not None


def test_another_port_and_vni_are_used_everywhere() -> None:
    lab = two_subnet(Cni(vni=77, port=8473))
    tunnel = lab.interfaces("node-0")["vxlan.calico"].vxlan
    assert tunnel is not None
    assert (tunnel.vni, tunnel.port) == (77, 8473)
    written = (("raw", "cali-PREROUTING", 1), ("filter", "cali-INPUT", 0), ("filter", "cali-fw-cali1200d7e9db2", 3))
    for table, chain, position in written:
        assert " 8473 " in lab.rules("node-0", table, chain)[position]


def test_without_nat_outgoing_no_pool_is_masqueraded() -> None:
    lab = two_subnet(Cni(nat_outgoing=False))
    sets = {item.name: item.members for item in lab.network if isinstance(item, IpSet) and item.place == "node-0"}
    assert sets["cali40masq-ipam-pools"] == ()
    assert sets["cali40all-ipam-pools"] == ("10.244.0.0/16",)
    assert lab.rules("node-0", "nat", "cali-nat-outgoing") == []


def test_pods_may_have_more_than_the_kernel_allows_their_tunnel() -> None:
    lab = two_subnet(Cni(mtu=1500))
    assert lab.interfaces("node-0")["vxlan.calico"].mtu == 1450
    assert lab.interfaces("namespace001/pod-0")["eth0"].mtu == 1500
    bridged = two_subnet(Cni(plugin="flannel", encapsulation="VXLAN", vni=1, port=8472, mtu=1500))
    assert {name: bridged.interfaces("node-0")[name].mtu for name in ("flannel.1", "cni0")} == {
        "flannel.1": 1450,
        "cni0": 1500,
    }
