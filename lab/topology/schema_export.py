"""The JSON Schema of a topology file, by which editors complete and check it while one types.

topologies/schema.json is this text: `python -m lab.topology.schema_export > topologies/schema.json`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lab.topology.schema import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OTHER = {
    "description": "A Kubernetes manifest, such as a Pod or a Service.",
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
}


def json_schema() -> str:
    """The schema of each document of a file: the topology, or else whatever Kubernetes' own schemas say."""
    schema = Topology.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.pop("$defs")
    schema["required"] = ["apiVersion", "kind", "metadata"]
    definitions["Topology"] = schema
    whole = {
        "$schema": DIALECT,
        "title": "Hoplab topology file",
        "if": {"properties": {"apiVersion": {"pattern": "^hoplab/"}}, "required": ["apiVersion"]},
        "then": {"$ref": "#/$defs/Topology"},
        "else": _OTHER,
        "$defs": {name: _plain(definitions[name]) for name in sorted(definitions)},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A definition without what pydantic makes up: titles repeat the names, nobody needs to write null."""
    fields = schema.get("properties", {})
    return {
        **{key: value for key, value in schema.items() if key != "title"},
        "properties": {name: _plain_field(field) for name, field in fields.items()},
    }


def _plain_field(field: dict[str, Any]) -> dict[str, Any]:
    alternatives = [item for item in field.get("anyOf", ()) if item != {"type": "null"}]
    flat = {**(alternatives[0] if len(alternatives) == 1 else {}), **field}
    left_out = {"title", "anyOf"} if len(alternatives) == 1 else {"title"}
    if flat.get("default") is None or "$ref" in flat:
        left_out.add("default")
    return {key: value for key, value in flat.items() if key not in left_out}


if __name__ == "__main__":
    sys.stdout.write(json_schema())
