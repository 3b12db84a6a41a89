"""A topology file becomes a Topology in which every choice is made."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from lab.errors import FileError
from lab.topology import LoadedFile, load_topology
from lab.topology.defaults import complete
from lab.topology.schema import Topology
from lab.topology.schema_export import json_schema
from lab.topology.yaml.text import read_documents
from tests.clusters import cluster_of
from tests.effort import Effort

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
FILES = sorted(TOPOLOGIES.glob("*.yaml"))
HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\n"


def no_file(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def load(spec: str = "", *settings: str) -> LoadedFile:
    return load_topology(f"{HEAD}{spec}", "lab.yaml", no_file, settings)


def test_three_lines_are_a_valid_topology() -> None:
    spec = load().topology.spec
    assert [(router.name, router.subnets) for router in spec.routers] == [("router", ("subnet-a",))]
    assert [(node.name, node.subnet) for node in spec.nodes] == [("node-0", "subnet-a"), ("node-1", "subnet-a")]
    assert (spec.cni.encapsulation, spec.cni.vni, spec.cni.port, spec.cni.mtu) == ("VXLANCrossSubnet", 4096, 4789, 1450)


@pytest.mark.parametrize(
    ("cni", "expected"),
    [
        ("{plugin: flannel}", ("VXLAN", 1, 8472, 1450)),
        ("{plugin: flannel, encapsulation: None}", ("None", 1, 8472, 1500)),
        ("{encapsulation: IPIP}", ("IPIP", 4096, 4789, 1480)),
        ("{vni: 7, port: 9, mtu: 1400}", ("VXLANCrossSubnet", 7, 9, 1400)),
        ("{plugin: null, mtu: ~}", ("VXLANCrossSubnet", 4096, 4789, 1450)),
    ],
)
def test_each_plugin_has_its_own_numbers(cni: str, expected: tuple[object, ...]) -> None:
    made = load(f"spec: {{cni: {cni}}}").topology.spec.cni
    assert (made.encapsulation, made.vni, made.port, made.mtu) == expected


def test_node_ports_on_localhost_are_for_iptables_alone() -> None:
    spec = "spec:\n  services:\n    nodePortAddresses: [10.0.1.10/32, 127.0.0.0/8]\n"
    loaded = load(spec)
    assert loaded.topology.spec.services.node_port_addresses == ("10.0.1.10/32", "127.0.0.0/8")
    assert loaded.warnings == ()
    told = "127.0.0.0/8 has no effect: with services.proxy nftables no node port answers on 127.0.0.0/8"
    assert load(spec, "services.proxy=nftables").warnings == (f"lab.yaml:6: {told}",)


def test_filling_in_twice_changes_nothing() -> None:
    for file in FILES:
        topology = load_topology(file.read_text(encoding="utf-8"), file.name, no_file).topology
        assert complete(topology) == topology, file.name


def test_manifests_are_what_follows_the_first_document() -> None:
    loaded = load("---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    assert [document.value["kind"] for document in loaded.manifests] == ["Namespace"]
    assert loaded.manifests[0].position(("metadata", "name")) == ("lab.yaml", 8, 18)


def test_two_routers_in_a_row_reach_every_subnet() -> None:
    text = (TOPOLOGIES / "three-subnet.yaml").read_text(encoding="utf-8")
    routers = load_topology(text, "three-subnet.yaml", no_file).topology.spec.routers
    assert [router.subnets for router in routers] == [("subnet-a", "subnet-b"), ("subnet-b", "subnet-c")]


def test_settings_change_the_file_before_it_is_checked() -> None:
    spec = "spec: {nodes: [{name: node-0}], cni: &c {plugin: calico}}"
    changed = load(spec, "cni.encapsulation=VXLAN", "spec.nodes[0].name=big", "nodes[1].name=small", "dns.replicas=1")
    assert changed.topology.spec.cni.encapsulation == "VXLAN"
    assert [node.name for node in changed.topology.spec.nodes] == ["big", "small"]
    assert changed.topology.spec.dns.replicas == 1
    assert load("", "metadata.name=other").topology.metadata.name == "other"
    assert load("", "internet.names=[a.example, b.example]").topology.spec.internet.names == ("a.example", "b.example")


def test_a_setting_leaves_alone_what_an_alias_shares() -> None:
    shared = "spec:\n  nodes:\n    - &n {name: node-0}\n    - {<<: *n, name: node-1}\n  routers: [*n]\n"
    nodes = load(shared, "routers[0].name=r", "nodes[0].name=n").topology.spec.nodes
    assert [node.name for node in nodes] == ["n", "node-1"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("cni.encapsulatoin=VXLAN", "--set:2:1: spec.cni.encapsulatoin: unknown field 'encapsulatoin'; did you mean"),
        ("cni.encapsulation=vxlan", "--set:2:1: spec.cni.encapsulation: 'vxlan' is not possible here; it must be one"),
        ("wibble=1", "--set:2:1: spec.wibble: unknown field 'wibble'; its fields are subnets"),
        ("nodes[7].name=x", "--set:2:1: spec.nodes[7].name: spec.nodes has 0 items in the file; the next that can be"),
        ("dns.domain.x=1", "--set:2:1: spec.dns.domain.x: spec.dns.domain is 'a.b' and has no fields"),
        ("dns[0]=1", "--set:2:1: spec.dns[0]: spec.dns is a mapping, not a list"),
        ("underlayMTU=[", "--set:2:1: spec.underlayMTU: this is not YAML"),
        ("underlayMTU=1\n---\n2", "--set:2:1: spec.underlayMTU: the value is more than one YAML document; give one"),
        ("no equals", "--set:2:1: 'no equals' is not a setting; write it as"),
        ("a..b=1", "--set:2:1: 'a..b=1' is not a setting"),
        ("=1", "--set:2:1: '=1' is not a setting"),
        ("x[99999999999]=1", "--set:2:1: 'x[99999999999]=1' is not a setting"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, told: str) -> None:
    with pytest.raises(FileError) as refused:
        load("", "dns.domain=a.b", setting)
    assert str(refused.value).startswith(told)


def test_the_schema_beside_the_topologies_is_current() -> None:
    written = (TOPOLOGIES / "schema.json").read_text(encoding="utf-8")
    assert written == json_schema(), "run: python -m lab.topology.schema_export > topologies/schema.json"


def test_the_schema_describes_every_field() -> None:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, definition in schema["$defs"].items():
        assert definition.get("description"), name
        for field, content in definition["properties"].items():
            assert content.get("description") or "$ref" in content, f"{name}.{field}"
    assert set(schema["$defs"]["Spec"]["properties"]) == {
        field.alias or name for name, field in Topology.model_fields["spec"].default.__class__.model_fields.items()
    }


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_document_of_the_topologies_fits_the_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    validator = jsonschema.Draft202012Validator(json.loads(json_schema()))
    for document in read_documents(text, file.name):
        validator.validate(document.value)


def test_editors_mark_what_loading_would_refuse() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json_schema()))
    head = {"apiVersion": "hoplab/v1", "kind": "Topology", "metadata": {"name": "lab"}}
    assert validator.is_valid(head)
    assert not validator.is_valid({**head, "spec": {"subnetz": []}})
    assert not validator.is_valid({**head, "metadata": {"name": "../x"}})
    assert not validator.is_valid({**head, "spec": {"cni": {"vni": 0}}})
    assert not validator.is_valid({"apiVersion": "v1"})


def test_loading_and_building_two_subnet_takes_a_few_milliseconds() -> None:
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    took = []
    for _ in range(10):
        with Effort() as effort:
            loaded = load_topology(text, "two-subnet.yaml", no_file)
            cluster_of(loaded)
        took.append(effort.ms)
    assert min(took) < 15
