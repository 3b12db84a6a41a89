"""A real kernel gives back every table of the design as it was said, and whatever it has becomes what it should have.

node-0, a namespace with nothing in it: table ip kube-proxy by `nft -f -`, read with `nft -s list table`
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.kernel.host.packages import find, search_path
from lab.kernel.rules import nft
from lab.kernel.rules.loaders import Loading
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.kubeproxy.nftables.ruleset import tables
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Namespace, Network, NftObject
from lab.network.place_names import UNDERLAY
from lab.plan import NftStep, plan
from lab.plan.nft_input import transactions
from lab.plan.summary import summary
from tests.integration.sandboxed import sandboxed
from tests.unit.network.kubeproxy.iptables.test_kubeproxy_golden import EVERYWHERE, FAR, HERE, Addresses, leaving
from tests.unit.network.objects.test_kubeproxy_nftables import CASES, SERVICE_CIDRS, made

NODE = Namespace("node-0", "node")
OPTIONS = ProxyOptions("10.244.0.0/16")
USER = ("unshare", "--user", "--map-root-user", "--net", "--")

pytestmark = pytest.mark.skipif(not find("nft"), reason="this machine has no nft")


class Node:
    """A namespace of its own, and the lab's own way to it."""

    def __init__(self) -> None:
        self.namespaces = Namespaces()
        self.namespaces.create("node-0")

    def held(self) -> Network:
        running = nft.start_list(self.namespaces, "node-0")
        return Network((NODE, *(nft.objects("node-0", running.result()) if running else ())))

    def bring(self, wanted: Network) -> tuple[NftStep, ...]:
        """Make it so; gives what that took."""
        steps = tuple(step for step in plan(wanted, self.held()).steps if isinstance(step, NftStep))
        loading = Loading(self.namespaces)
        for step in steps:
            loading.add(step)
        loading.finish(beside=1)
        return steps

    def differences(self, wanted: Network) -> list[dict[str, str]]:
        """What is not as it should be."""
        return summary(plan(wanted, self.held()))


def network(objects: tuple[NftObject, ...]) -> Network:
    return Network((NODE, *objects))


@sandboxed
def test_every_kind_of_service_comes_back_as_it_was_said() -> None:
    node = Node()
    for name, case in CASES.items():
        wanted = network(made(case))
        node.bring(wanted)  # from the case before: sets, chains and elements come, change and go
        assert node.differences(wanted) == [], name
    node.bring(network(()))
    assert node.held() == network(()), "the table goes as a whole"


@sandboxed
def test_what_somebody_changes_by_hand_is_mended() -> None:
    node = Node()
    wanted = network(made(CASES["both-policies-local"]))
    node.bring(wanted)
    names = [item.name for item in made(CASES["both-policies-local"]) if item.name.startswith("affinity-")]
    for line, named in (
        ("delete element ip kube-proxy service-ips { 172.16.10.10 . tcp . 80 }", ["nft-map"]),
        ("add element ip kube-proxy cluster-ips { 1.2.3.4 }", ["nft-set"]),
        ("flush chain ip kube-proxy services", ["nft-chain"]),
        ("insert rule ip kube-proxy nat-output accept", ["nft-chain"]),
        ("add chain ip kube-proxy foreign", ["nft-chain"]),
        (f"add element ip kube-proxy {names[0]} {{ 1.2.3.4 }}", []),  # as a client does
        ("add table ip another", []),
        ("delete table ip kube-proxy", ["nft-chain", "nft-map", "nft-set", "nft-table"]),
    ):
        nft.start_load(node.namespaces, "node-0", f"{line}\n").result()
        changed = sorted({change.object.key[0] for step in node.bring(wanted) for change in step.changes})
        assert changed == named, line
        assert node.differences(wanted) == [], line


@sandboxed
def test_another_time_of_session_affinity_makes_the_sets_anew() -> None:
    node = Node()
    case = CASES["session-affinity"]
    node.bring(network(made(case)))
    wanted = network(made(replace(case, affinity_seconds=90)))
    node.bring(wanted)
    assert node.differences(wanted) == []


@sandboxed
def test_the_machine_has_what_the_table_needs() -> None:
    namespaces = Namespaces()
    nft.require(namespaces, UNDERLAY)
    assert nft.start_list(namespaces, UNDERLAY) is None, "trying leaves nothing"


SERVICES = st.builds(
    Service,
    st.just("ns1"),
    st.sampled_from(("a", "b", "c")),
    st.just("LoadBalancer"),
    st.just(""),
    st.just(()),
    external_ips=st.sampled_from(((), ("203.0.113.10",))),
    load_balancer_ips=st.sampled_from(((), ("203.0.113.20", "203.0.113.21"))),
    source_ranges=st.sampled_from(((), ("198.51.100.0/24", "10.0.0.0/8"))),
    affinity_seconds=st.sampled_from((0, 90, 10800)),
    internal_policy=st.sampled_from(("Cluster", "Local")),
    external_policy=st.sampled_from(("Cluster", "Local")),
)
ENDPOINTS = st.lists(st.sampled_from((*EVERYWHERE, leaving(HERE), leaving(FAR))), unique_by=lambda one: one.address)
PROTOCOLS = st.sampled_from(("TCP", "UDP", "SCTP"))


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    services, slices = [], []
    for number, drawn in enumerate(draw(st.lists(SERVICES, unique_by=lambda one: one.name, max_size=3))):
        protocol = draw(PROTOCOLS)
        port = ServicePort("p", protocol, 80 + number, 8080, draw(st.sampled_from((0, 30080 + number))))
        services.append(replace(drawn, cluster_ip=f"172.16.0.{10 + 'abc'.index(drawn.name)}", ports=(port,)))
        endpoints: tuple[Endpoint, ...] = tuple(draw(ENDPOINTS))
        slices.append(EndpointSlice("ns1", drawn.name, drawn.name, (PortEndpoints("p", protocol, 8080, endpoints),)))
    return Cluster(("node-0", "node-1", "node-2"), ("ns1",), (), tuple(services), tuple(slices))


@sandboxed
def test_any_cluster_becomes_any_other() -> None:
    """After each of many random changes the kernel has what a fresh table would have."""
    node = Node()

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cluster=clusters())
    def change(cluster: Cluster) -> None:
        wanted = network(tables(cluster, Addresses(), "node-0", OPTIONS, SERVICE_CIDRS))
        node.bring(wanted)
        assert node.differences(wanted) == []

    change()


def test_an_ordinary_user_loads_a_large_table_in_parts(tmp_path: Path) -> None:
    """Its netlink socket takes 208 KiB at a time; 500 Services are a multiple of that."""
    targets = tuple(Endpoint(address=f"10.244.1.{number}", node="node-1") for number in range(1, 4))
    services = tuple(
        Service("ns1", f"web-{number}", "ClusterIP", f"172.16.{number // 250}.{number % 250}", (PORT,))
        for number in range(500)
    )
    slices = tuple(
        EndpointSlice("ns1", one.name, one.name, (PortEndpoints("", "TCP", 80, targets),)) for one in services
    )
    cluster = Cluster(("node-0",), ("ns1",), (), services, slices)
    wanted = network(tables(cluster, Addresses(), "node-0", OPTIONS, SERVICE_CIDRS))
    (step,) = plan(wanted, network(())).steps
    assert isinstance(step, NftStep)
    files = []
    for number, part in enumerate(transactions(step.changes).changes):
        files.append(tmp_path / f"{number}.nft")
        files[-1].write_text(part, encoding="utf-8")
    script = 'for file; do nft -f "$file" || exit; done; nft -s list table ip kube-proxy'
    done = subprocess.run(
        [*USER, "sh", "-c", script, "sh", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": search_path()},
    )
    assert done.returncode == 0, done.stderr
    assert not plan(wanted, network(tuple(nft.objects("node-0", done.stdout))))


PORT = ServicePort("", "TCP", 80, 80)
