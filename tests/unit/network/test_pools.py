"""Several pools of pods' addresses: which a pod's comes from, and what nodes make of each."""

from __future__ import annotations

import pytest

from lab.cluster.objects import Pod
from lab.cluster.pools import pools_asked
from lab.errors import UsageError
from lab.network.chains import proxy_options
from lab.network.objects import IpSet
from lab.topology.defaults import complete
from lab.topology.schema import Cni, IpPool, Topology
from tests.unit.network.small_labs import Lab, cluster, made, spec

SMALL, LARGE = "10.244.0.0/26", "10.244.128.0/17"
TUNNELLED = (IpPool(cidr=SMALL), IpPool(cidr=LARGE, encapsulation="None", nat_outgoing=False))


def topology(*pools: IpPool, nodes: tuple[str, ...] = ("node-0",)) -> Topology:
    standing = {node: "subnet-a" if node != "node-2" else "subnet-b" for node in nodes}
    return complete(spec(standing, cni=Cni(ip_pools=pools)))


def many(number: int, **fields: tuple[str, ...]) -> list[Pod]:
    return [Pod("default", f"pod-{n}", "node-0", **fields) for n in range(number)]  # type: ignore[arg-type]


def lab(*pods: Pod, pools: tuple[IpPool, ...] = TUNNELLED) -> Lab:
    made_of = topology(*pools)
    return made(made_of, cluster(made_of, *pods))


def test_the_first_pool_that_has_room_gives_the_address() -> None:
    found = lab(*many(65))
    assert found.addresses.pods["default/pod-0"] == "10.244.0.1"
    assert found.addresses.pods["default/pod-62"] == "10.244.0.63"
    assert found.addresses.pods["default/pod-63"] == "10.244.128.0"
    assert found.addresses.blocks["node-0"] == (SMALL, "10.244.128.0/26")
    assert found.addresses.tunnels["node-0"] == "10.244.0.0"


def test_a_pod_may_ask_for_a_pool() -> None:
    found = lab(*many(1, pools=(LARGE,)))
    assert found.addresses.pods == {"default/pod-0": "10.244.128.0"}
    assert lab(*many(1, pools=("10.9.0.0/16",))).addresses.pods == {"default/pod-0": "10.244.0.1"}
    assert pools_asked({"cni.projectcalico.org/ipv4pools": f'["{LARGE}"]'}) == (LARGE,)
    for text in ("garbage", "{}", "", "[1]"):
        assert pools_asked({"cni.projectcalico.org/ipv4pools": text}) == ()


def test_when_all_are_full_it_is_said() -> None:
    with pytest.raises(UsageError, match=r"spec.cni.ipPools: 10.244.0.0/26 has no /26 block left"):
        lab(*many(64), pools=(IpPool(cidr=SMALL),))


def test_addresses_and_blocks_stay_when_a_pool_is_added() -> None:
    before = lab(*many(2), pools=TUNNELLED[:1])
    after = topology(*reversed(TUNNELLED))
    assert made(after, cluster(after, *many(2)), before.addresses).addresses.pods == before.addresses.pods


def test_each_blocks_pool_says_how_its_packets_travel() -> None:
    nodes = ("node-0", "node-1", "node-2")
    pools = (IpPool(cidr="10.244.0.0/24"), TUNNELLED[1])
    made_of = topology(*pools, nodes=nodes)
    there = Pod("default", "a", "node-2"), Pod("default", "b", "node-2", pools=(LARGE,))
    found = made(made_of, cluster(made_of, *there))
    routes = found.routes("node-0")
    tunnelled, plain = found.addresses.blocks["node-2"]
    assert routes[tunnelled].device == "vxlan.calico"
    assert (routes[plain].device, routes[plain].proto) == ("eth0", "12")
    assert plain in found.routes("router")
    assert tunnelled not in found.routes("router")


def test_sets_and_kube_proxy_know_all_pools() -> None:
    found = lab(*many(1))
    sets = {item.name: item.members for item in found.network if isinstance(item, IpSet)}
    assert sets["cali40all-ipam-pools"] == (SMALL, LARGE)
    assert sets["cali40masq-ipam-pools"] == (SMALL,)
    assert proxy_options(found.topology, found.addresses).cluster_cidr == "10.244.0.0/16"


def test_kube_proxy_has_the_first_pool_where_no_prefix_has_all_and_nothing_else() -> None:
    apart = topology(IpPool(cidr="10.244.0.0/16"), IpPool(cidr="192.168.0.0/20"))
    assert apart.spec.cni.pod_cidr == "10.244.0.0/16"
