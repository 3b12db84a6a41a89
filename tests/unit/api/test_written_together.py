"""Forms of writing that need several parts at once: apply, patch, create and update through the handler."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from tests.unit.api.http.test_protobuf import SERVICE
from tests.unit.api.serving import Json, Serving, configmap

MAPS = "/api/v1/namespaces/shop/configmaps"
SETTINGS = f"{MAPS}/settings"
SERVICES = "/api/v1/namespaces/shop/services"
APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
def serving() -> Serving:
    return Serving()


def apply(serving: Serving, manager: str, query: str = "", **data: str) -> Json:
    path = f"{SETTINGS}?fieldManager={manager}{query}"
    wanted = {**configmap("settings"), "data": data}
    answer = serving.ask("PATCH", path, wanted, content_type=APPLY)
    return {"code": answer.code, **answer.json()}


def test_server_side_apply_from_making_to_letting_go(serving: Serving) -> None:
    assert apply(serving, "alice", a="1", b="2")["code"] == 201
    again = apply(serving, "alice", a="1", b="2")
    assert (again["code"], again["metadata"]["resourceVersion"]) == (
        200,
        apply(serving, "alice", a="1", b="2")["metadata"]["resourceVersion"],
    )
    serving.told("PATCH", SETTINGS, {"data": {"others": "3"}}, content_type="application/merge-patch+json")
    assert apply(serving, "alice", a="1")["data"] == {"a": "1", "others": "3"}


def test_a_put_that_leaves_out_who_applied_what_does_not_forget_it(serving: Serving) -> None:
    apply(serving, "alice", a="1", b="2")
    serving.told("PUT", SETTINGS, configmap("settings", a="1", b="2", c="3"))
    assert apply(serving, "alice", b="2")["data"] == {"b": "2", "c": "3"}


def test_a_conflict_and_the_force_that_settles_it(serving: Serving) -> None:
    apply(serving, "alice", a="1")
    refused = apply(serving, "bob", a="2")
    assert (refused["code"], refused["reason"]) == (409, "Conflict")
    assert 'conflict with "alice": .data.a' in refused["message"]
    assert apply(serving, "bob", "&force=true", a="2")["data"] == {"a": "2"}


def test_what_kubectl_create_service_sends_is_stored_completed(serving: Serving) -> None:
    body = b64decode(SERVICE)
    made = serving.told("POST", SERVICES, body, content_type="application/vnd.kubernetes.protobuf")
    assert made["spec"]["ports"][1] == {"name": "443-https", "port": 443, "protocol": "TCP", "targetPort": "https"}
    assert made["spec"]["sessionAffinity"] == "None"


def test_a_service_becomes_internal_again(serving: Serving) -> None:
    ports = [{"port": 80, "nodePort": 30080}]
    service = {"metadata": {"name": "web"}, "spec": {"type": "NodePort", "ports": ports, "clusterIP": "172.16.0.9"}}
    serving.told("POST", SERVICES, service)
    made = serving.told("PATCH", f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}}, content_type=STRATEGIC)
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]


def test_what_is_wrong_is_told_as_on_a_cluster(serving: Serving) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 99999}]}}
    answer = serving.ask("POST", SERVICES, service)
    told = (
        'Service "web" is invalid: [spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive,'
    )
    assert answer.code == 422
    assert answer.json()["message"].startswith(told)
    text = json.dumps(service).replace("99999", '"web"').encode()
    answer = serving.ask("POST", SERVICES, text)
    assert answer.code == 400
    assert answer.json()["message"] == (
        'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct field '
        "ServicePort.spec.ports.port of type int32"
    )
