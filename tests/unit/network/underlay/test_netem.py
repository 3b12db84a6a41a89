"""Impairments as a difference to a network: by netem where the kernel has it, else by what stands in."""

from __future__ import annotations

from lab.network.design import design
from lab.network.ipam import assign
from lab.network.objects import Chain, Network, Qdisc
from lab.network.objects.qdisc import WHOLE
from lab.network.underlay.netem import NONE, Impairments, Live
from lab.plan import plan
from lab.topology import load_topology
from lab.topology.impairment import Impairment
from tests.clusters import cluster_of

FILE = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: bad-line}
spec:
  links:
    - {on: node-0/eth0, loss: 50%, rate: 10mbit}
    - {on: router/eth0, loss: 100%}
"""
WITHOUT = Impairments(netem=False)


def designed(known: Impairments, text: str = FILE) -> Network:
    loaded = load_topology(text, "bad-line.yaml", lambda _: "")
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster), impairments=known)


def queues(network: Network) -> dict[str, str]:
    return {f"{one.place}/{one.device}": one.words for one in network if isinstance(one, Qdisc)}


def first_rules(network: Network) -> dict[str, str]:
    """Of the last chain that packets pass, by place."""
    chains = [one for one in network if isinstance(one, Chain) and (one.table, one.name) == ("mangle", "POSTROUTING")]
    return {one.place: one.rules[0].text for one in chains}


def test_netem_does_all_of_it() -> None:
    network = designed(NONE)
    assert queues(network) == {
        "node-0/eth0": "netem limit 1000 loss 50% rate 10mbit",
        "router/eth0": "netem limit 1000 loss 100%",
    }
    assert "statistic" not in str(first_rules(network))
    assert {one.intent for one in network if isinstance(one, Qdisc)} == {
        "impairment of node-0/eth0 (bad-line.yaml:6)",
        "impairment of router/eth0 (bad-line.yaml:7)",
    }


def test_without_netem_a_bucket_keeps_the_rate_and_a_rule_loses() -> None:
    network = designed(WITHOUT)
    assert queues(network) == {"node-0/eth0": "tbf rate 10mbit burst 12500b limit 512500b"}
    rules = first_rules(network)
    assert rules["node-0"] == "-o eth0 -m statistic --mode random --probability 0.50000000000 -j DROP"
    assert rules["router"] == "-o eth0 -j DROP", "the match cannot say all of them"
    assert "-j cali-POSTROUTING" in rules["node-1"], "nothing is lost there"


def test_what_is_set_live_takes_the_place_of_the_files() -> None:
    held = Impairment.read({"delay": "20ms", "jitter": "5ms"})
    gone = Live("shop/web-0", "eth0", held)
    known = Impairments((Live("node-0", "eth0", held), gone), netem=True)
    assert queues(designed(known))["node-0/eth0"] == "netem limit 1000 delay 20ms 5ms"
    assert not any(place.startswith("shop") for place in queues(designed(known))), "there is no such place"


def test_a_share_is_counted_as_the_kernel_does() -> None:
    (one,) = [item for item in designed(NONE) if isinstance(item, Qdisc) and item.place == "router"]
    assert one.loss == WHOLE


def test_only_the_links_differ_from_the_same_lab_without() -> None:
    plain = designed(NONE, FILE.partition("  links:")[0] + "  nodes: [{name: node-0}, {name: node-1}]\n")
    steps = plan(designed(NONE), plain)
    assert [type(getattr(step, "object", None)) for step in steps.steps] == [Qdisc, Qdisc]
