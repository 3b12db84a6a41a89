"""The API's rules, without HTTP: what is stored when something is made, changed and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.deletion import Deletion
from lab.api.errors import ApiError
from lab.api.registry import Options, Registry
from lab.api.resources import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from lab.api.selectors import Labels, Selection
from lab.api.store import Store
from tests.unit.api.serving import NOW, Serving, configmap, deployment, pod

DRY = Options(dry_run=True)


@pytest.fixture
def serving() -> Serving:
    return Serving()


@pytest.fixture
def registry(serving: Serving) -> Registry:
    return serving.registry


def refusal(call: Any, *given: Any) -> tuple[int, str, str]:
    with pytest.raises(ApiError) as refused:
        call(*given)
    return refused.value.code, refused.value.reason, refused.value.message


def test_a_new_object_gets_what_only_the_server_says(registry: Registry) -> None:
    item = configmap("settings", colour="red")
    item["metadata"] |= {"uid": "mine", "creationTimestamp": "1999-01-01T00:00:00Z", "generation": 7}
    made = registry.create(CONFIGMAPS, item)
    metadata = made["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] == NOW
    assert metadata["resourceVersion"] == str(registry.store.revision)
    assert metadata.get("generation") != 7
    assert item["metadata"]["uid"] == "mine", "the object that was given is not changed"


def test_a_name_is_made_when_only_its_beginning_is_given(registry: Registry) -> None:
    item = {"metadata": {"generateName": "event-", "namespace": "shop"}, "data": {}}
    names = {registry.create(CONFIGMAPS, item)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) == len("event-") + 5 and name.startswith("event-") for name in names)


def test_an_object_needs_a_name(registry: Registry) -> None:
    code, reason, message = refusal(registry.create, CONFIGMAPS, {"metadata": {"namespace": "shop"}})
    assert (code, reason) == (422, "Invalid")
    assert "metadata.name: Required value: name or generateName is required" in message


def test_what_is_there_is_not_made_again(registry: Registry) -> None:
    registry.create(CONFIGMAPS, configmap("settings"))
    told = refusal(registry.create, CONFIGMAPS, configmap("settings"))
    assert told == (409, "AlreadyExists", 'configmaps "settings" already exists')
    assert refusal(registry.create, CONFIGMAPS, configmap("settings"), "", DRY) == told


def test_a_namespace_must_be_there_and_stay(registry: Registry) -> None:
    told = refusal(registry.create, CONFIGMAPS, configmap("settings", "nowhere"))
    assert told == (404, "NotFound", 'namespaces "nowhere" not found')
    registry.delete(NAMESPACES, "", "shop")
    code, reason, message = refusal(registry.create, CONFIGMAPS, configmap("settings"))
    assert (code, reason) == (403, "Forbidden")
    assert message.endswith("unable to create new content in namespace shop because it is being terminated")


def test_the_namespace_of_the_request_and_of_the_object_agree(registry: Registry) -> None:
    code, _, message = refusal(registry.create, CONFIGMAPS, configmap("settings", "default"), "shop")
    assert code == 400
    assert "does not match the namespace sent on the request" in message
    assert registry.create(PODS, {**pod("a"), "metadata": {"name": "a"}}, "shop")["metadata"]["namespace"] == "shop"


def test_another_kind_is_refused(registry: Registry) -> None:
    assert refusal(registry.create, PODS, configmap("settings"))[0] == 400


def test_a_dry_run_stores_nothing(registry: Registry) -> None:
    before = registry.store.revision
    made = registry.create(PODS, pod("a"), options=DRY)
    assert made["metadata"]["name"] == "a"
    assert registry.store.revision == before
    registry.create(PODS, pod("a"))
    before = registry.store.revision
    registry.update(CONFIGMAPS, registry.create(CONFIGMAPS, configmap("c")), options=DRY)
    registry.delete(PODS, "shop", "a", Deletion(dry_run=True))
    assert registry.store.revision == before + 1, "only the ConfigMap was stored"


def test_a_change_with_an_old_resource_version_is_a_conflict(registry: Registry) -> None:
    first = registry.create(CONFIGMAPS, configmap("settings", colour="red"))
    registry.update(CONFIGMAPS, {**first, "data": {"colour": "blue"}})
    code, reason, message = refusal(registry.update, CONFIGMAPS, {**first, "data": {"colour": "green"}})
    assert (code, reason) == (409, "Conflict")
    assert "the object has been modified" in message
    unconditional = configmap("settings", colour="green")
    assert registry.update(CONFIGMAPS, unconditional)["data"] == {"colour": "green"}
    stranger = configmap("settings")
    stranger["metadata"]["uid"] = "other"
    assert refusal(registry.update, CONFIGMAPS, stranger)[:2] == (409, "Conflict")


def test_what_only_the_server_says_survives_a_change(registry: Registry) -> None:
    first = registry.create(CONFIGMAPS, configmap("settings"))
    changed = registry.update(CONFIGMAPS, configmap("settings", colour="red"))
    for mark in ("uid", "creationTimestamp"):
        assert changed["metadata"][mark] == first["metadata"][mark]
    assert int(changed["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    assert registry.update(CONFIGMAPS, configmap("settings", colour="red")) is changed, "no change is no change"


def test_the_name_of_the_request_and_of_the_object_agree(registry: Registry) -> None:
    registry.create(CONFIGMAPS, configmap("settings"))
    code, _, message = refusal(registry.update, CONFIGMAPS, configmap("other"), "shop", "settings")
    assert (code, message) == (400, "the name of the object (other) does not match the name on the URL (settings)")


def test_spec_and_status_are_written_apart(registry: Registry) -> None:
    made = registry.create(PODS, {**pod("a"), "status": {"phase": "Failed"}})
    assert made["status"].get("phase", "Pending") == "Pending", "a new pod has no status of its author's"
    told = {**made, "spec": {"containers": []}, "status": {"phase": "Running", "podIP": "10.244.0.2"}}
    running = registry.update(PODS, told, subresource="status")
    assert running["status"]["podIP"] == "10.244.0.2"
    assert running["spec"] == made["spec"]
    labelled = {**running, "metadata": {**running["metadata"], "labels": {"app": "x"}}, "status": {}}
    changed = registry.update(PODS, labelled)
    assert changed["metadata"]["labels"] == {"app": "x"}
    assert changed["status"] == running["status"]


def test_a_node_says_its_own_status_when_it_registers(registry: Registry) -> None:
    node = {"metadata": {"name": "node-0"}, "status": {"nodeInfo": {"kernelVersion": "6.1.0"}}}
    made = registry.create(NODES, node)
    assert made["status"]["nodeInfo"]["kernelVersion"] == "6.1.0"
    assert "namespace" not in made["metadata"]


def test_a_pod_that_runs_nowhere_is_gone_at_once(registry: Registry) -> None:
    registry.create(PODS, pod("a"))
    assert registry.delete(PODS, "shop", "a").gone
    assert registry.store.find(PODS, "shop", "a") is None


def test_a_pod_on_a_node_gets_its_grace_period(registry: Registry) -> None:
    registry.create(PODS, pod("a", nodeName="node-0"))
    deleted = registry.delete(PODS, "shop", "a")
    assert not deleted.gone
    assert deleted.object["metadata"]["deletionGracePeriodSeconds"] == 30
    assert deleted.object["metadata"]["deletionTimestamp"] == "2026-05-04T10:00:30Z"
    again = registry.delete(PODS, "shop", "a", Deletion(grace=60))
    assert again.object == deleted.object, "a grace period is not made longer"
    shorter = registry.delete(PODS, "shop", "a", Deletion(grace=5)).object["metadata"]
    assert (shorter["deletionGracePeriodSeconds"], shorter["deletionTimestamp"]) == (5, "2026-05-04T10:00:05Z")
    assert registry.delete(PODS, "shop", "a", Deletion(grace=0)).gone


def test_a_pod_may_say_its_own_grace_period(registry: Registry) -> None:
    registry.create(PODS, pod("a", nodeName="node-0", terminationGracePeriodSeconds=3))
    assert registry.delete(PODS, "shop", "a").object["metadata"]["deletionGracePeriodSeconds"] == 3


def test_an_update_neither_begins_nor_ends_a_deletion(registry: Registry) -> None:
    made = registry.create(PODS, pod("a", nodeName="node-0"))
    forged = {**made, "metadata": {**made["metadata"], "deletionTimestamp": NOW}}
    assert "deletionTimestamp" not in registry.update(PODS, forged)["metadata"]
    marked = registry.delete(PODS, "shop", "a").object
    kept = registry.update(PODS, made | {"metadata": {"name": "a", "namespace": "shop", "labels": {"x": "y"}}})
    for mark in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        assert kept["metadata"][mark] == marked["metadata"][mark]


def test_finalizers_keep_an_object_until_they_are_gone(registry: Registry) -> None:
    item = configmap("settings")
    item["metadata"]["finalizers"] = ["example.com/mine"]
    registry.create(CONFIGMAPS, item)
    deleted = registry.delete(CONFIGMAPS, "shop", "settings")
    assert not deleted.gone
    assert deleted.object["metadata"]["deletionTimestamp"] == NOW
    more = configmap("settings")
    more["metadata"]["finalizers"] = ["example.com/mine", "example.com/another"]
    code, reason, message = refusal(registry.update, CONFIGMAPS, more)
    assert (code, reason) == (422, "Invalid")
    assert "no new finalizers can be added" in message
    registry.update(CONFIGMAPS, configmap("settings"))
    assert registry.store.find(CONFIGMAPS, "shop", "settings") is None, "gone with its last finalizer"


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"]), ("Background", None)],
)
def test_what_happens_to_dependents_is_told_by_a_finalizer(
    registry: Registry, propagation: Any, finalizers: list[str] | None
) -> None:
    registry.create(DEPLOYMENTS, deployment("web"))
    deleted = registry.delete(DEPLOYMENTS, "shop", "web", Deletion(propagation))
    assert deleted.gone is (finalizers is None)
    assert deleted.object["metadata"].get("finalizers") == finalizers


def test_deletion_of_another_object_than_meant_is_a_conflict(registry: Registry) -> None:
    made = registry.create(CONFIGMAPS, configmap("settings"))
    code, reason, message = refusal(registry.delete, CONFIGMAPS, "shop", "settings", Deletion(uid="other"))
    assert (code, reason) == (409, "Conflict")
    assert "UID in precondition: other" in message
    assert refusal(registry.delete, CONFIGMAPS, "shop", "settings", Deletion(revision="1"))[0] == 409
    right = Deletion(uid=made["metadata"]["uid"], revision=made["metadata"]["resourceVersion"])
    assert registry.delete(CONFIGMAPS, "shop", "settings", right).gone


def test_a_namespace_terminates_until_its_finalizer_is_taken(registry: Registry) -> None:
    deleted = registry.delete(NAMESPACES, "", "shop")
    assert not deleted.gone
    assert deleted.object["status"]["phase"] == "Terminating"
    assert deleted.object["spec"]["finalizers"] == ["kubernetes"]
    assert refusal(registry.delete, NAMESPACES, "", "shop")[0] == 409
    registry.update(NAMESPACES, {**deleted.object, "spec": {}})
    assert registry.store.find(NAMESPACES, "", "shop"), "an ordinary change does not take it"
    registry.update(NAMESPACES, {"metadata": {"name": "shop"}, "spec": {}}, subresource="finalize")
    assert registry.store.find(NAMESPACES, "", "shop") is None


def test_the_namespaces_of_every_cluster_stay(registry: Registry) -> None:
    code, reason, message = refusal(registry.delete, NAMESPACES, "", "default")
    assert (code, reason) == (403, "Forbidden")
    assert "this namespace may not be deleted" in message


def test_many_are_deleted_by_their_labels(registry: Registry) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        registry.create(CONFIGMAPS, configmap(name, labels={"colour": colour}))
    gone = registry.delete_collection(CONFIGMAPS, Selection("shop", Labels.parse("colour=red")), Deletion())
    assert [one.object["metadata"]["name"] for one in gone] == ["a", "c"]
    assert [item["metadata"]["name"] for item in registry.list(CONFIGMAPS)] == ["b"]


def test_a_deployment_is_scaled_without_reading_it(registry: Registry) -> None:
    registry.create(DEPLOYMENTS, deployment("web", 2))
    scale = registry.get(DEPLOYMENTS, "shop", "web", "scale")
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"]["selector"] == "app=web"
    scale = registry.update(DEPLOYMENTS, {**scale, "spec": {"replicas": 5}}, "shop", "web", subresource="scale")
    assert scale["spec"] == {"replicas": 5}
    assert registry.get(DEPLOYMENTS, "shop", "web")["spec"]["replicas"] == 5
    assert registry.get(DEPLOYMENTS, "shop", "web")["metadata"]["generation"] == 2
    code, reason, message = refusal(
        lambda: registry.update(DEPLOYMENTS, {"spec": {"replicas": -1}}, "shop", "web", subresource="scale")
    )
    assert (code, reason) == (422, "Invalid")
    assert "spec.replicas" in message


def test_a_pod_is_bound_once(registry: Registry) -> None:
    bound = registry.bind(registry.create(PODS, pod("a")), "node-1")
    assert bound["spec"]["nodeName"] == "node-1"
    assert {"type": "PodScheduled", "status": "True"}.items() <= bound["status"]["conditions"][-1].items()
    code, reason, _ = refusal(registry.bind, bound, "node-2")
    assert (code, reason) == (409, "Conflict")


def test_the_admission_sees_the_old_object_and_what_it_gives_is_stored() -> None:
    seen: list[Any] = []

    class Numbering:
        def admit(self, resource: Any, new: Any, old: Any) -> Any:
            seen.append((resource, old))
            return {**new, "data": {**new.get("data", {}), "given": "7"}} if resource is CONFIGMAPS else new

    numbers = iter(range(100))
    registry = Registry(Store(lambda: NOW, lambda: str(next(numbers))), Numbering())
    registry.create(NAMESPACES, {"metadata": {"name": "shop"}})
    made = registry.create(CONFIGMAPS, configmap("settings"))
    assert made["data"] == {"given": "7"}
    registry.update(CONFIGMAPS, configmap("settings", colour="red"))
    assert seen[-1] == (CONFIGMAPS, made)


def test_fields_that_a_kind_does_not_have_are_refused_or_warned_of(registry: Registry) -> None:
    wrong = pod("a", replicaz=2)
    code, _, message = refusal(registry.create, PODS, wrong, "", Options(validation="Strict"))
    assert code == 400
    assert 'strict decoding error: unknown field "spec.replicaz"' in message
    heard: list[str] = []
    registry.create(PODS, wrong, options=Options(validation="Warn", warn=heard.append))
    assert heard == ['unknown field "spec.replicaz"']


def test_a_label_is_patched_into_an_object(registry: Registry) -> None:
    registry.create(PODS, pod("a", labels={"app": "web"}))
    body = {"metadata": {"labels": {"app": None, "tier": "front"}}}
    patched = registry.patch(PODS, "shop", "a", "application/merge-patch+json", body)
    assert patched["metadata"]["labels"] == {"tier": "front"}


def test_applying_makes_what_is_not_there_and_then_changes_it(registry: Registry) -> None:
    kind = "application/apply-patch+yaml"
    mine = Options(manager="mine")
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
    made = registry.patch(CONFIGMAPS, "shop", "settings", kind, body, mine)
    assert made["data"] == {"colour": "red"}
    changed = registry.patch(CONFIGMAPS, "shop", "settings", kind, body.replace(b"red", b"blue"), mine)
    assert changed["data"] == {"colour": "blue"}
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_patch_of_the_status_leaves_the_rest(registry: Registry) -> None:
    registry.create(PODS, pod("a"))
    body = {"status": {"podIP": "10.244.0.9"}, "metadata": {"labels": {"x": "y"}}}
    patched = registry.patch(PODS, "shop", "a", "application/merge-patch+json", body, subresource="status")
    assert patched["status"]["podIP"] == "10.244.0.9"
    assert "labels" not in patched["metadata"]


def test_a_patch_that_names_an_old_resource_version_is_a_conflict(registry: Registry) -> None:
    registry.create(CONFIGMAPS, configmap("settings"))
    body = {"metadata": {"resourceVersion": "1"}, "data": {"a": "b"}}
    told = refusal(registry.patch, CONFIGMAPS, "shop", "settings", "application/merge-patch+json", body)
    assert told[:2] == (409, "Conflict")
