"""What kubectl reads before anything else: which kinds there are, in two forms, and which version."""

from __future__ import annotations

import pytest

from lab.agent.kubelet.httpget import AGENT
from lab.agent.tell.node_info import node_info
from lab.api.discovery.release import VERSION
from tests.unit.api.serving import Serving

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KUBECTL = f"{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"


GROUPS = ["apps", "discovery.k8s.io", "events.k8s.io", "networking.k8s.io"]


@pytest.fixture
def serving() -> Serving:
    return Serving()


def test_old_clients_read_groups_and_then_each_version(serving: Serving) -> None:
    assert serving.told("GET", "/api")["versions"] == ["v1"]
    groups = serving.told("GET", "/apis")
    assert groups["kind"] == "APIGroupList"
    assert [one["name"] for one in groups["groups"]] == GROUPS
    assert groups["groups"][0]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert serving.told("GET", "/apis/apps")["kind"] == "APIGroup"
    apps = serving.told("GET", "/apis/apps/v1")
    assert (apps["kind"], apps["groupVersion"]) == ("APIResourceList", "apps/v1")
    found = {one["name"]: one for one in apps["resources"]}
    assert found["deployments"]["shortNames"] == ["deploy"]
    assert found["deployments"]["namespaced"] is True
    assert "watch" in found["deployments"]["verbs"]
    scale = found["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    core = {one["name"]: one for one in serving.told("GET", "/api/v1")["resources"]}
    assert core["nodes"]["namespaced"] is False
    assert {"pods", "pods/log", "pods/exec", "pods/status"} <= set(core)


@pytest.mark.parametrize(("path", "groups"), [("/api", [""]), ("/apis", GROUPS)])
def test_current_clients_read_everything_at_once(serving: Serving, path: str, groups: list[str]) -> None:
    answer = serving.ask("GET", path, accept=KUBECTL)
    assert answer.content_type == AGGREGATED, "exactly this text, or the client falls back"
    told = answer.json()
    assert (told["kind"], told["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    assert [one["metadata"]["name"] for one in told["items"]] == groups
    for item in told["items"]:
        for resource in item["versions"][0]["resources"]:
            assert resource["responseKind"]["kind"]
            assert resource["scope"] in ("Namespaced", "Cluster")


def test_clients_that_want_another_discovery_get_the_plain_one(serving: Serving) -> None:
    older = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    answer = serving.ask("GET", "/apis", accept=older)
    assert answer.content_type == "application/json"
    assert answer.json()["kind"] == "APIGroupList"


@pytest.mark.parametrize("agent", ["kubectl/v1.20.2 (linux/amd64) kubernetes/59526cd", "curl/8.0", ""])
def test_everybody_hears_of_one_version(serving: Serving, agent: str) -> None:
    told = serving.told("GET", "/version", user_agent=agent)
    assert (told["major"], told["minor"], told["gitVersion"]) == ("1", "37", VERSION)
    info = node_info().info
    assert {info["kubeletVersion"], info["kubeProxyVersion"]} == {VERSION}
    assert VERSION.startswith(f"v{AGENT.removeprefix('kube-probe/')}.")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_it_is_well(serving: Serving, path: str) -> None:
    answer = serving.ask("GET", path)
    assert (answer.code, answer.body) == (200, b"ok")


def test_the_schemas_are_as_clients_skip_them(serving: Serving) -> None:
    answer = serving.ask("GET", "/openapi/v2?timeout=32s", accept="application/com.github.proto-openapi.spec.v2@v1.0")
    assert (answer.code, answer.body, answer.content_type) == (200, b"", "application/octet-stream")


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/openid-configuration",
        "/apis/batch/v1",
        "/apis/batch/v1/jobs",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0",
        "/api/v2",
        "/api/v1/unicorns",
        "/api/v1/namespaces/shop/nodes",
        "/api/v1/pods/web",
        "/api/v1/namespaces/shop/pods/web/log/more",
        "/api/v1/namespaces//pods",
        "/nothing",
    ],
)
def test_what_is_not_served_is_not_found(serving: Serving, path: str) -> None:
    answer = serving.ask("GET", path)
    assert (answer.code, answer.json()["reason"]) == (404, "NotFound")


def test_the_root_says_what_there_is(serving: Serving) -> None:
    assert {"/api/v1", "/apis/apps/v1", "/healthz"} <= set(serving.told("GET", "/")["paths"])
