"""The control plane with a topology's file: its objects, what follows from them, and what a second file changes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lab.agent.design.blueprint import Design, ReadFile, read_design, read_file
from lab.api.errors import ApiError
from lab.api.resources import DEPLOYMENTS, IPADDRESSES, PODS, SERVICES
from lab.control.manifests import Wanted, asked
from lab.control.own_objects import Machine
from lab.control.plane import ControlPlane, Picture
from lab.control.pods import podstatus
from lab.errors import FileError
from lab.topology import load_manifests

TOPOLOGIES = Path(__file__).resolve().parents[3] / "topologies"
NAMES = sorted(path.stem for path in TOPOLOGIES.glob("*.yaml"))

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}
"""


def new_plane() -> ControlPlane:
    numbers = itertools.count()
    ticks = itertools.count()
    return ControlPlane(
        lambda: "2026-01-01T00:00:00Z", lambda: f"uid-{next(numbers)}", lambda: float(next(ticks)), Machine()
    )


def text_of(name: str) -> str:
    return (TOPOLOGIES / f"{name}.yaml").read_text(encoding="utf-8")


def loaded(plane: ControlPlane, text: str) -> tuple[ReadFile, Picture]:
    read = read_file(text, str(TOPOLOGIES / "two-subnet.yaml"), ())
    plane.load(read.topology, read.documents)
    return read, plane.expected()


def add(plane: ControlPlane, text: str) -> None:
    for one in asked(load_manifests(text, "more.yaml")):
        assert isinstance(one, Wanted)
        plane.put(one)


@pytest.mark.parametrize("name", NAMES)
def test_what_lives_is_what_the_file_means(name: str) -> None:
    """Controllers, one object after the other, come to the very network that the file alone is designed to."""
    read, picture = loaded(new_plane(), text_of(name))
    lives = Design(read, picture.cluster, picture.addresses).network
    means = read_design(text_of(name), read.file, ()).network
    assert picture.addresses == read_design(text_of(name), read.file, ()).addresses
    assert set(lives.objects) == set(means.objects)


def test_the_same_file_again_changes_nothing() -> None:
    plane = new_plane()
    _, first = loaded(plane, text_of("two-subnet"))
    at = plane.store.revision
    _, second = loaded(plane, text_of("two-subnet"))
    assert plane.store.revision == at, "no object was written"
    assert second.cluster == first.cluster


def test_what_came_in_otherwise_stays_when_the_file_is_loaded_again() -> None:
    plane = new_plane()
    loaded(plane, text_of("two-subnet"))
    add(plane, SHOP)
    _, picture = loaded(plane, text_of("two-subnet"))
    assert plane.store.find(DEPLOYMENTS, "shop", "cart") is not None
    assert [pod.namespace for pod in picture.cluster.pods].count("shop") == 2


def test_what_the_file_no_longer_has_goes_and_with_it_what_it_owned() -> None:
    plane = new_plane()
    loaded(plane, f"{text_of('two-subnet')}---\n{SHOP}")
    _, picture = loaded(plane, text_of("two-subnet"))
    assert plane.store.find(SERVICES, "shop", "cart") is None
    assert all(pod.namespace != "shop" for pod in picture.cluster.pods), "its pods went with the Deployment"
    assert "shop" not in picture.cluster.namespaces


def test_the_file_has_the_last_word_about_its_own_objects() -> None:
    plane = new_plane()
    loaded(plane, f"{text_of('two-subnet')}---\n{SHOP}")
    scaled = plane.store.get(DEPLOYMENTS, "shop", "cart")
    plane.registry.update(DEPLOYMENTS, {**scaled, "spec": {**scaled["spec"], "replicas": 5}})
    assert [pod.namespace for pod in plane.expected().cluster.pods].count("shop") == 5
    _, picture = loaded(plane, f"{text_of('two-subnet')}---\n{SHOP}")
    assert [pod.namespace for pod in picture.cluster.pods].count("shop") == 2


def test_a_pod_that_moves_to_another_node_is_another_pod() -> None:
    plane = new_plane()
    loaded(plane, text_of("two-subnet"))
    before = plane.store.get(PODS, "namespace001", "pod-2")["metadata"]["uid"]
    moved = text_of("two-subnet").replace("nodeName: node-1", "nodeName: node-0")
    _, picture = loaded(plane, moved)
    pod = plane.store.get(PODS, "namespace001", "pod-2")
    assert pod["metadata"]["uid"] != before
    assert next(one.node for one in picture.cluster.pods if one.name == "pod-2") == "node-0"


def test_pods_that_were_there_keep_their_addresses_wherever_a_new_one_stands() -> None:
    plane = new_plane()
    text = text_of("two-subnet")
    _, first = loaded(plane, text)
    head = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: namespace001}\n"
    pod = f"{head}spec: {{nodeName: node-0, containers: [{{name: c, image: x}}]}}\n"
    at = text.index("---\n# The client.")
    _, again = loaded(plane, text[:at] + pod + text[at:])
    for place in ("namespace001/pod-0", "namespace001/pod-1", "kube-system/dns-0"):
        assert again.addresses.pod(place) == first.addresses.pod(place)
    assert again.addresses.pod("namespace001/a") not in first.addresses.pods.values()


def test_a_twin_changes_nothing() -> None:
    plane = new_plane()
    read, picture = loaded(plane, text_of("two-subnet"))
    add(plane, SHOP)
    plane.expected()
    at = plane.store.revision
    other = read_file(text_of("two-subnet").replace("port: 80,", "port: 81,"), read.file, ())
    twin = plane.twin()
    twin.load(other.topology, other.documents)
    preview = twin.expected()
    assert plane.store.revision == at
    assert {port.port for one in preview.cluster.services if one.name == "myapp" for port in one.ports} == {81}
    assert any(pod.namespace == "shop" for pod in preview.cluster.pods), "what came in otherwise is in it too"
    assert plane.picture().cluster != picture.cluster


def test_an_address_that_somebody_else_took_meanwhile_is_a_mistake_of_the_file() -> None:
    plane = new_plane()
    loaded(plane, text_of("minimal"))
    add(
        plane,
        SHOP.replace(
            "spec: {selector: {app: cart}, ports", "spec: {clusterIP: 172.16.10.10, selector: {app: cart}, ports"
        ),
    )
    with pytest.raises(FileError) as caught:
        loaded(plane, text_of("two-subnet"))
    assert "172.16.10.10" in str(caught.value)
    assert "shop/cart" in str(caught.value)


def test_a_pod_that_waits_to_be_started_anew_waits_through_an_up_unless_its_file_was_edited() -> None:
    plane = new_plane()
    loaded(plane, text_of("two-subnet"))
    pod = plane.store.get(PODS, "namespace001", "pod-1")
    plane.store.update(PODS, podstatus.waiting(podstatus.ended(pod, 1, plane.store.now()), 10.0, plane.store.now()))
    _, picture = loaded(plane, text_of("two-subnet"))
    assert not next(one.running for one in picture.cluster.pods if one.name == "pod-1")
    edited = text_of("two-subnet").replace(
        "  nodeName: node-0\n  containers: [{name: server",
        "  nodeName: node-0\n  containers: [{command: [sleep, '1000'], name: server",
    )
    _, picture = loaded(plane, edited)
    again = next(one for one in picture.cluster.pods if one.name == "pod-1")
    assert again.running
    assert again.command == ("sleep", "1000")


def test_an_address_that_an_ipaddress_reserves_is_given_to_no_service() -> None:
    plane = new_plane()
    loaded(plane, text_of("minimal"))
    address = "172.16.9.9"
    reserved = {"metadata": {"name": address}, "spec": {"parentRef": {"resource": "things", "name": "mine"}}}
    plane.registry.create(IPADDRESSES, reserved)
    service = {"metadata": {"name": "web"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}}
    with pytest.raises(ApiError, match="already the address of the IPAddress"):
        plane.registry.create(SERVICES, service)
    plane.registry.delete(IPADDRESSES, "", address)
    plane.registry.create(SERVICES, service)
    plane.picture()
    [held] = [one for one in plane.store.list(IPADDRESSES) if one["metadata"]["name"] == address]
    assert held["spec"]["parentRef"] == {"group": "", "resource": "services", "namespace": "default", "name": "web"}
