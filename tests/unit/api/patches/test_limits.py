"""How much of one request is done: operations, copies, bytes, and fields that nobody knows. As kube-apiserver does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.api.patches.json_patch import MOST_COPIED, MOST_OPERATIONS
from lab.api.patches.patch import JSON_PATCH, MERGE_PATCH, STRATEGIC
from lab.api.registry import MOST_BYTES
from lab.api.resources import CONFIGMAPS, SERVICES
from tests.effort import Effort
from tests.unit.api.serving import Serving, configmap, deployment

Json = dict[str, Any]

MAPS = "/api/v1/namespaces/shop/configmaps"
SERVICE: Json = {
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 80}], "type": "ClusterIP"},
}
TOO_LARGE = "RequestEntityTooLarge"


@pytest.fixture
def serving() -> Serving:
    made = Serving()
    made.registry.create(CONFIGMAPS, configmap("colours", colour="green"))
    made.registry.create(SERVICES, SERVICE)
    return made


def patched(serving: Serving, path: str, kind: str, told: Any) -> tuple[int, Json]:
    answer = serving.ask("PATCH", path, json.dumps(told).encode(), content_type=kind)
    return answer.code, answer.json()


def doublings(number: int) -> list[Json]:
    return [{"op": "copy", "from": "/metadata", "path": f"/metadata/x{i}"} for i in range(number)]


def test_copies_that_double_an_object_leave_nothing_in_it(serving: Serving) -> None:
    path = "/api/v1/namespaces/shop/services/cart"
    before = serving.store.get(SERVICES, "shop", "cart")
    with Effort() as effort:
        for number in (13, 14, 15, 13, 14, 15):
            code, told = patched(serving, path, JSON_PATCH, doublings(number))
            assert code in (200, 413), told
    assert effort.ms < 5000
    assert serving.store.get(SERVICES, "shop", "cart")["metadata"] == before["metadata"], (
        "fields nobody knows are dropped"
    )


def test_copies_may_add_so_much(serving: Serving) -> None:
    code, told = patched(serving, f"{MAPS}/colours", JSON_PATCH, doublings(40))
    assert (code, told["reason"]) == (413, TOO_LARGE)
    assert f"exceeding the limit {MOST_COPIED}" in told["message"]


def test_a_patch_has_so_many_operations(serving: Serving) -> None:
    one = {"op": "add", "path": "/data/colour", "value": "blue"}
    assert patched(serving, f"{MAPS}/colours", JSON_PATCH, [one] * MOST_OPERATIONS)[0] == 200
    code, told = patched(serving, f"{MAPS}/colours", JSON_PATCH, [one] * (MOST_OPERATIONS + 1))
    assert (code, told["reason"]) == (413, TOO_LARGE)
    assert told["message"] == (
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    )


def test_an_object_is_so_large(serving: Serving) -> None:
    assert serving.ask("POST", MAPS, configmap("fits", all="x" * 1_000_000)).code == 201
    full = configmap("full", all="x" * MOST_BYTES)
    for method, path in (("POST", MAPS), ("PUT", f"{MAPS}/colours")):
        answer = serving.ask(method, path, full if method == "POST" else {**full, "metadata": {"name": "colours"}})
        assert (answer.code, answer.json()["reason"]) == (413, TOO_LARGE)
    code, told = patched(serving, f"{MAPS}/fits", MERGE_PATCH, {"data": {"more": "y" * 600_000}})
    assert (code, told["message"]) == (413, f"Request entity too large: limit is {MOST_BYTES}")


@pytest.mark.parametrize("validation", ["Ignore", "Warn"])
def test_fields_that_the_kind_does_not_have_are_dropped(serving: Serving, validation: str) -> None:
    sent = {**deployment("web"), "frobs": [1]}
    sent["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {"exec": {}}
    made = serving.told("POST", f"/apis/apps/v1/namespaces/shop/deployments?fieldValidation={validation}", sent)
    assert "frobs" not in made
    assert "livenesProbe" not in made["spec"]["template"]["spec"]["containers"][0]
    assert made["spec"]["template"]["spec"]["containers"][0]["name"] == "server", "the rest is there"


def test_what_was_left_out_is_told_in_few_words(serving: Serving) -> None:
    sent = {**configmap("wide"), **{f"unknown{i}": i for i in range(10_000)}}
    answer = serving.ask("POST", MAPS, sent)
    assert answer.code == 201
    assert 0 < len(answer.headers) <= 100
    refused = serving.ask("POST", f"{MAPS}?fieldValidation=Strict", {**sent, "metadata": {"name": "other"}})
    assert refused.code == 400
    assert len(refused.body) < 10_000


def test_lists_with_names_merge_in_no_more_steps_than_they_are_long(serving: Serving) -> None:
    serving.told("POST", "/apis/apps/v1/namespaces/shop/deployments", deployment("web"))
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    names = [{"name": f"N{i}", "value": "x"} for i in range(20_000)]
    told = {"spec": {"template": {"spec": {"containers": [{"name": "server", "env": names}]}}}}
    with Effort() as effort:
        for _ in range(2):
            assert patched(serving, path, STRATEGIC, told)[0] == 200
    assert effort.ms < 10_000, "each with each would be minutes"


def test_half_a_character_is_no_json(serving: Serving) -> None:
    sent = b'{"metadata": {"name": "half"}, "data": {"a": "\\ud800"}}'
    whole = b'{"metadata": {"name": "whole"}, "data": {"a": "\\ud83d\\ude00"}}'
    assert serving.ask("POST", MAPS, sent).code == 400
    assert serving.ask("POST", MAPS, whole).code == 201
    assert serving.ask("PATCH", f"{MAPS}/colours", sent, content_type=MERGE_PATCH).code == 400
