"""What becomes of each object of a file, in the order of the file, whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.design.blueprint import read_file
from lab.api.resources import BY_KIND, CONFIGMAPS, PODS, SECRETS, SERVICES, by_name
from lab.cluster.file.kinds import MODELS
from lab.control.manifest_edits import Verdict, applied, deleted
from lab.control.mistakes import path_of
from lab.control.plane import ControlPlane
from lab.errors import FileError
from lab.topology import load_manifests
from tests.unit.control.test_plane import loaded, new_plane, text_of

POD = "{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {containers: [{name: c, image: built-in}]}}"
MIXED = """\
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}
---
{apiVersion: v1, kind: Service, metadata: {name: wrong}, spec: {ports: [{port: 70000, targetPort: 80}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: watch}}
---
{apiVersion: v1, kind: Service, metadata: {name: misspelt}, spec: {ports: [{port: 80, prot: TCP}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: here}, spec: {containers: [{name: c, image: built-in}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: budget}, spec: {maxUnavailable: 1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: nowhere, namespace: no}, spec: {containers: [{name: c, image: x}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: not base64}}
---
{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: old}}
---
{apiVersion: v1, kind: Service, metadata: {name: 5}}
---
{kind: Pod}
---
just text
---
{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: me}}, 5]}
"""

FORBIDS = "it would have forbidden traffic of the pods that it selects; here nothing is forbidden"
EXPECTED = [
    Verdict("configmap/settings", "created"),
    Verdict(
        "service/wrong",
        "refused",
        (
            "f.yaml:3:80: Service wrong is refused: spec.ports[0].port: Invalid value: 70000: must be between 1 and "
            "65535, inclusive",
        ),
        failed=True,
    ),
    Verdict(
        "NetworkPolicy shop/deny", "left out", (f"f.yaml:6: NetworkPolicy shop/deny is left out: {FORBIDS}",), True
    ),
    Verdict(
        "ServiceMonitor watch",
        "refused",
        (
            "f.yaml:10:46: ServiceMonitor watch is refused: kind: 'monitoring.coreos.com/v1' 'ServiceMonitor' is not a "
            "kind of object that Hoplab knows; it knows Namespace, Pod, Service, Deployment, EndpointSlice",
        ),
        failed=True,
    ),
    Verdict(
        "service/misspelt",
        "refused",
        ("f.yaml:12:93: Service misspelt is refused: spec.ports[0].prot: there is no such field",),
        failed=True,
    ),
    Verdict("pod/here", "created"),
    Verdict(
        "PodDisruptionBudget budget",
        "left out",
        ("f.yaml:16: PodDisruptionBudget budget is left out; it means nothing to this network",),
    ),
    Verdict("pod/nowhere", "refused", ('f.yaml:18:1: Pod no/nowhere is refused: namespaces "no" not found',), True),
    Verdict(
        "secret/s",
        "refused",
        (
            'f.yaml:20:1: Secret s is refused: Secret in version "v1" cannot be handled as a Secret: illegal base64 '
            "data at input byte 3",
        ),
        failed=True,
    ),
    Verdict(
        "Deployment old",
        "refused",
        (
            "f.yaml:22:14: Deployment old is refused: apiVersion: Deployment is not of apiVersion "
            "'extensions/v1beta1'; write 'apiVersion: apps/v1'",
        ),
        failed=True,
    ),
    Verdict(
        "Service",
        "refused",
        ("f.yaml:24:50: Service is refused: metadata.name: 5 is not text; put it in quotes",),
        failed=True,
    ),
    Verdict("Pod", "refused", ("f.yaml:26:1: Pod is refused: apiVersion: is missing; such as v1",), failed=True),
    Verdict(
        "object",
        "refused",
        ("f.yaml:28:1: object is refused: 'just text' is not a Kubernetes manifest; one is a mapping",),
        failed=True,
    ),
    Verdict("serviceaccount/me", "created"),
    Verdict(
        "object",
        "refused",
        ("f.yaml:30:100: object is refused: items[1]: 5 is not a Kubernetes manifest; one is a mapping",),
        failed=True,
    ),
]


@pytest.fixture
def plane() -> ControlPlane:
    plane = new_plane()
    loaded(plane, text_of("minimal"))
    return plane


def apply(plane: ControlPlane, text: str) -> list[Verdict]:
    return list(applied(plane, load_manifests(text, "f.yaml")))


def delete(plane: ControlPlane, text: str) -> list[Verdict]:
    return list(deleted(plane, load_manifests(text, "f.yaml")))


def test_every_object_has_its_own_verdict_with_its_place(plane: ControlPlane) -> None:
    assert apply(plane, MIXED) == EXPECTED
    assert plane.store.find(PODS, "default", "here") is not None
    assert plane.store.find(SECRETS, "default", "s") is None


def test_a_second_time_what_is_there_is_unchanged_and_the_rest_the_same(plane: ControlPlane) -> None:
    apply(plane, MIXED)
    again = apply(plane, MIXED)
    made = [one for one in again if one.done == "unchanged"]
    assert [one.named for one in made] == ["configmap/settings", "pod/here", "serviceaccount/me"]
    assert [one for one in again if one not in made] == [one for one in EXPECTED if one.done != "created"]


def test_deleting_is_told_object_by_object_too(plane: ControlPlane) -> None:
    apply(plane, MIXED)
    done = {one.named: one for one in delete(plane, MIXED)}
    assert [one.named for one in done.values() if one.done == "deleted"] == [
        "serviceaccount/me",
        "pod/here",
        "configmap/settings",
    ]
    assert done["service/wrong"] == Verdict(
        "service/wrong", "not found", ("f.yaml:3: Service wrong is not there",), failed=True
    )
    assert done["NetworkPolicy shop/deny"].told == (
        "f.yaml:6: NetworkPolicy shop/deny is not there: the lab stores no NetworkPolicy",
    )
    refused = delete(plane, "{apiVersion: v1, kind: Namespace, metadata: {name: default}}")
    assert [(one.done, one.failed) for one in refused] == [("refused", True)]


def test_a_pod_is_changed_no_further_than_kubectl_may(plane: ControlPlane) -> None:
    pod = POD.replace("NAME", "web")
    apply(plane, pod)
    [verdict] = apply(plane, pod.replace("image: built-in", "image: built-in, ports: [{containerPort: 80}]"))
    assert verdict.done == "refused"
    assert "Pod web is refused: spec: Forbidden: pod updates may not change fields other than" in verdict.told[0]
    [verdict] = apply(plane, pod.replace("name: web", "name: web, labels: {a: b}"))
    assert verdict == Verdict("pod/web", "configured")


def test_what_another_object_needs_must_stand_before_it(plane: ControlPlane) -> None:
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
    pod = POD.replace("name: NAME", "name: web, namespace: shop")
    assert [one.done for one in apply(plane, f"{pod}\n---\n{namespace}")] == ["refused", "created"]
    assert [one.done for one in apply(plane, f"{namespace}\n---\n{pod}")] == ["unchanged", "created"]


def test_an_edited_corefile_is_what_coredns_is_given(plane: ControlPlane) -> None:
    corefile = (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: coredns, namespace: kube-system}, data: {Corefile: X}}"
    )
    coredns = text_of("minimal").replace("metadata:", "spec: {dns: {server: coredns}}\nmetadata:")
    loaded(plane, coredns)
    assert ".:53" in plane.corefile
    assert apply(plane, corefile.replace("X", "'.:53 { whoami }'")) == [Verdict("configmap/coredns", "configured")]
    assert plane.corefile == ".:53 { whoami }"
    loaded(plane, coredns)
    assert plane.corefile == ".:53 { whoami }", "a second `up` keeps what somebody edited"


def test_manifests_of_a_topology_are_stored_or_left_out_alike(plane: ControlPlane) -> None:
    text = text_of("minimal") + "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}\n"
    policy = "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}}\n"
    read, _ = loaded(plane, text + policy)
    assert [one.partition(": ")[2] for one in read.warnings] == [f"NetworkPolicy deny is left out: {FORBIDS}"]
    assert plane.store.get(CONFIGMAPS, "default", "settings")["data"] == {"a": "b"}
    loaded(plane, text_of("minimal"))
    assert plane.store.find(CONFIGMAPS, "default", "settings") is None


def test_a_topology_with_an_object_that_the_api_would_refuse_is_refused_with_its_line() -> None:
    text = text_of("minimal") + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a/b: YQ==}\n"
    with pytest.raises(FileError) as refused:
        read_file(text, "lab.yaml", ())
    [mistake] = refused.value.mistakes
    assert (mistake.line, mistake.field) == (len(text.splitlines()), "data['a/b']")


def test_a_service_that_the_api_refuses_is_told_at_its_field(plane: ControlPlane) -> None:
    text = text_of("minimal") + (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        "spec: {trafficDistribution: Odd, ports: [{port: 80}]}\n"
    )
    read = read_file(text, str(Path("lab.yaml")), ())
    with pytest.raises(FileError) as refused:
        plane.load(read.topology, read.documents)
    assert "spec.trafficDistribution: Unsupported value" in str(refused.value)


def test_the_kinds_of_files_are_those_of_the_api() -> None:
    assert MODELS.keys() == BY_KIND.keys()
    assert by_name("secrets") is SECRETS
    assert by_name("svc") is SERVICES


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("spec.ports[0].nodePort", ("spec", "ports", 0, "nodePort")),
        ("metadata.annotations[a.b/c]", ("metadata", "annotations", "a.b/c")),
        ("data[tls.crt]", ("data", "tls.crt")),
        ("", ()),
    ],
)
def test_the_apis_names_of_fields_are_found_in_the_file(field: str, path: tuple[str | int, ...]) -> None:
    assert path_of(field) == path
