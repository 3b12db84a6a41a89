"""A file that is loaded again: what stayed is not compared anew, and what somebody changed meanwhile is the file's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.design.blueprint import ReadFile, read_file
from lab.api.patches.apply import three_way
from lab.api.resources import DEPLOYMENTS, PODS, SERVICES
from lab.api.store import Change
from lab.control import plane as plane_module
from lab.control.plane import ControlPlane
from lab.errors import FileError
from lab.topology.yaml.edited_text import Rereader
from tests.unit.control.test_plane import SHOP, new_plane

TOPOLOGY = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: shop}\n---\n"
LONE = """---
apiVersion: v1
kind: Pod
metadata: {name: lone, namespace: shop}
spec: {containers: [{name: c, image: built-in}]}
"""


class Shop:
    """The plane of a lab whose file is edited."""

    def __init__(self) -> None:
        self.plane: ControlPlane = new_plane()
        self._reader = Rereader()
        self.changes: list[Change] = []

    def up(self, text: str = SHOP + LONE) -> ReadFile:
        read = read_file(TOPOLOGY + text, str(Path("shop.yaml")), (), self._reader.read)
        self.plane.load(read.topology, read.documents)
        self.plane.expected()
        return read


@pytest.fixture
def shop() -> Shop:
    one = Shop()
    one.up()
    one.plane.store.listen(one.changes.append)
    return one


def test_what_stayed_is_not_compared_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def watched(resource: object, last: object, wanted: dict[str, dict[str, str]], live: object) -> object:
        compared.append(wanted["metadata"]["name"])
        return three_way(resource, last, wanted, live)  # type: ignore[arg-type]

    shop.up()  # the pod has a node since it was made, the Deployment a revision: they are compared once more
    monkeypatch.setattr(plane_module, "three_way", watched)
    shop.up()
    assert compared == []
    shop.up(SHOP.replace("replicas: 2", "replicas: 3") + LONE)
    assert compared == ["cart"], "the Deployment; neither namespace, Service nor pod"
    assert {change.object["kind"] for change in shop.changes} >= {"Deployment", "Pod"}


def test_what_somebody_changed_meanwhile_is_made_as_the_file_says(shop: Shop) -> None:
    store = shop.plane.store
    deployment, service = store.get(DEPLOYMENTS, "shop", "cart"), store.get(SERVICES, "shop", "cart")
    shop.plane.registry.update(DEPLOYMENTS, {**deployment, "spec": {**deployment["spec"], "replicas": 5}})
    ports = [{**service["spec"]["ports"][0], "targetPort": 9090}]
    shop.plane.registry.update(SERVICES, {**service, "spec": {**service["spec"], "ports": ports}})
    shop.up()
    assert store.get(DEPLOYMENTS, "shop", "cart")["spec"]["replicas"] == 2
    assert store.get(SERVICES, "shop", "cart")["spec"]["ports"][0]["targetPort"] == 8080


def test_labels_that_somebody_put_beside_the_files_stay(shop: Shop) -> None:
    pod = shop.plane.store.get(PODS, "shop", "lone")
    shop.plane.store.update(PODS, {**pod, "metadata": {**pod["metadata"], "labels": {"mine": "yes"}}})
    for _ in range(2):
        shop.up()
        assert shop.plane.store.get(PODS, "shop", "lone")["metadata"]["labels"] == {"mine": "yes"}


def test_what_was_deleted_comes_again(shop: Shop) -> None:
    shop.plane.store.remove(PODS, "shop", "lone")
    shop.up()
    assert shop.plane.store.find(PODS, "shop", "lone") is not None


def test_what_left_the_file_and_came_back_is_new(shop: Shop) -> None:
    first = shop.plane.store.get(PODS, "shop", "lone")["metadata"]["uid"]
    shop.up(SHOP)
    assert shop.plane.store.find(PODS, "shop", "lone") is None
    shop.up()
    assert shop.plane.store.get(PODS, "shop", "lone")["metadata"]["uid"] != first


def test_a_files_objects_are_kept_once_and_know_their_lines(shop: Shop) -> None:
    read = shop.up()
    assert {type(document.value) for document in read.documents} == {dict}, "as the API has them, without marks"
    twice = SHOP + LONE + LONE
    with pytest.raises(FileError) as caught:
        shop.up(twice)
    with pytest.raises(FileError) as at_first:
        read_file(TOPOLOGY + twice, "shop.yaml", ())
    assert caught.value.mistakes == at_first.value.mistakes
