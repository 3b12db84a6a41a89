"""Whatever is sent, it is answered: with an object, or with a Status that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.agent.apiserver.streams import since_of
from lab.api.discovery.groups import prefix
from lab.api.http.requests import ExecRequest, LogRequest, Request, Response, Watching
from lab.api.resources import BY_KIND, PODS, Resource
from tests.unit.api.serving import Json, Serving, configmap, deployment, pod, request

SHOP = {"namespace": "shop"}
CONTAINER = {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "b"}]}
PROBED = {**CONTAINER, "readinessProbe": {"httpGet": {"port": 80}}, "resources": {"limits": {"cpu": "1"}}}
TWO_PORTS = [{"name": "web", "port": 80, "targetPort": "http"}, {"name": "dns", "protocol": "UDP", "port": 53}]
SAMPLES: list[Json] = [
    pod("a", nodeName="node-0", containers=[PROBED], volumes=[{"name": "v", "emptyDir": {}}]),
    configmap("a", colour="red"),
    deployment("a"),
    {**deployment("a"), "kind": "ReplicaSet"},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"x": "y"}}},
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "spec": {"podCIDR": "10.0.0.0/24"}},
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", **SHOP, "finalizers": ["a.b/c"]},
        "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": TWO_PORTS},
    },
    {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "a", **SHOP},
        "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}],
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "a",
            **SHOP,
            "ownerReferences": [{"apiVersion": "v1", "kind": "x", "name": "y", "uid": "z"}],
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 80}],
    },
    {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a", **SHOP},
        "involvedObject": {"kind": "Pod", "name": "a", **SHOP},
        "reason": "Started",
        "count": 1,
    },
    {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "b", **SHOP},
        "regarding": {"kind": "Pod", "name": "a", **SHOP},
        "eventTime": "2026-05-04T10:00:00.000000Z",
        "reportingController": "k8s.io/kube-proxy",
        "reportingInstance": "node-0",
        "action": "Start",
        "reason": "Started",
        "type": "Normal",
    },
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", **SHOP}, "data": {"a": "YQ=="}},
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", **SHOP}, "secrets": [{"name": "a"}]},
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "a"},
        "spec": {"cidrs": ["10.96.0.0/16"]},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": "10.96.0.1"},
        "spec": {"parentRef": {"resource": "services", "name": "a", **SHOP}},
    },
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["None", "10.0.0.1", "shop", "$patch", "delete", "replace", "x" * 300]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just({})), max_size=2),
    st.dictionaries(
        st.sampled_from(["name", "$patch", "matchLabels", "a"]), st.text(max_size=3) | st.none(), max_size=2
    ),
)


def path_of(resource: Resource) -> str:
    return f"{prefix(resource)}/{'namespaces/shop/' if resource.namespaced else ''}{resource.plural}"


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in [(*at, key), *places(item, (*at, key))]]


def spoiled(item: Json, at: tuple[Any, ...], junk: Any) -> Json:
    made: Any = json.loads(json.dumps(item))
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = junk
    found: Json = made
    return found


def test_every_kind_has_a_sample_that_is_right() -> None:
    serving = Serving()
    for sample in SAMPLES:
        assert serving.ask("POST", path_of(BY_KIND[sample["apiVersion"], sample["kind"]]), sample).code == 201, sample
    assert {(sample["apiVersion"], sample["kind"]) for sample in SAMPLES} == BY_KIND.keys()


@settings(max_examples=250)
@given(st.sampled_from(SAMPLES), st.data(), JUNK)
def test_a_spoiled_object_is_taken_or_refused(sample: Json, data: st.DataObject, junk: Any) -> None:
    """One value of a good object is anything; it is posted anew, put over the good one, and patched into it."""
    serving = Serving()
    path, name = path_of(BY_KIND[sample["apiVersion"], sample["kind"]]), sample["metadata"]["name"]
    bad = spoiled(sample, data.draw(st.sampled_from(places(sample))), junk)
    answers = [serving.ask("POST", path, bad), serving.ask("POST", path, sample)]
    for kind in ("", "/status", "/scale"):
        answers.append(serving.ask("PUT", f"{path}/{name}{kind}", bad))
        for form in ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"):
            where = f"{path}/{name}{kind}?fieldManager=me&force=true"
            answers.append(serving.ask("PATCH", where, bad, content_type=f"application/{form}"))
    answers.append(serving.ask("GET", path))
    answers.append(serving.ask("DELETE", f"{path}/{name}", bad))
    for answer in answers:
        assert answer.code < 300 or answer.json()["kind"] == "Status", answer


APPLY = "application/apply-patch+yaml"


@settings(max_examples=150)
@given(st.sampled_from(SAMPLES), st.data(), JUNK)
def test_what_is_applied_again_may_be_spoiled(sample: Json, data: st.DataObject, junk: Any) -> None:
    """A manager that has applied the good object applies a spoiled one, and then the good one again."""
    serving = Serving()
    path, name = path_of(BY_KIND[sample["apiVersion"], sample["kind"]]), sample["metadata"]["name"]
    bad = spoiled(sample, data.draw(st.sampled_from(places(sample))), junk)
    for body in (sample, bad, sample):
        answer = serving.ask("PATCH", f"{path}/{name}?fieldManager=me&force=true", body, content_type=APPLY)
        assert answer.code < 300 or answer.json()["kind"] == "Status", answer


FORMS = ("", "application/yaml", "application/vnd.kubernetes.protobuf", "application/apply-patch+yaml")
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")


@settings(max_examples=100)
@given(st.sampled_from(SAMPLES), st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]), JUNK, st.binary(max_size=20))
def test_any_body_is_answered(sample: Json, method: str, junk: Any, raw: bytes) -> None:
    serving = Serving()
    path, name = path_of(BY_KIND[sample["apiVersion"], sample["kind"]]), sample["metadata"]["name"]
    for body in (raw, json.dumps(junk).encode(), b"k8s\0" + raw):
        for form in (*FORMS, *PATCHES):
            serving.ask("POST", path, sample)
            answer = serving.ask(method, path if method == "POST" else f"{path}/{name}", body, content_type=form)
            assert answer.code < 300 or answer.json()["kind"] == "Status", answer


@settings(max_examples=200)
@given(
    st.sampled_from(SAMPLES),
    st.data(),
    st.sampled_from(["add", "replace", "remove", "test", "move", "copy", "?"]),
    JUNK,
)
def test_any_json_patch_is_answered(sample: Json, data: st.DataObject, action: str, junk: Any) -> None:
    serving = Serving()
    path, name = path_of(BY_KIND[sample["apiVersion"], sample["kind"]]), sample["metadata"]["name"]
    assert serving.ask("POST", path, sample).code == 201
    paths = ["/" + "/".join(map(str, place)) for place in places(sample)] + [
        "",
        "/",
        "/a",
        "/spec/-",
        "/metadata/labels/-1",
    ]
    steps = [
        {
            "op": action,
            "path": data.draw(st.sampled_from(paths)),
            "from": data.draw(st.sampled_from(paths)),
            "value": junk,
        }
    ]
    for part in ("", "/status", "/scale"):
        answer = serving.ask("PATCH", f"{path}/{name}{part}", json.dumps(steps).encode(), content_type=PATCHES[0])
        assert answer.code < 300 or answer.json()["kind"] == "Status", answer


PARAMETERS = (
    *("labelSelector", "fieldSelector", "continue", "limit", "resourceVersion", "resourceVersionMatch", "watch"),
    *("sendInitialEvents", "allowWatchBookmarks", "timeoutSeconds", "pretty", "includeObject", "dryRun", "force"),
    *("fieldManager", "fieldValidation", "propagationPolicy", "gracePeriodSeconds", "orphanDependents"),
    *("container", "command", "sinceTime", "sinceSeconds", "tailLines", "limitBytes", "previous", "follow", "tty"),
)
HEADERS = ("accept", "content-type", "user-agent", "upgrade", "sec-websocket-protocol")
ODD = st.one_of(
    st.sampled_from(
        [
            *("", "0", "-1", "1", "1e9", "9" * 30, "true", "All", "null", "{}", "a=b", "a in (", "metadata.name=x"),
            *("2026-05-04T10:00:00Z", "2026-13-40T10:00:00Z", "2026-05-04", "0001-01-01T00:00:00+23:59", "websocket"),
            *("application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml", "v5.channel.k8s.io", "curl/8"),
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=300)
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "?"]),
    st.sampled_from(["", "/a", "/a/log", "/a/exec", "/a/status", "/a/binding", "/a/scale", "/a/attach", "/a/?"]),
    st.dictionaries(st.sampled_from(PARAMETERS), st.lists(ODD, min_size=1, max_size=2), max_size=5),
    st.dictionaries(st.sampled_from(HEADERS), ODD, max_size=3),
    st.binary(max_size=8),
)
def test_any_parameters_and_headers_are_answered(
    method: str, place: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes
) -> None:
    serving = Serving()
    serving.registry.create(PODS, pod("a", nodeName="node-0"))
    answer = serving.api.handle(Request(method, f"/api/v1/namespaces/shop/pods{place}", query, headers, body))
    match answer:
        case Response():
            assert answer.code < 500
        case Watching():
            answer.chunk()
        case LogRequest():
            since_of(answer.since)
        case ExecRequest():
            assert answer.command


@pytest.mark.parametrize("name", ["labelSelector", "fieldSelector", "continue", "limit", "resourceVersion", "pretty"])
@settings(max_examples=40)
@given(text=st.text(max_size=20))
def test_any_query_is_answered(name: str, text: str) -> None:
    serving = Serving()
    asked = request("GET", "/api/v1/pods")
    for more in ({}, {"watch": ["true"]}):
        answer = serving.api.handle(type(asked)("GET", asked.path, {name: [text], **more}))
        assert not isinstance(answer, Response) or answer.code in (200, 400, 410)
