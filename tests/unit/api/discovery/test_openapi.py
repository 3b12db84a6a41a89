"""The OpenAPI documents: every kind that is served, every field of it, and how lists are merged."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.discovery import openapi
from lab.api.resources import RESOURCES, Resource
from tests.unit.api.serving import Serving

Json = dict[str, Any]


def place(one: Resource) -> str:
    return f"apis/{one.group}/{one.version}" if one.group else f"api/{one.version}"


def told(one: Resource) -> Json:
    found = openapi.document(f"/openapi/v3/{place(one)}")
    assert found is not None
    return found


def test_there_is_one_for_each_group_and_version() -> None:
    index = openapi.document("/openapi/v3")
    assert index is not None
    assert index["paths"]["apis/apps/v1"] == {"serverRelativeURL": "/openapi/v3/apis/apps/v1"}
    assert set(index["paths"]) == {place(one) for one in RESOURCES}
    assert openapi.document("/openapi/v3/apis/batch/v1") is None


@pytest.mark.parametrize("one", RESOURCES, ids=lambda one: one.qualified)
def test_a_kind_is_found_by_its_paths_and_its_schema(one: Resource) -> None:
    document = told(one)
    kind = {"group": one.group, "version": one.version, "kind": one.kind}
    where = f"/{place(one)}/namespaces/{{namespace}}/{one.plural}" if one.namespaced else f"/{place(one)}/{one.plural}"
    patch = document["paths"][f"{where}/{{name}}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == kind
    assert {"dryRun", "fieldValidation"} <= {parameter["name"] for parameter in patch["parameters"]}
    schema = document["components"]["schemas"][one.message]
    assert schema["x-kubernetes-group-version-kind"] == [kind]
    assert {"apiVersion", "kind", "metadata"} <= schema["properties"].keys()


@pytest.mark.parametrize("one", RESOURCES, ids=lambda one: one.qualified)
def test_what_a_field_refers_to_is_there(one: Resource) -> None:
    schemas = told(one)["components"]["schemas"]
    fields = [field for schema in schemas.values() for field in schema["properties"].values()]
    inner = [field.get("items", field.get("additionalProperties", field)) for field in fields]
    named = {part["$ref"].rpartition("/")[2] for field in inner for part in field.get("allOf", ())}
    assert named <= schemas.keys()


def test_it_says_how_lists_are_merged() -> None:
    document = openapi.document("/openapi/v3/api/v1")
    assert document is not None
    schemas = document["components"]["schemas"]
    ports = schemas["ServiceSpec"]["properties"]["ports"]
    assert (ports["x-kubernetes-patch-strategy"], ports["x-kubernetes-patch-merge-key"]) == ("merge", "port")
    volumes = schemas["PodSpec"]["properties"]["volumes"]
    assert volumes["x-kubernetes-patch-strategy"] == "merge,retainKeys"
    assert "x-kubernetes-patch-strategy" not in schemas["PodSpec"]["properties"]["tolerations"]
    assert schemas["PodSpec"]["properties"]["nodeSelector"]["additionalProperties"] == {"type": "string"}


def test_it_is_served() -> None:
    serving = Serving()
    assert "api/v1" in serving.told("GET", "/openapi/v3")["paths"]
    assert serving.told("GET", "/openapi/v3/apis/apps/v1")["openapi"] == "3.0.0"
    assert serving.ask("GET", "/openapi/v3/apis/nothing/v1").code == 404
