"""The second hand of large labs: namespaces and links that a process beside the agent makes.

agent ── orders ──► hand ── netlink ──► node-0 ── eth0 ── pod-0 … pod-69
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import KernelError
from lab.kernel.apply import apply
from lab.kernel.holdings import Holdings
from lab.kernel.netlink.rtnetlink import interface
from lab.kernel.netlink.transport import RouteSocket
from lab.kernel.observe import observe
from lab.kernel.sandbox import hand
from lab.kernel.sandbox.hand import FEWEST
from lab.network.objects import Address, Interface, Namespace, Network, Object
from lab.plan import Plan, plan
from tests.integration.conftest import LabFactory
from tests.integration.sandboxed import sandboxed

PODS = FEWEST + 10  # more than it hands over in one message


def _network(*further: Object) -> Network:
    """A node with many pods, each behind a link."""
    made: list[Object] = [Namespace("node-0", "node")]
    for number in range(PODS):
        pod = f"default/pod-{number}"
        made += [
            Namespace(pod, "pod", "node-0"),
            Interface("node-0", f"cali{number}", "veth", "ee:ee:ee:ee:ee:ee", 1450, peer_place=pod, peer_name="eth0"),
            Interface(
                pod, "eth0", "veth", f"0a:00:00:00:00:{number:02x}", 1450, peer_place="node-0", primary=False,
                peer_name=f"cali{number}",
            ),
            Address(pod, "eth0", f"10.244.0.{number + 1}/32"),
        ]  # fmt: skip
    return Network((*made, *further))


def _apply(holdings: Holdings, wanted: Network) -> Plan:
    holdings.learn(wanted)
    steps = plan(wanted, observe(holdings, wanted))
    apply(holdings, steps, wanted, lambda _number, _place: None, lambda: False, lambda _phase: None)
    return steps


@sandboxed
def test_what_it_makes_is_there() -> None:
    holdings, wanted = Holdings(), _network()
    holdings.take_hand(PODS + 1)
    assert holdings.hand is not None, "so many are worth it"
    _apply(holdings, wanted)
    assert holdings.hand is None, "it is not needed any more"
    assert not plan(wanted, observe(holdings, wanted))
    for place in ("node-0", "default/pod-0", f"default/pod-{PODS - 1}"):
        with holdings.namespaces.entered(place):
            assert _loopback_is_up(), place


def _loopback_is_up() -> bool:
    with RouteSocket() as netlink:
        found = [body for body in netlink.dump(interface.RTM_GETLINK, bytes(16)) if body[4] == 1]
    return bool(found and found[0][8] & interface.IFF_UP)


@sandboxed
def test_a_refusal_names_the_step_and_what_follows_is_not_done() -> None:
    holdings = Holdings()
    first, last = "default/pod-7", f"default/pod-{PODS - 1}"
    holdings.take_hand(PODS + 1)
    with pytest.raises(KernelError, match=first) as refused:
        _apply(holdings, _network(Address(first, "eth0", "10.244.9.9/33")))
    assert "10.244.9.9/33" in str(refused.value.hint), "the line to try by hand"
    with holdings.namespaces.entered(last), RouteSocket() as netlink:
        links = interface.read(netlink, last).interfaces
    assert not [link for link in links if link.up], "the orders after it were not carried out"
    assert holdings.hand is None, "it has ended"
    assert "lab.kernel.sandbox.hand" not in _programs()


@sandboxed
def test_one_that_says_nothing_is_not_waited_for_without_end() -> None:
    holdings = Holdings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hand, "SECONDS", 0.3)
        holdings.take_hand(PODS + 1)
        assert holdings.hand is not None
        os.kill(holdings.hand.pid, signal.SIGSTOP)
        with pytest.raises(KernelError, match="has said nothing"):
            _apply(holdings, _network())
    holdings.let_go_of_hand()
    assert "lab.kernel.sandbox.hand" not in _programs()


@sandboxed
def test_more_pods_on_a_node_that_stands() -> None:
    holdings, wanted = Holdings(), _network()
    _apply(holdings, Network((Namespace("node-0", "node"),)))
    holdings.take_hand(PODS)
    _apply(holdings, wanted)
    assert not plan(wanted, observe(holdings, wanted))


@sandboxed
def test_fewer_places_than_it_made_namespaces_for() -> None:
    holdings, wanted = Holdings(), _network()
    holdings.take_hand(2 * PODS)
    before = len([*Path("/proc/self/fd").iterdir()])
    _apply(holdings, wanted)
    assert not plan(wanted, observe(holdings, wanted))
    assert len([*Path("/proc/self/fd").iterdir()]) - before < PODS + 10, (
        "the namespaces that nobody wanted are let go of"
    )


def _programs() -> str:
    return " ".join(
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline")
    )


MANY = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: many}
spec: {nodes: [{name: node-0}, {name: node-1}]}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: %d, selector: {matchLabels: {app: web}},
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: server, image: built-in}]}}}}
"""
REFUSED = "\n  firewalls: [{on: node-1, rules: ['-A INPUT -p tcp -m nosuchmatch -j DROP']}]\n"


def test_a_lab_that_needs_it(lab: LabFactory, file: Callable[[str], str]) -> None:
    one = lab(file(MANY % PODS))
    assert one.up().ok().startswith(f"{one.name}: no changes")
    assert one.drift() == []
    one.up(topology=file(MANY % (2 * PODS))).ok()
    assert one.plan() == "# no changes"
    refused = (MANY % (4 * PODS)).replace("spec: {nodes: [{name: node-0}, {name: node-1}]}",
        f"spec:\n  nodes: [{{name: node-0}}, {{name: node-1}}]{REFUSED}")  # fmt: skip
    told = one.up(topology=file(refused))
    assert told.status in (1, 2), str(told)
    file(MANY % (2 * PODS))
    assert one.plan() == "# no changes", "what it had made is gone again"
