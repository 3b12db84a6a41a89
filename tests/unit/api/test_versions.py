"""Events in the words of both groups are the same objects; Secrets, ServiceCIDRs and IPAddresses are judged."""

from __future__ import annotations

import base64
import json

import pytest

from lab.api.http.protobuf import decode
from lab.api.http.requests import Watching
from lab.api.resources import IPADDRESSES, SECRETS, SERVICECIDRS, Resource
from lab.api.schema.base64 import corrupt_at
from tests.unit.api.http.test_protobuf import envelope, part
from tests.unit.api.serving import Json, Serving, request
from tests.unit.api.test_checking import causes

OLD, NEW = "/api/v1/namespaces/shop/events", "/apis/events.k8s.io/v1/namespaces/shop/events"
TOLD: Json = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "started", "namespace": "shop"},
    "regarding": {"kind": "Node", "name": "node-0", "namespace": "shop"},
    "eventTime": "2026-05-04T10:00:00.000000Z",
    "note": "kube-proxy runs",
    "reportingController": "kube-proxy",
    "reportingInstance": "node-0",
    "action": "Start",
    "reason": "Starting",
    "type": "Normal",
}
HELD: Json = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "old", "namespace": "shop"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop"},
    "message": "Started container web",
    "source": {"component": "kubelet", "host": "node-1"},
    "firstTimestamp": "2026-05-04T09:00:00Z",
    "lastTimestamp": "2026-05-04T09:30:00Z",
    "count": 3,
    "reason": "Started",
    "type": "Normal",
}


@pytest.fixture
def serving() -> Serving:
    serving = Serving()
    serving.told("POST", NEW, TOLD)
    serving.told("POST", OLD, HELD)
    return serving


def test_what_is_written_in_one_group_is_read_in_the_other(serving: Serving) -> None:
    old = serving.told("GET", f"{OLD}/started")
    assert (old["apiVersion"], old["message"]) == ("v1", "kube-proxy runs")
    assert (old["involvedObject"]["name"], old["reportingComponent"]) == ("node-0", "kube-proxy")
    assert not {"note", "regarding", "reportingController"} & old.keys()
    new = serving.told("GET", f"{NEW}/old")
    assert (new["apiVersion"], new["note"], new["deprecatedCount"]) == ("events.k8s.io/v1", "Started container web", 3)
    assert new["deprecatedSource"] == {"component": "kubelet", "host": "node-1"}
    assert new["metadata"]["uid"] == serving.told("GET", f"{OLD}/old")["metadata"]["uid"]
    listed = serving.told("GET", "/apis/events.k8s.io/v1/events")
    assert (listed["kind"], listed["apiVersion"]) == ("EventList", "events.k8s.io/v1")
    assert [one["regarding"]["name"] for one in listed["items"]] == ["web", "node-0"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{NEW}?fieldSelector=regarding.name=web", ["old"]),
        (f"{NEW}?fieldSelector=reportingController=kube-proxy", ["started"]),
        (f"{OLD}?fieldSelector=involvedObject.name=web", ["old"]),
    ],
)
def test_each_group_selects_by_its_own_words(serving: Serving, path: str, expected: list[str]) -> None:
    assert [one["metadata"]["name"] for one in serving.told("GET", path)["items"]] == expected


def test_the_other_groups_words_select_nothing(serving: Serving) -> None:
    assert serving.ask("GET", f"{NEW}?fieldSelector=involvedObject.name=web").code == 400
    assert serving.ask("GET", f"{OLD}?fieldSelector=regarding.name=web").code == 400


def test_a_watch_in_either_group_hears_of_both(serving: Serving) -> None:
    for path, word in ((NEW, "note"), (OLD, "message")):
        watching = serving.api.handle(request("GET", f"{path}?watch=true"))
        assert isinstance(watching, Watching)
        told = [json.loads(line) for line in watching.chunk().splitlines()]
        assert {one["object"][word] for one in told} == {"kube-proxy runs", "Started container web"}
        serving.told("PATCH", f"{OLD}/old", b'{"count": 4}', content_type="application/merge-patch+json")
        assert b'"MODIFIED"' in watching.chunk()
        watching.close()
        serving.told("PATCH", f"{OLD}/old", b'{"count": 3}', content_type="application/merge-patch+json")


def test_a_series_is_patched_and_an_event_deleted_in_either_group(serving: Serving) -> None:
    series = {"series": {"count": 2, "lastObservedTime": "2026-05-04T10:01:00.000000Z"}}
    for form in ("strategic-merge-patch+json", "merge-patch+json"):
        sent = json.dumps(series).encode()
        serving.told("PATCH", f"{NEW}/started", sent, content_type=f"application/{form}")
    assert serving.told("GET", f"{OLD}/started")["series"]["count"] == 2
    serving.told("DELETE", f"{OLD}/started")
    answer = serving.ask("GET", f"{NEW}/started")
    assert answer.json()["message"] == 'events.events.k8s.io "started" not found'


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"eventTime": None}, "eventTime"),
        ({"type": "Bad"}, "type"),
        ({"action": ""}, "action"),
        ({"reportingController": "not a name"}, "reportingController"),
        ({"deprecatedCount": 2}, "count"),
        ({"series": {"count": 1}}, "series.count"),
        ({"regarding": {"kind": "Pod", "name": "a"}}, "involvedObject.namespace"),
    ],
)
def test_what_events_of_the_new_group_must_say(serving: Serving, changed: Json, field: str) -> None:
    answer = serving.ask("POST", NEW, {**TOLD, **changed, "metadata": {"name": "x", "namespace": "shop"}})
    assert answer.code == 422, answer
    assert field in {one["field"] for one in answer.json()["details"]["causes"]}


def test_a_new_events_words_do_not_change(serving: Serving) -> None:
    answer = serving.ask("PATCH", f"{NEW}/started", b'{"note": "x"}', content_type="application/merge-patch+json")
    assert answer.json()["details"]["causes"][0]["field"] == "message"


def test_a_table_of_them_is_the_same(serving: Serving) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    old, new = (serving.told("GET", path, accept=accept) for path in (OLD, NEW))
    assert [row["cells"] for row in old["rows"]] == [row["cells"] for row in new["rows"]]


def test_kube_proxy_sends_its_events_as_protobuf() -> None:
    regarding = part(1, "Node") + part(3, "node-0")
    read = decode(envelope("events.k8s.io/v1", "Event", part(4, "kube-proxy") + part(8, regarding) + part(10, "runs")))
    assert read == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "reportingController": "kube-proxy",
        "regarding": {"kind": "Node", "name": "node-0"},
        "note": "runs",
    }


NAMED: Json = {"metadata": {"name": "more"}}


def secret(kind: str = "Opaque", **data: str) -> Json:
    return {"type": kind, "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


@pytest.mark.parametrize(
    ("resource", "new", "old", "fields"),
    [
        (SECRETS, secret(a="b"), None, []),
        (SECRETS, {"stringData": {"a b": "c"}}, None, ["data[a b]"]),
        (SECRETS, secret("kubernetes.io/tls"), None, ["data[tls.crt]", "data[tls.key]"]),
        (SECRETS, secret("kubernetes.io/basic-auth", username="me"), None, []),
        (SECRETS, secret("kubernetes.io/basic-auth"), None, ["data[username]", "data[password]"]),
        (
            SECRETS,
            {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "YQ=="}},
            None,
            ["data[.dockerconfigjson]"],
        ),
        (SECRETS, secret("kubernetes.io/tls", **{"tls.crt": "a", "tls.key": "b"}), secret(), ["type"]),
        (SECRETS, {**secret(a="c"), "immutable": True}, {**secret(a="b"), "immutable": True}, ["data"]),
        (SERVICECIDRS, {**NAMED, "spec": {"cidrs": ["10.0.0.0/16"]}}, None, []),
        (SERVICECIDRS, {**NAMED, "spec": {}}, None, ["spec.cidrs"]),
        (SERVICECIDRS, {**NAMED, "spec": {"cidrs": ["10.0.0.1/16"]}}, None, ["spec.cidrs[0]"]),
        (
            SERVICECIDRS,
            {**NAMED, "spec": {"cidrs": ["10.0.0.0/16"]}},
            {**NAMED, "spec": {"cidrs": ["10.1.0.0/16"]}},
            ["spec.cidrs"],
        ),
        (IPADDRESSES, {"metadata": {"name": "10.0.0.1"}, "spec": {}}, None, ["spec.parentRef"]),
        (
            IPADDRESSES,
            {"metadata": {"name": "10.0.0.01"}, "spec": {"parentRef": {"resource": "services", "name": "a/b"}}},
            None,
            ["metadata.name", "spec.parentRef.name"],
        ),
    ],
)
def test_what_is_wrong_is_named(resource: Resource, new: Json, old: Json | None, fields: list[str]) -> None:
    assert [one.partition(": ")[0] for one in causes(resource, new, old)] == fields


def test_a_secrets_text_becomes_data(serving: Serving) -> None:
    sent = {"metadata": {"name": "a"}, "stringData": {"user": "me"}, "data": {"user": "eA==", "other": "eA=="}}
    made = serving.told("POST", "/api/v1/namespaces/shop/secrets", sent)
    assert (made["type"], made["data"]) == ("Opaque", {"user": "bWU=", "other": "eA=="})
    assert "stringData" not in made


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("YWJj", None),
        ("YWI=", None),
        ("YQ==\n", None),
        ("Y\nQ==", None),
        ("", None),
        ("not base64", 3),
        ("abc", 0),
        ("YWJjZ", 4),
        ("YWI=x", 4),
        ("YQ=x", 2),
        ("YQ=\n=x", 5),
        ("YWJjZ=", 5),
        ("YWJj=", 4),
        ("YQ=", 3),
        ("=", 0),
    ],
)
def test_base64_that_is_none_is_told_with_its_place(text: str, at: int | None) -> None:
    """The places are those that Go's encoding/base64 gives."""
    assert corrupt_at(text) == at


def test_a_secret_that_is_no_base64_is_refused_as_kubectls_users_know_it(serving: Serving) -> None:
    answer = serving.ask(
        "POST", "/api/v1/namespaces/shop/secrets", {"metadata": {"name": "a"}, "data": {"k": "not so"}}
    )
    told = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3'
    assert (answer.code, answer.json()["message"]) == (400, told)
