"""Which components there are, where, and what is said of one that is stopped."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.network.components import COMPONENTS, Stop, chosen, named, places, stopped
from lab.network.design import design
from lab.network.objects import Chain, Listener
from tests.unit.network.small_labs import cluster, two_subnet


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("kube-proxy", "kube-proxy"),
        ("coredns", "dns"),
        ("kubelet", "probes"),
        ("kube-controller-manager", "controllers"),
    ],
)
def test_a_component_has_the_names_that_people_know_it_by(typed: str, name: str) -> None:
    assert named(typed).name == name


def test_one_that_there_is_not_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError) as told:
        named("kube-prox")
    assert told.value.hint == "did you mean 'kube-proxy'?"


def test_every_component_is_somewhere() -> None:
    lab = two_subnet()
    where = {one.name: places(one, lab.cluster) for one in COMPONENTS}
    assert where["kube-proxy"] == where["probes"] == lab.cluster.nodes
    assert where["dns"] == ("kube-system/dns-0",)
    assert where["controllers"] == ("",)
    assert chosen(named("dns"), "dns-0", lab.cluster) == ("kube-system/dns-0",)
    for name, on in (("kube-proxy", "node-9"), ("controllers", "node-0")):
        with pytest.raises(UsageError):
            chosen(named(name), on, lab.cluster)


def test_a_stop_says_what_is_so_and_what_ends_it() -> None:
    assert Stop("kube-proxy", "node-1").told == (
        "kube-proxy on node-1 is stopped: the node's rules and remembered flows do not follow the API "
        "(./inv component.start kube-proxy --on node-1)"
    )
    assert Stop("controllers").told.endswith("(./inv component.start controllers)")
    assert stopped((Stop("dns", "a"), Stop("probes", "b")), "dns") == {"a"}


def test_the_node_of_a_stopped_kube_proxy_has_the_rules_of_what_it_knew() -> None:
    before = two_subnet()
    fewer = cluster(before.topology, *before.cluster.pods, services=())
    stale = {"node-0": (before.cluster, before.addresses)}
    network = design(before.topology, fewer, before.addresses, stale=stale)

    def rules(node: str, of: tuple[object, ...]) -> set[object]:
        return {item for item in of if isinstance(item, Chain) and item.place == node and item.name.startswith("KUBE")}

    assert rules("node-0", network.objects) == rules("node-0", before.network.objects)
    assert rules("node-1", network.objects) != rules("node-1", before.network.objects)
    assert not [item for item in network if isinstance(item, Listener) and item.name == "kube-proxy"]
