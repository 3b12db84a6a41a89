"""The documents: links lead somewhere, and every field, task, option and kind of answer is spoken of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks
from lab.agent.design.blueprint import read_design
from lab.kernel.host.packages import PROGRAMS
from lab.map.drawing.graph import to_svg
from lab.map.survey import lab_map
from lab.network.tunnels import TUNNELS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
SCHEMA = json.loads((ROOT / "topologies" / "schema.json").read_text(encoding="utf-8"))
TASKS = tasks.TASKS


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", prose)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to what is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_code_says_what_it_is(page: Path) -> None:
    fences = re.findall(r"^```(\w*)$", page.read_text(encoding="utf-8"), re.M)
    assert len(fences) % 2 == 0, "a block is not closed"
    assert all(fences[::2]), "a block has no language"


def fields(schema: dict[str, object], path: str = "") -> Iterator[str]:
    """Every leaf, as docs/topology.md writes it: `cni.vni`, `nodes[].name`."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][str(schema["$ref"]).rpartition("/")[2]]
    if "properties" in schema:
        for name, inner in schema["properties"].items():  # type: ignore[attr-defined]
            yield from fields(inner, f"{path}.{name}" if path else name)
        return
    items = schema.get("items")
    if isinstance(items, dict) and "$ref" in items:
        yield from fields(items, f"{path}[]")
    else:
        yield path


def test_every_field_of_a_topology_is_explained() -> None:
    written = set(re.findall(r"^\| `([^`]+)` \|", text("topology.md"), re.M))
    told = {field.removeprefix("spec.") for field in fields(SCHEMA["$defs"]["Topology"])}
    assert len(told) > 25, "the schema was not understood"
    assert told - written == set(), "docs/topology.md lacks fields of the schema"
    assert written - told == {"spec"}, "docs/topology.md explains fields that do not exist"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_and_its_options_are_explained(name: str) -> None:
    row = re.search(rf"^\| `{name}[ `].*$", text("commands.md"), re.M)
    if row is None:
        assert re.search(rf"^`{name}` is", text("commands.md"), re.M), f"docs/commands.md lacks {name}"
        return
    for option in TASKS[name].options:
        assert f"`{option.flag}" in row[0], f"docs/commands.md lacks {option.flag} of {name}"


def test_every_field_of_a_trace_is_explained() -> None:
    schema = json.loads((DOCS / "trace-v2.schema.json").read_text(encoding="utf-8"))
    told = text("trace.md")
    for name in (*schema["properties"], *schema["properties"]["verdict"]["enum"]):
        assert f"`{name}" in told, f"docs/trace.md lacks {name}"


def test_the_schema_of_a_trace_knows_every_tunnel() -> None:
    schema = json.loads((DOCS / "trace-v2.schema.json").read_text(encoding="utf-8"))
    outer = schema["$defs"]["hop"]["properties"]["packet"]["properties"]["outer"]["anyOf"][1]
    assert tuple(outer["properties"]["kind"]["enum"]) == TUNNELS


def test_every_operation_of_the_agent_is_explained() -> None:
    service = (ROOT / "lab" / "agent" / "operations.py").read_text(encoding="utf-8")
    operations = set(re.findall(r'^ +"(\w+)": self\._', service, re.M))
    assert len(operations) > 3, "the agent's operations were not found"
    assert operations <= set(re.findall(r"^\| `(\w+)` \|", text("architecture.md"), re.M))


@pytest.mark.parametrize("family", ["debian", "fedora", "arch"])
def test_the_packages_of_every_distribution_are_listed(family: str) -> None:
    listed = set(re.findall(r"[\w.-]+", text("platforms.md")))
    assert {program.packages[family] for program in PROGRAMS} <= listed


def test_the_picture_is_what_graph_draws_today() -> None:
    file = ROOT / "topologies" / "two-subnet.yaml"
    it = read_design(file.read_text(encoding="utf-8"), str(file), ())
    drawn = to_svg(lab_map(it.topology, it.cluster, it.addresses, it.network, "two-subnet"))
    kept = (DOCS / "two-subnet.svg").read_text(encoding="utf-8")
    assert kept.strip() == drawn.strip(), "draw it again: ./inv graph --output docs/two-subnet.svg"
