"""What was changed by hand: told of two networks, made again it is the same; what cannot be right is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.agent.design.blueprint import read_design
from lab.drift import plain_objects, rule_edits, set_edits
from lab.drift.made import with_drift
from lab.drift.told import told
from lab.errors import FileError
from lab.faults.catalogue import FAULTS
from lab.faults.fault import Placed, Rewrite
from lab.network.objects import Chain, IpSet, Key, Network, Object, Process, Route, Rule
from lab.topology.handed.drifted import Drifted
from tests.unit.faults.test_faults import DESIGNS

TOPOLOGY = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: one}\nspec:\n"


def entries(designed: Network, held: Network) -> tuple[Drifted, ...]:
    return tuple(Drifted.model_validate(one, by_alias=True, by_name=False) for one in told(designed, held))


@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("name", [name for name, one in FAULTS.items() if isinstance(one.effect, Rewrite)])
def test_whatever_a_fault_changes_is_told_and_made_again(kind: str, name: str) -> None:
    design, fault = DESIGNS[kind], FAULTS[name]
    for place in fault.places(design.ground)[:2]:
        held = Placed(fault, place, tuple(fault.given({}).items())).made_in(design.network, design.ground)
        written = entries(design.network, held)
        assert written, f"nothing is told of {name} on {place}"
        made = with_drift(design.network, written)
        assert without_programs(made) == without_programs(held), written
        anew = {item.place for item in made if isinstance(item, Process) and design.network.by_key[item.key] != item}
        assert anew == {
            item.place for item in held if isinstance(item, Process) and design.network.by_key[item.key] != item
        }


def without_programs(network: Network) -> dict[Key, Object]:
    """What programs read is told of files."""
    return {item.key: item for item in network if not isinstance(item, Process)}


def test_two_networks_that_are_the_same_have_no_drift() -> None:
    network = DESIGNS["calico"].network
    assert told(network, network) == []


def chain(*rules: str, policy: str = "") -> Chain:
    return Chain("node-0", "filter", "FORWARD" if policy else "MINE", tuple(map(Rule, rules)), policy)


@pytest.mark.parametrize(
    ("was", "now", "text"),
    [
        (("-j a", "-j b"), ("-j x", "-j a", "-j b"), "-I MINE 1 -j x"),
        (("-j a", "-j b"), ("-j a", "-j b", "-j x"), "-A MINE -j x"),
        (("-j a", "-j b"), ("-j b",), "-D MINE -j a"),
        (("-j a", "-j a"), ("-j a",), "-D MINE 2"),
    ],
)
def test_changed_rules_are_written_as_a_person_would(was: tuple[str, ...], now: tuple[str, ...], text: str) -> None:
    written = rule_edits.written([chain(*was)], [chain(*now)])
    assert written == f"*filter\n{text}\nCOMMIT\n"
    made = rule_edits.made("node-0", {("filter", "MINE"): chain(*was)}, rule_edits.read(written))
    assert made["filter", "MINE"] == chain(*now)


def test_chains_come_and_go() -> None:
    written = rule_edits.written([chain("-j a")], [chain("-j a", policy="DROP")])
    assert written == "*filter\n:FORWARD DROP\n-A FORWARD -j a\n-X MINE\nCOMMIT\n"
    edits = rule_edits.read(written)
    assert rule_edits.gone(edits) == {("filter", "MINE")}
    assert rule_edits.made("node-0", {}, edits)["filter", "FORWARD"] == chain("-j a", policy="DROP")


def test_what_is_no_longer_there_need_not_be_taken_out() -> None:
    edits = rule_edits.read("*filter\n-D MINE -j gone\n-I MINE 9 -j x\n")
    assert rule_edits.made("node-0", {("filter", "MINE"): chain("-j a")}, edits)["filter", "MINE"] == chain(
        "-j a", "-j x"
    )


@pytest.mark.parametrize(
    "text",
    [
        "-A INPUT -j DROP",
        "*nothing",
        "*filter\n-Z INPUT",
        "*filter\n-A INPUT",
        "*filter\n-I INPUT 0 -j DROP",
        "*filter\n-D X",
    ],
)
def test_lines_that_change_no_chain_are_refused(text: str) -> None:
    with pytest.raises(rule_edits.MisreadError, match="line"):
        rule_edits.read(text)


def test_sets_are_told_by_what_comes_and_goes() -> None:
    was, now = (
        IpSet("node-0", "hosts", "hash:ip", one) for one in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.3"))
    )
    written = set_edits.written([was], [now])
    assert written == "add hosts 10.0.0.3\ndel hosts 10.0.0.1\n"
    assert set_edits.made("node-0", {"hosts": was}, set_edits.read(written)) == {"hosts": now}
    assert set_edits.made("node-0", {"hosts": was}, set_edits.read("destroy hosts\n")) == {"hosts": None}
    with pytest.raises(rule_edits.MisreadError):
        set_edits.read("add hosts 1;2")


def test_an_object_keeps_what_the_kernel_does_not_tell_of_it() -> None:
    designed = Route("node-0", "10.1.0.0/16", via="10.0.1.1", intent="to the others")
    said = plain_objects.told(replace(designed, via="10.0.1.9"), designed=True)
    assert said == {"kind": "Route", "destination": "10.1.0.0/16", "via": "10.0.1.9"}
    assert plain_objects.beside(plain_objects.read("node-0", said), designed).intent == "to the others"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kind": "Process", "name": "x", "argv": ["sh"]},
        {"kind": "Namespace"},
        {"kind": "Route"},
        {"kind": "Route", "destination": 7},
        {"kind": "Route", "destination": "10.0.0.0/99"},
        {"kind": "Route", "destination": "10.0.0.0/8", "type": "strange"},
        {"kind": "Address", "device": "eth0", "address": "10.0.1.9"},
        {"kind": "Neighbour", "device": "eth0", "address": "10.0.1.9/24", "mac": "02:00:00:00:00:01"},
        {"kind": "Route", "destination": "default", "place": "node-1"},
        {"kind": "Route", "destination": "default", "nothing": "x"},
        {"kind": "Route", "destination": "default", "device": "a b"},
        {"kind": "Sysctl", "name": "net/../../kernel.panic", "value": "1"},
        {"kind": "Sysctl", "name": "kernel.panic", "value": "1"},
        {"kind": "Sysctl", "name": "net.ipv4.ip_forward", "value": "1\n2"},
        {"kind": "NftTable", "name": "x\n}"},
        {"kind": "Listener", "protocol": "tcp", "port": "80", "name": "x"},
    ],
)
def test_what_can_be_no_object_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(plain_objects.UnfitError):
        plain_objects.read("node-0", said)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("{on: node-0, rules: '-A INPUT -j DROP'}", "spec.drift[0].rules"),
        ("{rules: ''' '}", ""),
        ("{on: node-0, objects: [{kind: Nothing}]}", "spec.drift[0].objects"),
        ("{objects: [{kind: Route, destination: default, type: blackhole}]}", "spec.drift[0].on"),
        ("{on: node-0, stopped: [nothing]}", "spec.drift[0].stopped"),
        ("{on: node-0, sets: 'say x'}", "spec.drift[0].sets"),
    ],
)
def test_mistakes_of_a_file_have_their_line_and_field(entry: str, field: str) -> None:
    with pytest.raises(FileError) as raised:
        read_design(f"{TOPOLOGY}  drift:\n    - {entry}\n", "lab.yaml", ())
    assert raised.value.mistakes[0].field == field or not field
    assert raised.value.mistakes[0].line >= 5


def test_a_place_that_there_is_not_is_warned_of_and_files_are_the_labs_own() -> None:
    text = (
        f"{TOPOLOGY}  drift:\n    - {{on: nowhere, gone: [[route, default]]}}\n"
        "    - {on: node-0, objects: [{kind: File, path: /etc/passwd, content: x}]}\n"
    )
    design = read_design(text, "lab.yaml", ())
    assert "lab.yaml:6: there is no place nowhere: what was changed there by hand is left out" in design.warnings
    assert design.held.by_key == design.network.by_key
    assert not design.is_whole
    assert design.undrifted.is_whole


def test_texts_of_files_are_taken_from_the_file_itself() -> None:
    text = (
        f"{TOPOLOGY}  firewalls: [{{on: node-0, rulesFile: /mine}}]\n"
        "  files:\n    /mine: |\n      *filter\n      -A INPUT -p udp -j DROP\n      COMMIT\n"
    )
    design = read_design(text, "lab.yaml", ())
    assert any(
        "-p udp -j DROP" in rule.text for item in design.network if isinstance(item, Chain) for rule in item.rules
    )
    assert design.read.beside["/mine"].startswith("*filter")


def test_pods_and_nodes_have_again_what_they_had() -> None:
    text = (
        f"{TOPOLOGY}  kept:\n    nodes: {{node-0: 10.0.1.77}}\n"
        "    blocks: {node-0: [10.244.0.64/26], node-1: [10.244.0.0/26]}\n"
        "    pods: {default/web: {node: node-1, address: 10.244.0.9}}\n"
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: built-in}]}\n"
    )
    design = read_design(text, "lab.yaml", ())
    assert design.addresses.nodes["node-0"] == "10.0.1.77"
    assert design.addresses.blocks["node-0"] == ("10.244.0.64/26",)
    assert {pod.place: pod.node for pod in design.cluster.pods}["default/web"] == "node-1"
    assert design.addresses.pods["default/web"] == "10.244.0.9"


def test_two_cannot_have_kept_the_same() -> None:
    blocks = "blocks: {node-0: [10.244.0.0/26], node-1: [10.244.0.0/26]}"
    with pytest.raises(FileError, match="is node-0's already"):
        read_design(f"{TOPOLOGY}  kept: {{{blocks}}}\n", "lab.yaml", ())
