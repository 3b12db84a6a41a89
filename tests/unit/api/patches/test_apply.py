"""Applying a manifest again and again: what it says is there, what it no longer says is gone, others' words stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.api.errors import ApiError
from lab.api.kinds import complete
from lab.api.patches.apply import LAST_APPLIED, last_applied, remembering, three_way
from lab.api.patches.patch import APPLY, patch
from lab.api.resources import CONFIGMAPS, DEPLOYMENTS, PODS, SERVICES

Json = dict[str, Any]


def service(*ports: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"ports": list(ports), **spec},
    }


def with_ports(*ports: Any) -> bytes:
    return json.dumps(service(*ports)).encode()


DNS = ({"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"})


def test_applying_the_same_again_changes_nothing() -> None:
    wanted = service(*DNS, selector={"app": "dns"})
    live = complete(SERVICES, {**wanted, "spec": {**wanted["spec"], "clusterIP": "172.16.0.10"}})
    assert three_way(SERVICES, wanted, wanted, live) == live


def test_what_is_no_longer_applied_goes_and_what_others_set_stays() -> None:
    last = service({"port": 80}, {"port": 443}, selector={"app": "web", "tier": "front"})
    live = service({"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 443}, {"port": 9090}, type="NodePort")
    live["spec"]["selector"] = {"app": "web", "tier": "front", "by": "somebody"}
    made = three_way(SERVICES, last, service({"port": 80}, selector={"app": "api"}), live)
    assert made["spec"]["selector"] == {"app": "api", "by": "somebody"}
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 9090}]
    assert made["spec"]["type"] == "NodePort"


def test_a_port_moves_to_the_other_protocol_alone() -> None:
    made = three_way(SERVICES, service(*DNS), service(DNS[1]), service(*DNS))
    assert made["spec"]["ports"] == [DNS[1]]


def test_another_strategy_takes_the_parameters_of_the_old_one_along() -> None:
    def deployment(**strategy: Any) -> Json:
        return {"metadata": {"name": "web"}, "spec": {"strategy": strategy}}

    live = deployment(type="RollingUpdate", rollingUpdate={"maxSurge": "25%"})
    last = deployment(type="RollingUpdate")
    assert three_way(DEPLOYMENTS, last, deployment(type="Recreate"), live) == deployment(type="Recreate")
    assert three_way(DEPLOYMENTS, last, last, live) == live


def test_volumes_change_their_source() -> None:
    def pod(**source: Any) -> Json:
        return {"spec": {"volumes": [{"name": "v", **source}]}}

    assert three_way(PODS, pod(emptyDir={}), pod(hostPath={"path": "/x"}), pod(emptyDir={})) == pod(
        hostPath={"path": "/x"}
    )


def test_without_a_memory_nothing_is_taken_away() -> None:
    live = service({"port": 80}, {"port": 443})
    assert three_way(SERVICES, None, service({"port": 80}), live) == live


def test_the_memory_is_the_annotation_that_kubectl_reads() -> None:
    told = remembering(service({"port": 80}))
    text = told["metadata"]["annotations"][LAST_APPLIED]
    assert text.endswith("}\n")
    assert json.loads(text)["metadata"] == {"annotations": {}, "name": "web", "namespace": "shop"}
    assert last_applied(told) == json.loads(text)
    assert remembering(told) == told, "it does not remember itself"
    assert last_applied(service()) is None
    assert last_applied({"metadata": {"annotations": {LAST_APPLIED: "{"}}}) is None


texts = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), max_size=4)


@given(texts, texts, texts)
def test_any_three_ways_leave_what_is_wanted_and_what_is_others(last: Json, wanted: Json, live: Json) -> None:
    made = three_way(CONFIGMAPS, {"data": last}, {"data": wanted}, {"data": live})["data"]
    assert made.items() >= wanted.items()
    others = {key: value for key, value in live.items() if key not in last and key not in wanted}
    assert made == {**others, **wanted}


def config(data: Json | None = None, **labels: str) -> Json:
    metadata = {"name": "settings", **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **({"data": data} if data else {})}


NEW: Json = {"metadata": {"name": "settings", "namespace": "shop"}}


def applied(live: Json, wanted: Json, manager: str = "alice", *, force: bool = False) -> Json:
    return patch(CONFIGMAPS, APPLY, live, json.dumps(wanted).encode(), manager, force=force)


def test_server_side_apply_makes_what_is_not_there_and_remembers_who_did() -> None:
    made = applied(NEW, config({"a": "1"}, app="web"))
    assert (made["kind"], made["data"]) == ("ConfigMap", {"a": "1"})
    assert made["metadata"]["managedFields"] == [
        {
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:data": {"f:a": {}}},
            "manager": "alice",
            "operation": "Apply",
        }
    ]
    assert applied(made, config({"a": "1"}, app="web")) == made, "a second time changes nothing"


def test_what_a_manager_no_longer_applies_goes_unless_another_one_applies_it_too() -> None:
    made = applied(applied(NEW, config({"a": "1", "b": "2"})), config({"b": "2", "c": "3"}), "bob")
    made = applied({**made, "data": {**made["data"], "others": "4"}}, config(), "alice")
    assert made["data"] == {"b": "2", "c": "3", "others": "4"}
    made = applied(made, config(), "bob")
    assert made["data"] == {"others": "4"}


def test_a_field_of_another_manager_is_a_conflict_that_force_settles() -> None:
    made = applied(NEW, config({"a": "1"}))
    with pytest.raises(ApiError, match=r'conflict with "alice": \.data\.a') as refused:
        applied(made, config({"a": "2"}), "bob")
    assert (refused.value.code, refused.value.reason) == (409, "Conflict")
    assert refused.value.details["causes"][0]["reason"] == "FieldManagerConflict"
    made = applied(made, config({"a": "2"}), "bob", force=True)
    assert made["data"] == {"a": "2"}
    assert [one["manager"] for one in made["metadata"]["managedFields"]] == ["bob"]


@pytest.mark.parametrize("element", ["web", 7, True, ["web"]])
def test_what_is_applied_has_things_with_names_where_the_kind_has_them(element: object) -> None:
    made = patch(SERVICES, APPLY, NEW, with_ports(*DNS), "alice")
    with pytest.raises(ApiError, match="failed to create typed patch object: json: cannot unmarshal") as refused:
        patch(SERVICES, APPLY, made, with_ports(element, DNS[1]), "alice")
    assert refused.value.code == 400


def test_nothing_among_things_with_names_is_dropped() -> None:
    made = patch(SERVICES, APPLY, NEW, with_ports(*DNS), "alice")
    again = patch(SERVICES, APPLY, made, with_ports(None, DNS[1]), "alice")
    assert DNS[1] in again["spec"]["ports"]


def test_elements_of_lists_have_owners_of_their_own() -> None:
    made = patch(SERVICES, APPLY, NEW, with_ports(*DNS), "alice")
    made = patch(SERVICES, APPLY, made, with_ports({"name": "metrics", "port": 9153, "protocol": "TCP"}), "bob")
    assert [port["name"] for port in made["spec"]["ports"]] == ["dns", "dns-tcp", "metrics"]
    made = patch(SERVICES, APPLY, made, with_ports(DNS[0]), "alice")
    assert [port["name"] for port in made["spec"]["ports"]] == ["dns", "metrics"]


def test_a_selector_is_applied_as_a_whole() -> None:
    made = patch(SERVICES, APPLY, NEW, json.dumps(service(selector={"a": "1", "b": "2"})).encode(), "alice")
    made = patch(SERVICES, APPLY, made, json.dumps(service(selector={"a": "1"})).encode(), "alice")
    assert made["spec"]["selector"] == {"a": "1"}


def test_apply_reads_yaml() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: '1'\n"
    assert patch(CONFIGMAPS, APPLY, NEW, text.encode(), "alice")["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("wanted", "manager", "code", "words"),
    [
        (config(), "", 422, "fieldManager: Required value"),
        ({**config(), "kind": "Pod"}, "alice", 400, "kind is Pod, and should be ConfigMap"),
        ({**config(), "metadata": {"managedFields": [{}]}}, "alice", 400, "managedFields must be nil"),
    ],
)
def test_what_cannot_be_applied_is_refused(wanted: Json, manager: str, code: int, words: str) -> None:
    with pytest.raises(ApiError, match=words) as refused:
        applied(NEW, wanted, manager)
    assert refused.value.code == code


@given(st.lists(st.tuples(st.sampled_from(["alice", "bob"]), texts), max_size=6))
def test_any_number_of_applies_leaves_what_each_manager_said_last(steps: list[tuple[str, Json]]) -> None:
    live, said = NEW, {}
    for manager, data in steps:
        live = applied(live, config(data), manager, force=True)
        said[manager] = data
        assert (live.get("data") or {}).items() >= data.items(), "what was just applied is there"
        wanted = {key for one in said.values() for key in one}
        assert (live.get("data") or {}).keys() <= wanted, "nothing is there that nobody applies"
