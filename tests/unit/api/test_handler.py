"""Requests as kubectl and the cluster's own clients send them, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.api.http.requests import ExecRequest, LogRequest, Response, Watching
from lab.api.resources import DEPLOYMENTS, NAMESPACES, PODS
from tests.unit.api.serving import Json, Serving, configmap, deployment, pod, request

TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
PROTOBUF = "application/vnd.kubernetes.protobuf"
PODS_OF_SHOP = "/api/v1/namespaces/shop/pods"
MAPS = "/api/v1/namespaces/shop/configmaps"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


@pytest.fixture
def serving() -> Serving:
    return Serving()


@pytest.fixture
def running(serving: Serving) -> Serving:
    """With a pod `web` on node-0, of the containers server and sidecar."""
    containers = [{"name": name, "image": "built-in"} for name in ("server", "sidecar")]
    serving.registry.create(PODS, pod("web", nodeName="node-0", containers=containers))
    return serving


def watching(serving: Serving, path: str, /, **headers: str) -> Watching:
    answer = serving.api.handle(request("GET", path, **headers))
    assert isinstance(answer, Watching), answer
    return answer


def lines(watch: Watching) -> list[Json]:
    return [json.loads(line) for line in watch.chunk().splitlines()]


def test_an_object_is_made_read_changed_and_deleted(serving: Serving) -> None:
    answer = serving.ask("POST", f"{MAPS}?fieldManager=kubectl-create", configmap("settings"))
    assert answer.code == 201
    uid = answer.json()["metadata"]["uid"]
    read = serving.told("GET", f"{MAPS}/settings")
    assert (read["kind"], read["apiVersion"]) == ("ConfigMap", "v1")
    changed = serving.told("PUT", f"{MAPS}/settings", {**read, "data": {"colour": "red"}})
    assert changed["data"] == {"colour": "red"}
    gone = serving.told("DELETE", f"{MAPS}/settings", {"propagationPolicy": "Background"})
    assert (gone["kind"], gone["status"]) == ("Status", "Success")
    assert gone["details"] == {"name": "settings", "kind": "configmaps", "uid": uid}
    answer = serving.ask("GET", f"{MAPS}/settings")
    assert answer.code == 404
    assert answer.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "settings" not found',
        "reason": "NotFound",
        "details": {"name": "settings", "kind": "configmaps"},
        "code": 404,
    }


def test_a_list_names_its_kind_and_revision(serving: Serving) -> None:
    serving.ask("POST", MAPS, configmap("settings"))
    told = serving.told("GET", "/api/v1/configmaps?limit=500")
    assert (told["kind"], told["apiVersion"]) == ("ConfigMapList", "v1")
    assert told["metadata"]["resourceVersion"] == str(serving.store.revision)
    assert [item["metadata"]["name"] for item in told["items"]] == ["settings"]
    assert serving.told("GET", "/apis/discovery.k8s.io/v1/endpointslices?limit=500&resourceVersion=0")["items"] == []


def test_a_list_is_selected(serving: Serving) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        serving.ask("POST", MAPS, configmap(name, labels={"colour": colour}))
    assert len(serving.told("GET", f"{MAPS}?labelSelector=colour=red")["items"]) == 1
    assert len(serving.told("GET", f"{MAPS}?fieldSelector=metadata.name!=a&labelSelector=colour=red")["items"]) == 0


@pytest.mark.parametrize("content_type", ["application/json", "", "application/json; charset=utf-8"])
def test_json_is_read_with_and_without_its_name(serving: Serving, content_type: str) -> None:
    headers = {"content_type": content_type} if content_type else {}
    assert serving.ask("POST", MAPS, configmap("settings"), **headers).code == 201


def test_yaml_is_read(serving: Serving) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
    assert serving.told("POST", MAPS, text, content_type="application/yaml")["data"] == {"colour": "red"}


def test_protobuf_is_read(serving: Serving) -> None:
    """`kubectl create namespace blue` of today: k8s\\0, Unknown{TypeMeta{v1, Namespace}, raw Namespace}."""
    metadata = bytes([0x0A, 6, 0x0A, 4]) + b"blue"
    known = bytes([0x0A, 2]) + b"v1" + bytes([0x12, 9]) + b"Namespace"
    body = b"k8s\0" + bytes([0x0A, len(known)]) + known + bytes([0x12, len(metadata)]) + metadata
    answer = serving.ask(
        "POST", "/api/v1/namespaces", body, content_type=PROTOBUF, accept=f"{PROTOBUF},application/json"
    )
    assert (answer.code, answer.content_type) == (201, "application/json")
    assert serving.store.get(NAMESPACES, "", "blue")["status"]["phase"] == "Active"


@pytest.mark.parametrize(
    ("body", "content_type", "code", "reason"),
    [
        (b"{", "application/json", 400, "BadRequest"),
        (b"[]", "application/json", 400, "BadRequest"),
        (b"", "application/json", 400, "BadRequest"),
        (b"\xff", "application/json", 400, "BadRequest"),
        (b'{"data": {"a": NaN}}', "application/json", 400, "BadRequest"),
        (b"[" * 100_000, "application/json", 400, "BadRequest"),
        (b"a: [", "application/yaml", 400, "BadRequest"),
        (b"a: 1\n---\nb: 2", "application/yaml", 400, "BadRequest"),
        (b"\xff\xfe", "application/yaml", 400, "BadRequest"),
        (b"garbage", PROTOBUF, 400, "BadRequest"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "UnsupportedMediaType"),
        (b" " * (4 * 1024 * 1024), "application/json", 413, "RequestEntityTooLarge"),
        (b'{"metadata": "x"}', "application/json", 400, "BadRequest"),
        (b'{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}}', "application/json", 400, "BadRequest"),
        (b'{"metadata": {"name": ["a"]}}', "application/json", 400, "BadRequest"),
        (b'{"metadata": {}}', "application/json", 422, "Invalid"),
        (b'{"metadata": {"name": "../x"}}', "application/json", 422, "Invalid"),
    ],
)
def test_what_cannot_be_read_is_refused(
    serving: Serving, body: bytes, content_type: str, code: int, reason: str
) -> None:
    answer = serving.ask("POST", MAPS, body, content_type=content_type)
    assert (answer.code, answer.json()["reason"], answer.json()["kind"]) == (code, reason, "Status")


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("", 200),
        ("*/*", 200),
        ("application/json", 200),
        (f"{PROTOBUF},application/json", 200),
        ("application/json;q=0.5,text/html", 200),
        (PROTOBUF, 406),
        ("text/html", 406),
        ("application/json;as=Table;v=v9;g=meta.k8s.io", 406),
    ],
)
def test_answers_are_in_a_form_that_the_client_takes(serving: Serving, accept: str, code: int) -> None:
    answer = serving.ask("GET", MAPS, accept=accept)
    assert answer.code == code
    if code == 406:
        assert answer.json()["reason"] == "NotAcceptable"


def test_tables_are_served_to_who_prefers_them(running: Serving) -> None:
    whole = running.told("GET", f"{PODS_OF_SHOP}?limit=500", accept=TABLE)
    assert (whole["kind"], whole["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert whole["metadata"]["resourceVersion"] == str(running.store.revision)
    assert [column["name"] for column in whole["columnDefinitions"]][:5] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]
    assert whole["rows"][0]["cells"][0] == "web"
    assert whole["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    one = running.told("GET", f"{PODS_OF_SHOP}/web?includeObject=Object", accept=TABLE)
    assert one["rows"][0]["object"]["spec"]["nodeName"] == "node-0"


def test_a_watch_as_tables_has_one_row_an_event(running: Serving) -> None:
    watch = watching(running, f"{PODS_OF_SHOP}?watch=true&allowWatchBookmarks=true", accept=TABLE)
    (first,) = lines(watch)
    assert (first["type"], first["object"]["kind"], len(first["object"]["rows"])) == ("ADDED", "Table", 1)
    watch.bookmark()
    (mark,) = lines(watch)
    assert (mark["type"], mark["object"]["rows"]) == ("BOOKMARK", [])
    assert mark["object"]["metadata"]["resourceVersion"]


def test_metadata_alone_is_served(running: Serving) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    told = running.told("GET", PODS_OF_SHOP, accept=accept)
    assert told["kind"] == "PartialObjectMetadataList"
    assert told["items"][0]["kind"] == "PartialObjectMetadata"
    assert "spec" not in told["items"][0]
    one = running.told("GET", f"{PODS_OF_SHOP}/web", accept=accept.replace("List", ""))
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "web")


def test_a_watch_tells_lines_of_json(serving: Serving) -> None:
    watch = watching(serving, f"{MAPS}?watch=true&resourceVersion={serving.store.revision}&timeoutSeconds=7")
    assert watch.timeout == 7
    assert watch.chunk() == b""
    serving.ask("POST", MAPS, configmap("settings"))
    serving.ask("DELETE", f"{MAPS}/settings")
    found = lines(watch)
    assert [(one["type"], one["object"]["kind"]) for one in found] == [("ADDED", "ConfigMap"), ("DELETED", "ConfigMap")]
    watch.close()
    assert watch.ended


def test_a_watch_is_sent_in_pieces(serving: Serving) -> None:
    for number in range(5):
        serving.ask("POST", MAPS, configmap(f"c-{number}"))
    watch = watching(serving, f"{MAPS}?watch=1")
    one = len(watch.chunk(1))
    assert [len(watch.chunk(one + 1).splitlines()) for _ in range(3)] == [2, 2, 0]


@pytest.mark.parametrize(
    ("query", "code"), [("resourceVersion=9999", 410), ("sendInitialEvents=true", 422), ("fieldSelector=x=y", 400)]
)
def test_a_watch_that_cannot_be_is_refused_at_once(serving: Serving, query: str, code: int) -> None:
    assert serving.ask("GET", f"{MAPS}?watch=true&{query}").code == code


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", MAPS, "DELETE, GET, POST"),
        ("POST", f"{MAPS}/settings", "DELETE, GET, PATCH, PUT"),
        ("POST", "/api/v1/configmaps", "GET"),
        ("DELETE", "/api/v1/pods", "GET"),
        ("DELETE", "/version", "GET"),
        ("POST", "/api/v1", "GET"),
        ("POST", f"{WEB}/scale", "GET, PATCH, PUT"),
        ("POST", f"{PODS_OF_SHOP}/web/log", "GET"),
        ("GET", "/api/v1/namespaces/shop/finalize", "PUT"),
    ],
)
def test_a_verb_that_a_path_has_not_is_refused(serving: Serving, method: str, path: str, allowed: str) -> None:
    answer = serving.ask(method, path)
    assert (answer.code, answer.json()["reason"]) == (405, "MethodNotAllowed")
    assert answer.headers == (("Allow", allowed),)


def test_deletion_of_a_pod_gives_it_back_while_it_ends(running: Serving) -> None:
    told = running.told("DELETE", f"{PODS_OF_SHOP}/web", {"kind": "DeleteOptions", "gracePeriodSeconds": 5})
    assert (told["kind"], told["metadata"]["deletionGracePeriodSeconds"]) == ("Pod", 5)
    told = running.told("DELETE", f"{PODS_OF_SHOP}/web?gracePeriodSeconds=0")
    assert told["details"]["uid"]
    assert running.ask("DELETE", f"{PODS_OF_SHOP}/web").code == 404


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("", {"propagationPolicy": "Sideways"}, 422),
        ("", {"propagationPolicy": ["Orphan"]}, 422),
        ("", {"gracePeriodSeconds": "soon"}, 400),
        ("", {"preconditions": {"uid": "other"}}, 409),
        ("", {"preconditions": "x"}, 400),
        ("", {"kind": "Pod"}, 400),
        ("", {"dryRun": ["Some"]}, 422),
        ("gracePeriodSeconds=soon", None, 400),
        ("dryRun=Some", None, 422),
    ],
)
def test_a_deletion_that_cannot_be_is_refused(running: Serving, query: str, body: Any, code: int) -> None:
    assert running.ask("DELETE", f"{PODS_OF_SHOP}/web?{query}", body).code == code
    assert running.store.find(PODS, "shop", "web")


def test_dependents_are_orphaned_in_the_old_way_of_asking_too(serving: Serving) -> None:
    serving.registry.create(DEPLOYMENTS, deployment("web"))
    told = serving.told("DELETE", f"{WEB}?orphanDependents=true")
    assert told["metadata"]["finalizers"] == ["orphan"]


def test_many_are_deleted(serving: Serving) -> None:
    for name in "ab":
        serving.ask("POST", MAPS, configmap(name))
    told = serving.told("DELETE", f"{MAPS}?fieldSelector=metadata.name=a")
    assert (told["kind"], len(told["items"])) == ("ConfigMapList", 1)
    assert [one["metadata"]["name"] for one in serving.told("GET", MAPS)["items"]] == ["b"]


def test_a_dry_run_changes_nothing(serving: Serving) -> None:
    assert serving.ask("POST", f"{MAPS}?dryRun=All", configmap("settings")).code == 201
    assert serving.ask("GET", f"{MAPS}/settings").code == 404
    assert serving.ask("POST", f"{MAPS}?dryRun=Some", configmap("settings")).code == 422


def test_unknown_fields_are_refused_when_asked_for_and_warned_of_else(serving: Serving) -> None:
    wrong = {**configmap("settings"), 'da"ta\n': {}}
    answer = serving.ask("POST", f"{MAPS}?fieldValidation=Strict", wrong)
    assert answer.code == 400
    assert "strict decoding error: unknown field" in answer.json()["message"]
    answer = serving.ask("POST", MAPS, wrong)
    assert answer.code == 201
    ((name, warning),) = answer.headers
    assert name == "Warning"
    assert warning.startswith('299 - "unknown field ')
    assert "\n" not in warning
    assert serving.ask("PUT", f"{MAPS}/settings?fieldValidation=Ignore", wrong).headers == ()
    assert serving.ask("POST", f"{MAPS}?fieldValidation=Perhaps", wrong).code == 422


def test_a_deployment_is_scaled(serving: Serving) -> None:
    serving.registry.create(DEPLOYMENTS, deployment("web", 2))
    body = {"spec": {"replicas": 4}}
    told = serving.told("PATCH", f"{WEB}/scale", body, content_type="application/merge-patch+json")
    assert (told["kind"], told["spec"]["replicas"]) == ("Scale", 4)
    assert serving.told("GET", f"{WEB}/scale", accept=TABLE)["spec"]["replicas"] == 4
    assert serving.told("PUT", f"{WEB}/scale", {**told, "spec": {"replicas": 1}})["spec"]["replicas"] == 1
    stale = serving.ask("PUT", f"{WEB}/scale", {**told, "spec": {"replicas": 3}})
    assert stale.code == 409


def test_a_status_is_written_by_its_own_path(running: Serving) -> None:
    item = running.told("GET", f"{PODS_OF_SHOP}/web")
    told = running.told("PUT", f"{PODS_OF_SHOP}/web/status", {**item, "status": {"phase": "Running"}})
    assert told["status"]["phase"] == "Running"
    assert running.told("GET", f"{PODS_OF_SHOP}/web/status")["status"]["phase"] == "Running"
    assert running.ask("GET", f"{MAPS}/x/status").code == 404, "ConfigMaps have none"


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/strategic-merge-patch+json"])
def test_patches_change_objects(running: Serving, content_type: str) -> None:
    body = {"metadata": {"labels": {"app": "web"}}}
    told = running.told("PATCH", f"{PODS_OF_SHOP}/web?fieldManager=kubectl-label", body, content_type=content_type)
    assert told["metadata"]["labels"] == {"app": "web"}


def test_a_patch_of_no_known_kind_is_refused(running: Serving) -> None:
    answer = running.ask("PATCH", f"{PODS_OF_SHOP}/web", {}, content_type="application/json")
    assert (answer.code, answer.json()["reason"]) == (415, "UnsupportedMediaType")
    assert running.ask("PATCH", f"{PODS_OF_SHOP}/none", {}, content_type="application/merge-patch+json").code == 404


def test_server_side_apply_makes_and_changes(serving: Serving) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
    headers = {"content_type": "application/apply-patch+yaml"}
    path = f"{MAPS}/settings?fieldManager=kubectl&force=false"
    assert serving.ask("PATCH", path, text, **headers).code == 201
    assert serving.ask("PATCH", path, text, **headers).code == 200


def test_a_pod_is_bound_to_a_node(serving: Serving) -> None:
    serving.ask("POST", PODS_OF_SHOP, pod("web"))
    body = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node-1"}}
    assert serving.ask("POST", f"{PODS_OF_SHOP}/web/binding", body).code == 201
    assert serving.told("GET", f"{PODS_OF_SHOP}/web")["spec"]["nodeName"] == "node-1"
    assert serving.ask("POST", f"{PODS_OF_SHOP}/web/binding", body).code == 409
    assert serving.ask("POST", f"{PODS_OF_SHOP}/web/binding", {}).code == 400


def test_a_terminating_namespace_is_finalized(serving: Serving) -> None:
    told = serving.told("DELETE", "/api/v1/namespaces/shop")
    assert told["status"]["phase"] == "Terminating"
    serving.told("PUT", "/api/v1/namespaces/shop/finalize", {**told, "spec": {"finalizers": []}})
    assert serving.ask("GET", "/api/v1/namespaces/shop").code == 404


def test_people_get_it_indented(serving: Serving) -> None:
    assert serving.ask("GET", MAPS, user_agent="curl/8.0").body.count(b"\n") > 3
    assert serving.ask("GET", f"{MAPS}?pretty=false", user_agent="curl/8.0").body.count(b"\n") == 1
    assert serving.ask("GET", f"{MAPS}?pretty=true").body.count(b"\n") > 3
    assert serving.ask("GET", MAPS).body.count(b"\n") == 1


def has_run(serving: Serving, *states: Json) -> None:
    """The pod web's containers are in these states, each with the one before it."""
    path = f"{PODS_OF_SHOP}/web/status"
    statuses = [
        {"name": name, "state": state, "lastState": {}, "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
        for name, state in zip(("server", "sidecar"), states, strict=False)
    ]
    patch = {"status": {"containerStatuses": statuses}}
    serving.told("PATCH", path, patch, content_type="application/merge-patch+json")


def test_a_log_is_asked_for(running: Serving) -> None:
    has_run(running, {"running": {}}, {"terminated": {"exitCode": 1}})
    path = f"{PODS_OF_SHOP}/web/log?container=sidecar&follow=true&tailLines=5&timestamps=true&sinceSeconds=60"
    found = running.api.handle(request("GET", path))
    assert isinstance(found, LogRequest)
    assert (found.pod["metadata"]["name"], found.container, found.tail, found.since) == ("web", "sidecar", 5, 60)
    assert found.follow
    assert found.timestamps
    assert not found.previous


def test_an_evicted_pod_has_a_log_though_nothing_is_told_of_its_containers(running: Serving) -> None:
    patch = {"status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": []}}
    running.told("PATCH", f"{PODS_OF_SHOP}/web/status", patch, content_type="application/merge-patch+json")
    found = running.api.handle(request("GET", f"{PODS_OF_SHOP}/web/log?container=server"))
    assert isinstance(found, LogRequest)


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("web/log", 400, "choose one of: [server sidecar]"),
        ("web/log?container=x", 400, "container x is not valid for pod web"),
        ("web/log?container=server&tailLines=x", 400, "tailLines"),
        ("none/log", 404, 'pods "none" not found'),
        ("web/log?container=server&previous=true", 400, 'previous terminated container "server" in pod "web" not'),
        ("web/log?container=sidecar", 400, 'container "sidecar" in pod "web" is waiting to start: ErrImagePull'),
    ],
)
def test_a_log_that_is_none_is_refused(running: Serving, path: str, code: int, words: str) -> None:
    has_run(running, {"running": {}}, {"waiting": {"reason": "ErrImagePull"}})
    answer = running.ask("GET", f"{PODS_OF_SHOP}/{path}")
    assert answer.code == code
    assert words in answer.json()["message"]


WEBSOCKET = {"upgrade": "websocket", "sec_websocket_protocol": "v5.channel.k8s.io"}


def test_a_program_is_asked_for(running: Serving) -> None:
    path = f"{PODS_OF_SHOP}/web/exec?command=ls&command=-l&container=server&stdout=true&stderr=true"
    found = running.api.handle(request("GET", path, **WEBSOCKET))
    assert isinstance(found, ExecRequest)
    assert (found.container, found.command, found.protocol) == ("server", ("ls", "-l"), "v5.channel.k8s.io")
    assert (found.stdin, found.stdout, found.stderr, found.tty) == (False, True, True, False)


@pytest.mark.parametrize(
    ("method", "path", "headers", "words"),
    [
        ("POST", "web/exec?command=ls&container=server", {"upgrade": "SPDY/3.1"}, "kubectl 1.30 or later"),
        ("GET", "web/exec?command=ls&container=server", {}, "Upgrade request required"),
        ("GET", "web/exec?container=server", WEBSOCKET, "at least 1 command"),
        ("GET", "web/exec?command=ls", WEBSOCKET, "choose one of: [server sidecar]"),
        ("GET", "web/exec?command=ls&container=server", {"upgrade": "websocket"}, "v5.channel.k8s.io"),
        ("GET", "new/exec?command=ls", WEBSOCKET, "does not have a host assigned"),
        ("POST", "web/portforward", {"upgrade": "SPDY/3.1"}, "port-forward is not served"),
        ("GET", "web/portforward", {**WEBSOCKET}, "port-forward is not served"),
        ("GET", "web/attach?container=server", WEBSOCKET, "attach is not served"),
    ],
)
def test_a_stream_that_cannot_be_is_refused_clearly(
    running: Serving, method: str, path: str, headers: dict[str, str], words: str
) -> None:
    running.registry.create(PODS, pod("new"))
    answer = running.ask(method, f"{PODS_OF_SHOP}/{path}", **headers)
    assert answer.code == 400
    assert words in answer.json()["message"]


def test_every_answer_to_nonsense_is_a_status(serving: Serving) -> None:
    for path in (
        "",
        "//",
        "/api/v1/namespaces/../pods",
        "/api/v1/namespaces/%00",
        "/apis//v1",
        "/api/v1/namespaces/a/b/c/d",
    ):
        for method in ("GET", "BREW", "PATCH"):
            answer = serving.api.handle(request(method, path))
            assert isinstance(answer, Response)
            assert answer.code in (200, 404, 405), (method, path, answer)


REVIEWS = "/apis/authorization.k8s.io/v1"


def test_the_owner_may_do_everything(serving: Serving) -> None:
    asked = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "shop"}}}
    told = serving.told("POST", f"{REVIEWS}/selfsubjectaccessreviews", asked)
    assert told["kind"] == "SelfSubjectAccessReview"
    assert told["spec"] == asked["spec"]
    assert told["status"]["allowed"] is True
    told = serving.told("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": "shop"}})
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in told["status"]["resourceRules"]
    told = serving.told("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert told["status"]["userInfo"]["username"] == "hoplab"


def test_a_question_is_only_posted_and_of_its_kind(serving: Serving) -> None:
    assert serving.ask("GET", f"{REVIEWS}/selfsubjectaccessreviews").code == 405
    assert serving.ask("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"kind": "Pod"}).code == 400
