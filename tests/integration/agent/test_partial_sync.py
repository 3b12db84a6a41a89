"""kube-proxy's partial syncs in a kernel: they touch what changed and nothing else, and end where a full one does.

    Services, EndpointSlices ──▶ Following ──▶ steps of one change ──▶ iptables-restore, nft ──▶ node-0

No lab: a namespace that plays the node, in a sandbox of its own.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from lab.agent.design.blueprint import Design, read_design
from lab.agent.design.transition import Following, NodeProxies
from lab.cluster.objects import Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.kernel.host.packages import find
from lab.kernel.rules import iptables, nft
from lab.kernel.rules.loaders import Loading
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.kubeproxy.iptables.names import service_chain
from lab.network.objects import Chain, Namespace, Network, NftObject
from lab.plan import NftStep, Plan, RuleStep, plan
from lab.plan.nft_input import transactions
from lab.plan.restore import restore_input
from tests.integration.sandboxed import sandboxed

NODE = "node-0"
TOPOLOGY = """
apiVersion: hoplab/v1
kind: Topology
metadata: {{name: proxies}}
spec:
  nodes: [{{name: node-0}}, {{name: node-1}}]
  cni: {{plugin: flannel, encapsulation: VXLAN}}
  services: {{proxy: {mode}}}
"""
MANY = 1_000
UDP = (ServicePort("http", "UDP", 80, 8080),)
SEEDS, CHANGES = 3, 12


def empty(mode: str) -> Design:
    """A cluster of two nodes without Services of its own."""
    return read_design(TOPOLOGY.format(mode=mode), "proxies.yaml", ())


def with_services(design: Design, services: Sequence[Service], slices: Sequence[EndpointSlice]) -> Design:
    return replace(design, cluster=replace(design.cluster, services=tuple(services), slices=tuple(slices)))


def service(number: int, **other: object) -> Service:
    ports = (ServicePort("http", "TCP", 80, 8080),)
    made = Service("ns", f"web-{number}", "ClusterIP", f"172.16.{number // 250}.{number % 250 + 1}", ports)
    return replace(made, **other)  # type: ignore[arg-type]


def behind(number: int, *endpoints: Endpoint, protocol: str = "TCP") -> EndpointSlice:
    ports = (PortEndpoints("http", protocol, 8080, endpoints),)
    return EndpointSlice("ns", f"web-{number}-x", f"web-{number}", ports)


def only(place: str, steps: Plan) -> Plan:
    """The rules of one place."""
    return Plan(tuple(step for step in steps.steps if isinstance(step, RuleStep | NftStep) and step.place == place))


@dataclass
class Node:
    """A namespace that plays node-0, and what its kube-proxy has programmed so far."""

    namespaces: Namespaces
    proxies: NodeProxies
    design: Design

    @classmethod
    def begin(cls, design: Design) -> Node:
        """With all that follows from the design."""
        node = cls(Namespaces(), NodeProxies(), design)
        node.proxies.begin(design)
        node.make(NODE, design)
        subprocess.run(["ip", "-n", NODE, "route", "add", "default", "dev", "lo"], check=True)
        return node

    def make(self, place: str, design: Design) -> None:
        """A namespace with the whole of a node's rules, in a full sync."""
        self.namespaces.create(place)
        nothing = Network(tuple(item for item in design.network if isinstance(item, Namespace)))
        self.load(place, only(NODE, plan(design.network.only(frozenset({NODE})), nothing.only(frozenset({NODE})))))

    def load(self, place: str, steps: Plan) -> None:
        loading = Loading(self.namespaces)
        for step in steps.steps:
            assert isinstance(step, RuleStep | NftStep)
            loading.add(replace(step, place=place))
        loading.finish(1)

    def follow(self, design: Design) -> Plan:
        """A partial sync. Gives its steps."""
        carrying, _names = Following(self.proxies, self.design, design).strides()
        steps = only(NODE, carrying[0])
        self.load(NODE, steps)
        self.design = design
        return steps

    def holds(self, place: str) -> tuple[list[Chain], list[NftObject]]:
        """kube-proxy's rules as the place's kernel tells them."""
        saved = iptables.start_save(self.namespaces, place).result()
        chains = [chain for chain in iptables.chains(NODE, saved) if chain.name.startswith("KUBE-")]
        listing = nft.start_list(self.namespaces, place)
        objects = nft.objects(NODE, listing.result()) if listing else []
        return sorted(chains, key=lambda one: one.key), sorted(objects, key=lambda one: one.key)

    def counted(self, chain: str) -> list[str]:
        """Packets of each rule of a chain of the nat table."""
        with self.namespaces.entered(NODE):
            told = subprocess.run(
                ["iptables", "-t", "nat", "-vnxL", chain], capture_output=True, text=True, check=True
            ).stdout
        return [line.split()[0] for line in told.splitlines()[2:]]

    def ask(self, address: str) -> None:
        """One packet of a new connection, sent by the node itself."""
        with self.namespaces.entered(NODE):
            subprocess.run(
                ["bash", "-c", f"exec 3<>/dev/udp/{address}/80; printf x >&3"], check=True, capture_output=True
            )


def many(count: int, changed: int = -1) -> tuple[list[Service], list[EndpointSlice]]:
    """Services of UDP, so that one datagram is one packet; `changed` has another endpoint than usual."""
    services = [service(number, ports=UDP) for number in range(count)]
    slices = [
        behind(
            number,
            Endpoint(address=f"10.{99 if number == changed else 98}.{number // 250}.{number % 250 + 1}", node=NODE),
            protocol="UDP",
        )
        for number in range(count)
    ]
    return services, slices


@sandboxed
def test_of_a_thousand_services_one_that_changes_is_seven_lines_and_no_other_counter_is_lost() -> None:
    design = empty("iptables")
    services, slices = many(MANY)
    node = Node.begin(with_services(design, services, slices))
    changed, other = service_chain("ns/web-77:http", "udp"), service_chain("ns/web-78:http", "udp")
    for number in (77, 78):
        node.ask(services[number].cluster_ip)
    before = node.counted("KUBE-SERVICES")
    assert node.counted(changed)[-1] == node.counted(other)[-1] == "1", "each of both was asked once"

    steps = node.follow(with_services(design, services, many(MANY, changed=77)[1]))

    (step,) = steps.steps
    assert isinstance(step, RuleStep)
    lines = restore_input(step.changes).splitlines()
    written = [line for line in lines if line[0] in ":-"]
    endpoint = "KUBE-SEP-[A-Z0-9]{16}"
    expected = (
        rf":{endpoint} - \[0:0\]",
        rf"-A {endpoint} -s 10.99.0.78/32 .*",
        rf"-A {endpoint} -p udp .*",
        rf"-I {changed} 2 .*",
        rf"-D {changed} 3",
        rf"-F {endpoint}",
        rf"-X {endpoint}",
    )
    assert len(written) == len(expected), f"of some {MANY * 6} lines these were written: {written}"
    for line, pattern in zip(written, expected, strict=True):
        assert re.fullmatch(pattern, line), f"{line}\nis not {pattern}"
    assert node.counted("KUBE-SERVICES") == before, "what all share was left alone"
    assert node.counted(other)[-1] == "1", "and so was the other Service"
    assert node.counted(changed) == ["1", "0"], "the rule that stays keeps its count, the new one begins at nothing"


@sandboxed
def test_a_service_more_among_many_keeps_the_counters_of_those_that_all_share() -> None:
    design = empty("iptables")
    services, slices = many(MANY - 100)  # with more than 1,000 endpoints all would lose their comments
    node = Node.begin(with_services(design, services, slices))
    node.ask(services[500].cluster_ip)
    before = node.counted("KUBE-SERVICES")
    assert before.count("1") >= 1, "it was asked"
    more = service(5_000, cluster_ip="172.16.99.99", ports=UDP)
    here = behind(5_000, Endpoint(address="10.98.99.99", node=NODE), protocol="UDP")
    node.follow(with_services(design, [*services, more], [*slices, here]))
    after = node.counted("KUBE-SERVICES")
    assert len(after) == len(before) + 1
    assert [count for count in after if count != "0"] == [count for count in before if count != "0"]


class Dice:
    """Random Services and endpoints, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._services: dict[int, Service] = {}
        self._slices: dict[int, EndpointSlice] = {}

    def roll(self, design: Design) -> Design:
        """The next state: some Services come, change or go, and so do endpoints."""
        for _ in range(self._random.randint(1, 4)):
            number = self._random.randrange(6)
            if number in self._services and self._random.random() < 0.25:
                del self._services[number]
                self._slices.pop(number, None)
                continue
            if number not in self._services or self._random.random() < 0.5:
                self._services[number] = self._service(number)
            protocol = self._services[number].ports[0].protocol
            self._slices[number] = behind(number, *self._endpoints(), protocol=protocol)
        return with_services(design, list(self._services.values()), list(self._slices.values()))

    def _service(self, number: int) -> Service:
        pick = self._random.choice
        exposed = pick([True, False])
        port = ServicePort("http", pick(["TCP", "UDP", "SCTP"]), 80, 8080, 30000 + number if exposed else 0)
        return service(
            number,
            type="LoadBalancer" if exposed else "ClusterIP",
            ports=(port,),
            external_ips=pick([(), (f"203.0.113.{number + 1}",)]),
            load_balancer_ips=(f"192.0.2.{number + 1}",) if exposed else (),
            source_ranges=pick([(), ("198.51.100.0/24", "10.0.0.0/8")]),
            affinity_seconds=pick([0, 0, 600, 10800]),
            internal_policy=pick(["Cluster", "Local"]),
            external_policy=pick(["Cluster", "Local"]),
        )

    def _endpoints(self) -> list[Endpoint]:
        flip = self._random.random
        return [
            Endpoint(
                address=f"10.244.0.{last}",
                node=self._random.choice([NODE, "node-1"]),
                ready=flip() < 0.7,
                terminating=flip() < 0.3,
            )
            for last in self._random.sample(range(2, 12), self._random.randrange(4))
        ]


def whatever_changes(mode: str, seed: int) -> None:
    """After each of many random changes the kernel has what a full sync gives to an empty one."""
    design = empty(mode)
    dice = Dice(seed)
    node = Node.begin(dice.roll(design))
    for change in range(CHANGES):
        wanted = dice.roll(design)
        steps = node.follow(wanted)
        full = f"full-{change}"
        node.make(full, wanted)
        told = [
            restore_input(step.changes) if isinstance(step, RuleStep) else "".join(transactions(step.changes).changes)
            for step in steps.steps
            if isinstance(step, RuleStep | NftStep)
        ]
        assert node.holds(NODE) == node.holds(full), f"seed {seed}, change {change}, by\n{''.join(told)}"
        node.namespaces.remove(full)
    node.namespaces.remove(NODE)


@sandboxed
def test_whatever_changes_the_kernel_ends_with_what_a_full_sync_gives() -> None:
    for seed in range(SEEDS):
        whatever_changes("iptables", seed)


@pytest.mark.skipif(not find("nft"), reason="this machine has no nft")
@sandboxed
def test_whatever_changes_in_nftables_mode_the_kernel_ends_with_what_a_full_sync_gives() -> None:
    for seed in range(SEEDS):
        whatever_changes("nftables", seed)
