"""Network objects as JSON and back."""

from __future__ import annotations

import json

from lab.network.objects import Interface, Ipip, Listener, NftChain, Reply, Route, Rule, Vxlan
from lab.network.objects.plain import KINDS, from_plain, to_plain
from tests.unit.trace.explain.loss.broken import designed


def test_what_a_lab_should_hold_comes_back_as_it_was() -> None:
    told = json.loads(json.dumps(to_plain(designed())))
    wanted = tuple(item for item in designed() if type(item).__name__ in KINDS)
    assert from_plain(told) == wanted
    assert [item.intent for item in from_plain(told)] == [item.intent for item in wanted]


def test_only_the_kinds_that_were_asked_for_are_told() -> None:
    assert {type(item) for item in from_plain(to_plain(designed(), ("Route",)))} == {Route}


def test_what_is_answered_to_all_is_kept() -> None:
    fixed = (Listener("node-0", "tcp", 32100, "kube-proxy", address="10.0.1.10", reply=Reply(503, "X-A: 1", "{}")),)
    assert from_plain(json.loads(json.dumps(to_plain(fixed)))) == fixed


def test_tunnels_keep_their_properties() -> None:
    tunnels = (
        Interface("n", "vxlan.calico", "vxlan", "", 1450, vxlan=Vxlan(4096, 4789, "10.0.1.10", "eth0")),
        Interface("n", "tunl0", "ipip", "", 1480, ipip=Ipip()),
    )
    assert from_plain(to_plain(tunnels)) == tunnels


def test_what_a_rule_chooses_from_comes_back() -> None:
    chain = NftChain(
        "node-0", "kube-proxy", "service-a", (Rule("numgen …", "Service a", ("endpoint b", "endpoint c")),)
    )
    (made,) = from_plain(json.loads(json.dumps(to_plain((chain,)))))
    assert isinstance(made, NftChain)
    assert made.rules[0].choices == ("endpoint b", "endpoint c")
