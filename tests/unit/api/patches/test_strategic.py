"""Strategic merge patches, as kubectl and controllers send them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.errors import ApiError
from lab.api.patches.patch import STRATEGIC, patch
from lab.api.resources import DEPLOYMENTS, ENDPOINTSLICES, PODS, SERVICES, Resource

Json = dict[str, Any]


def patched(resource: Resource, target: Json, told: Json) -> Json:
    return patch(resource, STRATEGIC, target, told)


def pod(*containers: Json, **spec: Any) -> Json:
    return {"spec": {"containers": list(containers), **spec}}


def names(made: Json, part: str = "containers") -> list[str]:
    return [one["name"] for one in made["spec"][part]]


WEB, SIDE = {"name": "web", "image": "web:1"}, {"name": "side", "image": "side:1"}


def test_an_element_is_found_by_its_name() -> None:
    made = patched(PODS, pod(WEB, SIDE), pod({"name": "side", "image": "side:2"}))
    assert made == pod(WEB, {"name": "side", "image": "side:2"})


def test_an_element_that_is_not_there_is_added_and_one_may_be_deleted() -> None:
    made = patched(PODS, pod(WEB), pod({"name": "web", "$patch": "delete"}, SIDE))
    assert made == pod(SIDE)


def test_env_is_merged_inside_containers() -> None:
    before = pod({**WEB, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x", "y"]})
    told = pod({"name": "web", "env": [{"name": "B", "value": "3"}, {"name": "A", "$patch": "delete"}], "args": ["z"]})
    assert patched(PODS, before, told) == pod({**WEB, "env": [{"name": "B", "value": "3"}], "args": ["z"]})


def test_an_order_may_be_asked_for_and_others_stay_where_they_are() -> None:
    before = pod({"name": "a"}, {"name": "mesh"}, {"name": "b"})
    told = pod({"name": "c"})
    told["spec"]["$setElementOrder/containers"] = [{"name": "a"}, {"name": "c"}, {"name": "b"}]
    assert names(patched(PODS, before, told)) == ["a", "mesh", "c", "b"]


def test_a_list_may_be_replaced_as_a_whole() -> None:
    assert names(patched(PODS, pod(WEB), pod(SIDE, {"$patch": "replace"}))) == ["side"]


def test_a_map_may_be_replaced_or_emptied() -> None:
    before = {"spec": {"selector": {"app": "web", "tier": "front"}}}
    assert patched(SERVICES, before, {"spec": {"selector": {"$patch": "replace", "app": "api"}}}) == {
        "spec": {"selector": {"app": "api"}}
    }
    assert patched(SERVICES, before, {"spec": {"selector": {"$patch": "delete"}}}) == {"spec": {"selector": {}}}
    assert patched(SERVICES, before, {"spec": {"selector": {"tier": None}}}) == {"spec": {"selector": {"app": "web"}}}


def test_a_strategy_keeps_what_the_patch_says_it_keeps() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    told = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patched(DEPLOYMENTS, before, told) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_finalizers_are_a_set() -> None:
    before = {"metadata": {"finalizers": ["a/x", "b/y"]}}
    assert patched(PODS, before, {"metadata": {"finalizers": ["c/z", "a/x"]}}) == {
        "metadata": {"finalizers": ["a/x", "b/y", "c/z"]}
    }
    told = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}}
    assert patched(PODS, before, told) == {"metadata": {"finalizers": ["b/y"]}}


def test_two_ports_of_one_number_are_told_apart_by_their_protocol() -> None:
    """kube-dns has 53 twice; the merge key alone would only ever find the first."""
    before = {"spec": {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}}
    told = {"spec": {"ports": [{"port": 53, "protocol": "TCP", "targetPort": 5353}]}}
    assert patched(SERVICES, before, told)["spec"]["ports"] == [
        {"port": 53, "protocol": "UDP"},
        {"port": 53, "protocol": "TCP", "targetPort": 5353},
    ]
    told = {"spec": {"ports": [{"port": 53, "name": "dns"}]}}
    assert patched(SERVICES, before, told)["spec"]["ports"][0] == {"port": 53, "protocol": "UDP", "name": "dns"}


def test_lists_without_names_are_replaced() -> None:
    before = {"endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}]}
    told = {"endpoints": [{"addresses": ["10.0.0.3"]}]}
    assert patched(ENDPOINTSLICES, before, told) == told


def test_conditions_are_found_by_their_type() -> None:
    before = {
        "status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Initialized", "status": "True"}]}
    }
    made = patched(PODS, before, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    assert made["status"]["conditions"] == [
        {"type": "Ready", "status": "True"},
        {"type": "Initialized", "status": "True"},
    ]


def test_directives_are_never_stored() -> None:
    told = pod({"name": "new", "env": [{"name": "A", "$patch": "delete"}], "image": None})
    told["spec"]["$setElementOrder/containers"] = [{"name": "new"}]
    assert patched(PODS, {}, told) == pod({"name": "new", "env": []})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (pod({"image": "x"}), "does not contain the merge key: name"),
        (pod({"name": "web", "$patch": "frob"}), "Unknown patch type found: frob"),
        ({"spec": {"containers": ["web"]}}, "the elements of containers are objects"),
        ({"spec": {"$setElementOrder/containers": "web"}}, "is a list"),
    ],
)
def test_a_patch_that_cannot_be_understood_is_a_bad_request(told: Json, words: str) -> None:
    with pytest.raises(ApiError, match=words) as refused:
        patched(PODS, pod(WEB), told)
    assert refused.value.code == 400
