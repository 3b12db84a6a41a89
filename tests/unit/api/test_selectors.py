"""Label and field selectors: what clients write, and which objects are meant by it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.errors import ApiError
from lab.api.resources import CONFIGMAPS, EVENTS, NODES, PODS, SERVICES, Resource
from lab.api.selectors import Fields, Labels
from tests.unit.api.serving import pod

SHOP = {"app": "shop", "tier": "front", "weight": "5", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=shop", True),
        ("app==shop", True),
        ("app = shop", True),
        ("app=other", False),
        ("app!=other", True),
        ("app!=shop", False),
        ("missing!=x", True),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("!app", False),
        ("tier in (front,back)", True),
        ("tier in ( back , middle )", False),
        ("tier notin (back)", True),
        ("tier notin (front)", False),
        ("missing notin (front)", True),
        ("missing in (front)", False),
        ("empty=", True),
        ("empty in ()", True),
        ("weight>4", True),
        ("weight<5", False),
        ("app>4", False),
        ("app=shop,tier in (front,back),!missing", True),
        ("app=shop,tier=back", False),
        ("!service.kubernetes.io/service-proxy-name", True),
    ],
)
def test_a_label_selector_means(selector: str, matches: bool) -> None:
    assert Labels.parse(selector).matches(SHOP) is matches


@pytest.mark.parametrize(
    "text",
    ["=x", "a=b c", "a=b,,c", "a in x", "a in (b", "!a=b", "a>x", "-a", "a=b/c", ",", "a=b,", "a in (b)c", "é=1"],
)
def test_what_is_no_label_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        Labels.parse(text)
    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")


def test_a_selector_of_an_object_is_written_as_clients_would() -> None:
    selector = Labels.from_json(
        {
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["y", "x"]},
                {"key": "d", "operator": "Exists"},
                {"key": "e", "operator": "DoesNotExist"},
            ],
        }
    )
    assert str(selector) == "a=1,b=2,c in (x,y),d,!e"
    assert selector == Labels.parse("a=1,b=2,c in (y,x),d,!e")


def test_no_selector_is_none_and_an_empty_one_matches_everything() -> None:
    assert Labels.from_json(None) is None
    assert Labels.from_json({}) == Labels()
    assert Labels().matches({})


RUNNING: dict[str, Any] = {**pod("web", nodeName="node-1"), "status": {"phase": "Running", "podIP": "10.244.0.2"}}
EVENT = {
    "metadata": {"name": "web.1", "namespace": "shop"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "u"},
    "reason": "Unhealthy",
    "type": "Warning",
    "source": {"component": "kubelet"},
}


@pytest.mark.parametrize(
    ("resource", "item", "selector", "matches"),
    [
        (PODS, RUNNING, "metadata.name=web", True),
        (PODS, RUNNING, "metadata.namespace!=shop", False),
        (PODS, RUNNING, "spec.nodeName=node-1,status.phase==Running", True),
        (PODS, RUNNING, "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown", True),
        (PODS, RUNNING, "status.podIP=10.244.0.3", False),
        (PODS, RUNNING, "spec.hostNetwork=false", True),
        (PODS, pod("new"), "spec.nodeName=", True),
        (EVENTS, EVENT, "involvedObject.name=web,involvedObject.uid=u,type=Warning,reason=Unhealthy", True),
        (EVENTS, EVENT, "source=kubelet", True),
        (NODES, {"metadata": {"name": "n"}, "spec": {}}, "spec.unschedulable=false", True),
        (NODES, {"metadata": {"name": "n"}, "spec": {"unschedulable": True}}, "spec.unschedulable=true", True),
        (SERVICES, {"metadata": {"name": "s"}, "spec": {"clusterIP": "None"}}, "spec.clusterIP!=None", False),
        (CONFIGMAPS, {"metadata": {"name": "a,b"}}, r"metadata.name=a\,b", True),
    ],
)
def test_a_field_selector_means(resource: Resource, item: dict[str, Any], selector: str, matches: bool) -> None:
    assert Fields.parse(resource, selector).matches(item) is matches


def test_a_field_that_cannot_be_asked_for_is_a_bad_request() -> None:
    with pytest.raises(ApiError, match=r"field label not supported: spec\.color") as refused:
        Fields.parse(PODS, "spec.color=red")
    assert refused.value.code == 400
    with pytest.raises(ApiError, match="field label not supported"):
        Fields.parse(CONFIGMAPS, "status.phase=Running")


@pytest.mark.parametrize("text", ["metadata.name", "=x", "metadata.name=a=b", "metadata.name=x,", ","])
def test_what_is_no_field_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        Fields.parse(PODS, text)
    assert refused.value.code == 400
