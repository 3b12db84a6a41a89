"""A bridge's ports that do not let the packet pass: pod-0 asks pod-1, both at cni0 of node-0."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.map.labmap import LabMap
from lab.map.place import Link, Place, Way
from lab.trace.ask.exchange import SILENT, Exchange
from lab.trace.explain.loss.cause import Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.kernel_answers import Answers
from lab.trace.explain.loss.links import bridge
from lab.trace.explain.passage import Passage
from lab.trace.explain.queries.bridge_port import BridgePort
from lab.trace.journey import DATA

ENTERED, LEFT = BridgePort("veth0", "cni0"), BridgePort("veth1", "cni0")


def pod(number: int) -> Place:
    links = (
        Link("eth0", "veth", f"02:00:00:00:00:0{number}", (f"10.244.0.{number}/24",), "", "node-0", f"veth{number}"),
    )
    return Place(f"shop/pod-{number}", "pod", "node-0", links=links, routes=(Way("default", "10.244.0.254", "eth0"),))


NODE = Place(
    "node-0",
    "node",
    links=(
        Link("cni0", "bridge", "02:00:00:00:00:fe", ("10.244.0.254/24",)),
        *(Link(f"veth{number}", "veth", "", (), "cni0", f"shop/pod-{number}", "eth0") for number in (0, 1)),
    ),
)


def found(*ports: BridgePort) -> Finding | None:
    exchange = Exchange(DATA, "tcp", "shop/pod-0", "10.244.0.0", 40000, "10.244.0.1", 8080, b"", SILENT)
    passage = Passage(LabMap("bridged", places=(NODE, pod(0), pod(1))), exchange, ())
    return bridge.port(Case(passage, (), Facts({"node-0": PlaceFacts("node-0", answers=Answers(ports=ports))})))


def test_ports_that_pass_everything_explain_nothing() -> None:
    assert found(ENTERED, LEFT) is None


@pytest.mark.parametrize(
    ("ports", "said", "fix"),
    [
        ((replace(ENTERED, isolated=True), LEFT), "", ()),
        (
            (replace(ENTERED, isolated=True), replace(LEFT, isolated=True)),
            "veth0 master cni0 isolated on",
            ("bridge link set dev veth0 isolated off", "bridge link set dev veth1 isolated off"),
        ),
        (
            (ENTERED, replace(LEFT, state="blocking")),
            "veth1 master cni0 state blocking",
            ("bridge link set dev veth1 state 3",),
        ),
        (
            (replace(ENTERED, locked=True), LEFT),
            "veth0 master cni0 locked on",
            ("bridge link set dev veth0 locked off",),
        ),
        (
            (ENTERED, replace(LEFT, flood=False, learning=False)),
            "veth1 master cni0 learning off flood off",
            ("bridge link set dev veth1 flood on learning on",),
        ),
    ],
)
def test_a_port_that_does_not(ports: tuple[BridgePort, ...], said: str, fix: tuple[str, ...]) -> None:
    finding = found(*ports)
    assert (finding.object if finding else "", finding.fix if finding else ()) == (said, fix)
