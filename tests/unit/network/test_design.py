"""The whole design: complete, ordered as a person builds, explained, and fast."""

from __future__ import annotations

from lab.cluster.objects import Pod
from lab.network.objects import Chain, Namespace, Route, Rule
from lab.topology.schema import Cni
from tests.effort import Effort
from tests.unit.network.small_labs import cluster, made, spec, two_subnet


def test_every_object_and_every_rule_says_what_it_is_for() -> None:
    for lab in (two_subnet(), two_subnet(Cni(plugin="flannel"))):
        silent = [item.key for item in lab.network if not item.intent]
        chains = (item for item in lab.network if isinstance(item, Chain))
        silent += [(item.name, rule.text) for item in chains for rule in item.rules if not rule.intent]
        assert silent == []


def test_no_two_objects_have_the_same_key() -> None:
    for lab in (two_subnet(), two_subnet(Cni(plugin="flannel")), two_subnet(Cni(encapsulation="IPIP"))):
        assert len(lab.network.by_key) == len(lab.network.objects)


def test_places_come_first_and_all_that_is_used_exists() -> None:
    objects = two_subnet().network.objects
    places = [item.place for item in objects if isinstance(item, Namespace)]
    assert [item.place for item in objects[: len(places)]] == places
    assert {item.place for item in objects} - set(places) == {"underlay"}


def test_every_chain_that_a_rule_jumps_to_is_there() -> None:
    builtin = {"ACCEPT", "DROP", "RETURN", "MARK", "MASQUERADE", "REJECT", "DNAT", "NOTRACK"}
    for lab in (two_subnet(), two_subnet(Cni(plugin="flannel")), two_subnet(Cni(encapsulation="IPIP"))):
        chains = [item for item in lab.network if isinstance(item, Chain)]
        known = {(item.place, item.table, item.name) for item in chains}
        for chain in chains:
            for target in filter(None, map(_target, chain.rules)):
                assert target in builtin or (chain.place, chain.table, target) in known, f"{chain.name} -> {target}"


def _target(rule: Rule) -> str:
    words = rule.text.split(" ")
    return next((words[place + 1] for place, word in enumerate(words) if word in ("-j", "-g")), "")


def test_the_same_input_gives_the_same_network() -> None:
    assert two_subnet().network == two_subnet().network


def test_a_pod_more_changes_only_what_is_its_own() -> None:
    before = two_subnet()
    more = (*before.cluster.pods, Pod("namespace001", "more", "node-0"))
    after = made(
        before.topology,
        cluster(before.topology, *more, services=before.cluster.services, slices=before.cluster.slices),
        before.addresses,
    )
    old = before.network.by_key
    changed = [item for item in after.network if old.get(item.key) != item]
    foreign = [item.key for item in changed if item.place not in ("node-0", "namespace001/more")]
    assert foreign == []
    assert {item.name for item in changed if isinstance(item, Chain) and item.key in old} == {
        "cali-from-wl-dispatch",
        "cali-to-wl-dispatch",
    }
    assert [item.destination for item in changed if isinstance(item, Route) and item.place == "node-0"] == [
        "10.244.0.4/32"
    ]
    assert set(old) <= set(after.network.by_key)


def test_a_thousand_pods_are_designed_in_a_fraction_of_a_second() -> None:
    topology = spec({f"node-{number}": "subnet-a" for number in range(10)})
    pods = (Pod("default", f"pod-{number}", f"node-{number % 10}") for number in range(1000))
    thousand = cluster(topology, *pods)
    with Effort() as effort:
        lab = made(topology, thousand)
    assert len(lab.network.objects) > 20_000
    assert effort.ms < 500, f"{effort.ms:.0f} ms, where a tenth of a second is usual"
