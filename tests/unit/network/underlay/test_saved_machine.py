"""What a machine's files say among what the lab's components make there, by what they say of the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.agent.design.blueprint import read_file
from lab.errors import FileError
from lab.network.design import assign, design
from lab.network.objects import FdbEntry, Interface, Neighbour, Network, NextHop, Object, Route, RoutingRule, Sysctl
from lab.network.objects.plain import from_plain, to_plain
from lab.network.part import Extent, part
from lab.network.underlay.saved_machine import held_by
from lab.plan import plan
from lab.plan.commands import commands
from lab.plan.steps import Step
from lab.topology import LoadedFile, load_topology
from lab.topology.consistency import cables
from lab.topology.defaults import complete
from lab.topology.machine.devices import devices
from tests.clusters import cluster_of

MACHINES = Path(__file__).parents[3] / "golden" / "machines"
HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\nspec:\n"
SUBNETS = "subnets: [{name: subnet-a, cidr: 10.0.1.0/24}, {name: subnet-b, cidr: 10.0.2.0/24}]"
NODES = (
    "nodes: [{name: node-0, address: 10.0.1.10}, {name: node-1, address: 10.0.1.11}, "
    "{name: node-2, subnet: subnet-b, address: 10.0.2.10}]"
)
CALICO = (
    "{on: node-0, routesFile: calico.routes, policyRulesFile: calico.policy, neighboursFile: calico.neigh, "
    "fdbFile: calico.fdb, sysctlFile: calico.sysctl}"
)


def load(machine: str, files: Mapping[str, str] | None = None, *spec: str) -> LoadedFile:
    text = "".join((HEAD, *(f"  {line}\n" for line in (SUBNETS, NODES, *spec)), f"  machines: [{machine}]\n"))

    def read(name: str) -> str:
        return files[name] if files else (MACHINES / name).read_text(encoding="utf-8")

    return load_topology(text, "lab.yaml", read)


def designed(loaded: LoadedFile) -> Network:
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster))


def with_file(field: str, text: str, *spec: str) -> Network:
    return designed(load(f"{{on: node-0, {field}: x}}", {"x": text}, *spec))


def saved(network: Network) -> list[Object]:
    return [item for item in network if held_by(getattr(item, "intent", ""))]


def defaults(network: Network) -> list[Route]:
    """node-0's."""
    found = (item for item in network if isinstance(item, Route) and item.place == "node-0")
    return [item for item in found if item.destination == "default"]


def test_a_calico_nodes_dumps_are_what_the_place_holds() -> None:
    found = {item.key: item for item in saved(designed(load(CALICO)))}
    default = found["route", "node-0", "default", "metric", "100"]
    assert isinstance(default, Route)
    assert (default.via, default.src, default.proto) == ("10.0.1.1", "10.0.1.10", "16")
    assert default.intent == (
        "saved route of node-0 (calico.routes:1), in place of the lab's own: everything else through router"
    )
    several = found["route", "node-0", "10.50.0.0/16", "metric", "20"]
    assert isinstance(several, Route)
    assert several.hops == (NextHop("10.0.1.2", "eth0"), NextHop("10.0.1.3", "eth0", 2))
    assert found["neighbour", "node-0", "vxlan.calico", "10.244.79.0"].intent == (
        "saved neighbour of node-0 (calico.neigh:5)"
    )
    assert ("fdb", "node-0", "vxlan.calico", "66:1f:aa:02:00:0a") in found
    filtered = found["sysctl", "node-0", "net.ipv4.conf.eth0.rp_filter"]
    assert isinstance(filtered, Sysctl)
    assert filtered.value == "2"
    assert filtered.instead is not None
    assert filtered.instead.value == "0"


def test_a_destination_has_the_files_routes_alone() -> None:
    network = with_file(
        "routesFile", "default via 10.0.1.11 dev eth0 metric 7 \ndefault via 10.0.1.1 dev eth0 metric 9 \n"
    )
    (first, second) = [
        item for item in network if isinstance(item, Route) and (item.place, item.destination) == ("node-0", "default")
    ]
    assert (first.metric, second.metric) == (7, 9)
    assert first.instead == Route("node-0", "default", via="10.0.1.1", device="eth0")
    assert second.instead is None, "what stands in place of the lab's own is the one that counts"


def test_what_is_of_one_of_several_tables_leaves_the_others() -> None:
    network = with_file("routesFile", "default via 10.0.1.11 dev eth0 table 100 \n")
    ways = [
        item for item in network if isinstance(item, Route) and (item.place, item.destination) == ("node-0", "default")
    ]
    assert [one.table for one in ways] == ["", "100"]


def test_a_neighbour_and_an_entry_stand_in_place_of_calicos() -> None:
    plain = designed(load("", {}))
    tunnel = next(item for item in plain if isinstance(item, FdbEntry) and item.place == "node-0")
    text = f"{tunnel.mac} dev vxlan.calico dst 10.0.2.99 self permanent\n"
    (found,) = saved(with_file("fdbFile", text))
    assert isinstance(found, FdbEntry)
    assert (found.key, found.remote, found.instead) == (tunnel.key, "10.0.2.99", tunnel)
    known = next(item for item in plain if isinstance(item, Neighbour) and item.place == "node-0")
    text = f"{known.address} dev vxlan.calico lladdr 66:00:00:00:00:01 PERMANENT\n"
    (other,) = saved(with_file("neighboursFile", text))
    assert isinstance(other, Neighbour)
    assert (other.key, other.instead) == (known.key, known)


def test_who_takes_forwarding_from_a_machine_takes_it_from_its_interfaces() -> None:
    network = with_file("sysctlFile", "net.ipv4.ip_forward = 0\n")
    values = {item.name: item.value for item in network if isinstance(item, Sysctl) and item.place == "node-0"}
    assert values["net.ipv4.ip_forward"] == "0"
    assert values["net.ipv4.conf.eth0.forwarding"] == values["net.ipv4.conf.vxlan.calico.forwarding"] == "0"
    assert [*values].index("net.ipv4.ip_forward") < [*values].index("net.ipv4.conf.eth0.forwarding"), (
        "the kernel sets all interfaces with it: their own come after it, as in the lab's own design"
    )
    of_pods = {value for name, value in values.items() if ".conf.cali" in name and name.endswith(".forwarding")}
    assert of_pods == {"1"}, "Felix gives it to each of them"


def test_rules_have_all_that_there_is_to_them_on_their_way_through_json() -> None:
    network = designed(load("{on: node-0, policyRulesFile: vpn.policy, routesFile: vpn.routes}"))
    rules = [item for item in network if isinstance(item, RoutingRule)]
    assert [one.selector for one in rules][2:4] == [
        "from all to 198.51.100.0/24 ipproto tcp dport 25 lookup 666",
        "from all ipproto udp sport 500-4500 lookup 100",
    ]
    items = saved(network)
    assert [*from_plain(to_plain(items))] == items
    assert [one.intent for one in from_plain(to_plain(items))] == [one.intent for one in items]
    assert [getattr(one, "instead", None) for one in from_plain(to_plain(items))] == [
        getattr(one, "instead", None) for one in items
    ]


def test_the_steps_are_the_lines_that_a_person_would_type() -> None:
    text = (
        "10.50.0.0/16 proto bgp metric 20 \n\tnexthop via 10.0.1.2 dev eth0 weight 1 \n\tnexthop via 10.0.1.3 dev eth0 "
        "weight 2 \nunreachable 10.51.0.0/16 metric 9 \n"
    )
    steps = plan(with_file("routesFile", text), designed(load("", {}))).steps
    assert [commands(step) for step in steps if isinstance(step, Step)] == [
        "ip -n node-0 route add unreachable 10.51.0.0/16 metric 9",
        "ip -n node-0 route add 10.50.0.0/16 proto 186 metric 20 nexthop via 10.0.1.2 dev eth0 weight 1 nexthop via "
        "10.0.1.3 dev eth0 weight 2",
    ]


def test_a_part_of_the_network_knows_nothing_of_what_a_file_stands_in_place_of() -> None:
    plain = load("", {})
    cluster = cluster_of(plain)
    addresses = assign(plain.topology, cluster)
    pod = next(one for one in cluster.pods if one.node == "node-0")
    reached = Extent(frozenset((pod.place,)), frozenset(("node-0",)))
    route = f"{addresses.pods[pod.place]}/32"
    text = f"blackhole {addresses.pods[pod.place]} \n"
    loaded = load("{on: node-0, routesFile: x}", {"x": text})
    keys = part(loaded.topology, cluster, addresses, reached).by_key
    assert ("route", "node-0", route) not in keys
    assert ("route", "node-0", route) in part(plain.topology, cluster, addresses, reached).by_key


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10.1.0.0/16 via 192.168.1.1 dev eth0 ", "node-0 has no neighbour 192.168.1.1 behind eth0"),
        ("10.1.0.0/16 via 10.244.0.64 dev vxlan.calico ", "node-0 has no neighbour 10.244.0.64 behind vxlan.calico"),
        (
            "10.1.0.0/16 via 10.0.1.1 dev eth0 src 10.0.1.99 ",
            "src 10.0.1.99 is no address of node-0, which",
        ),
    ],
)
def test_what_the_kernel_would_refuse_of_a_route_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    text = "".join((HEAD, f"  {SUBNETS}\n  {NODES}\n", "  machines: [{on: node-0, routesFile: x.routes}]\n"))
    (tmp_path / "x.routes").write_text(f"10.2.0.0/16 via 10.0.1.1 dev eth0 \n{line}\n", encoding="ascii")
    with pytest.raises(FileError) as refused:
        read_file(text, str(tmp_path / "lab.yaml"), [])
    assert str(refused.value).startswith(f"x.routes:2:1: {said}")


def test_a_gateway_that_a_route_of_the_file_leads_to_is_a_neighbour(tmp_path: Path) -> None:
    text = "".join((HEAD, f"  {SUBNETS}\n  {NODES}\n", "  machines: [{on: node-0, routesFile: x.routes}]\n"))
    (tmp_path / "x.routes").write_text(
        "10.1.0.0/16 via 169.254.9.9 dev eth0 \n169.254.9.9 dev eth0 scope link \n", encoding="ascii"
    )
    read = read_file(text, str(tmp_path / "lab.yaml"), [])
    assert len(read.topology.spec.machines[0].saved.routes) == 2


@pytest.mark.parametrize(
    "spec",
    [
        "cni: {encapsulation: VXLAN}",
        "cni: {encapsulation: IPIPCrossSubnet}",
        "cni: {encapsulation: None}",
        "cni: {plugin: flannel}",
        "cni: {plugin: flannel, encapsulation: None}",
        "cni: {wireguardEnabled: true}",
        "cni: {ipPools: [{cidr: 10.244.0.0/17, encapsulation: None}, {cidr: 10.244.128.0/17, encapsulation: IPIP}]}",
        "services: {proxy: ipvs}",
    ],
)
def test_the_interfaces_that_a_line_may_be_about_are_those_that_the_place_has(spec: str) -> None:
    loaded = load("", {}, spec)
    network, whole = designed(loaded), complete(loaded.topology).spec
    ends = cables(whole)
    for place in ("node-0", "router"):
        links = {item.name: item for item in network if isinstance(item, Interface) and item.place == place}
        own = {name for name in links if not name.startswith(("cali", "veth"))}
        told = devices(whole, place, ends[place])
        assert {*told.names} == {"lo", *own}
        assert {*told.tunnels} == {name for name, link in links.items() if link.vxlan}
