"""Who may do what: everybody in the table, and what kube-apiserver says to those who may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.api.http import users
from lab.api.http.requests import Response
from lab.api.http.users import ANONYMOUS, OWNER, User
from lab.api.resources import CONFIGMAPS, NODES, PODS
from tests.unit.api.serving import Json, Serving, configmap, pod, request

POD = users.service_account("shop", "default", "web", "u1")
SYSTEM = users.service_account("kube-system", "coredns")
NODE = users.node("node-0")
SHOP = "/api/v1/namespaces/shop"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
EVENT = {"involvedObject": {"kind": "Node", "name": "node-0"}, "metadata": {"name": "e", "namespace": "default"}}


@pytest.fixture
def serving() -> Serving:
    made = Serving()
    made.registry.create(NODES, {"metadata": {"name": "node-0"}})
    made.registry.create(NODES, {"metadata": {"name": "node-1"}})
    made.registry.create(PODS, pod("mine", nodeName="node-0"))
    made.registry.create(PODS, pod("other", nodeName="node-1"))
    made.registry.create(CONFIGMAPS, configmap("settings"))
    return made


def answer(serving: Serving, user: User, method: str, path: str, sent: Json | None = None) -> Response:
    kind = {"content_type": "application/merge-patch+json"} if method == "PATCH" else {}
    told = serving.api.handle(replace(request(method, path, sent, **kind), user=user))
    return told if isinstance(told, Response) else Response(200, b"")


ALLOWED = [
    *((ANONYMOUS, "GET", path) for path in ("/version", "/livez", "/readyz", "/healthz")),
    *((POD, "GET", path) for path in ("/version", "/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v2")),
    *((SYSTEM, "GET", path) for path in ("/api/v1/services", f"{SHOP}/pods", SLICES, "/api/v1/namespaces")),
    *((SYSTEM, "GET", f"{path}?watch=true") for path in ("/api/v1/services", SLICES, "/api/v1/endpoints")),
    *((NODE, "GET", path) for path in ("/api/v1/services", "/api/v1/nodes/node-1", SLICES)),
    *((OWNER, "GET", path) for path in ("/api/v1/secrets", "/", f"{SHOP}/configmaps/settings")),
]
FORBIDDEN = [
    *((ANONYMOUS, "GET", path) for path in ("/", "/api", "/api/v1/pods", "//version", "/openapi/v2")),
    *(
        (POD, "GET", path)
        for path in ("/", "/api/v1/pods", f"{SHOP}/pods/mine", f"{SHOP}/secrets", f"{SHOP}/pods/mine/log")
    ),
    *((POD, "POST", path) for path in (f"{SHOP}/pods", f"{SHOP}/pods/mine/exec")),
    *((SYSTEM, "GET", path) for path in ("/api/v1/secrets", f"{SHOP}/configmaps", f"{SHOP}/pods/mine/log")),
    *((SYSTEM, method, f"{SHOP}/pods/mine") for method in ("PUT", "PATCH", "DELETE")),
    *((NODE, method, f"{SHOP}/pods/other") for method in ("PUT", "DELETE")),
    *((NODE, "PATCH", path) for path in ("/api/v1/nodes/node-1", f"{SHOP}/pods/other/status", f"{SHOP}/pods/mine")),
    *((NODE, "GET", path) for path in ("/api/v1/secrets", f"{SHOP}/pods/mine/exec")),
]


@pytest.mark.parametrize(("user", "method", "path"), ALLOWED)
def test_what_one_may(serving: Serving, user: User, method: str, path: str) -> None:
    assert answer(serving, user, method, path).code == 200


@pytest.mark.parametrize(("user", "method", "path"), FORBIDDEN)
def test_what_one_may_not(serving: Serving, user: User, method: str, path: str) -> None:
    told = answer(serving, user, method, path)
    assert (told.code, told.json()["reason"]) == (403, "Forbidden")


def test_a_node_writes_about_itself_and_its_pods(serving: Serving) -> None:
    assert answer(serving, NODE, "PATCH", "/api/v1/nodes/node-0/status", {"status": {"phase": "x"}}).code == 200
    assert answer(serving, NODE, "PATCH", f"{SHOP}/pods/mine/status", {"status": {"message": "fine"}}).code == 200
    assert answer(serving, NODE, "POST", "/api/v1/namespaces/default/events", EVENT).code == 201
    assert answer(serving, NODE, "DELETE", f"{SHOP}/pods/mine").code == 200


@pytest.mark.parametrize(
    ("user", "method", "path", "words"),
    [
        (
            POD,
            "GET",
            f"{SHOP}/pods",
            'pods is forbidden: User "system:serviceaccount:shop:default" cannot list resource "pods"'
            ' in API group "" in the namespace "shop"',
        ),
        (
            POD,
            "DELETE",
            "/apis/apps/v1/namespaces/shop/deployments/web",
            'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:default" cannot delete resource'
            ' "deployments" in API group "apps" in the namespace "shop"',
        ),
        (
            NODE,
            "GET",
            "/api/v1/secrets?watch=1",
            'secrets is forbidden: User "system:node:node-0" cannot watch resource "secrets" in API group ""'
            " at the cluster scope",
        ),
        (ANONYMOUS, "GET", "/api", 'forbidden: User "system:anonymous" cannot get path "/api"'),
    ],
)
def test_why_is_told_in_the_words_of_kube_apiserver(
    serving: Serving, user: User, method: str, path: str, words: str
) -> None:
    assert answer(serving, user, method, path).json()["message"] == words


def test_everybody_known_may_ask_about_himself(serving: Serving) -> None:
    told = answer(serving, POD, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}).json()
    info = told["status"]["userInfo"]
    assert info["username"] == "system:serviceaccount:shop:default"
    assert info["extra"]["authentication.kubernetes.io/pod-name"] == ["web"]
    for user, allowed in ((POD, False), (SYSTEM, True), (OWNER, True)):
        asked = {"spec": {"resourceAttributes": {"verb": "list", "resource": "services"}}}
        told = answer(serving, user, "POST", REVIEW, asked).json()
        assert told["status"] == {"allowed": allowed}
    assert answer(serving, ANONYMOUS, "POST", REVIEW, {}).code == 403
    assert answer(serving, POD, "POST", REVIEW, {"spec": {}}).code == 400
