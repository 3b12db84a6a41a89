"""Pods: where they are placed, what they are called, what they run."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from lab.cluster.nodes import crowded
from lab.cluster.objects import Cluster, ContainerPort, Deployment, Pod
from lab.cluster.pod_hashes import pod_names
from lab.errors import FileError

Build = Callable[..., Cluster]  # the fixtures of conftest.py
Warned = Callable[..., tuple[str, ...]]


def pod(name: str, spec: str = "", **metadata: str) -> str:
    extra = "".join(f", {key}: {value}" for key, value in metadata.items())
    container = "{name: c, image: built-in}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}{extra}}}\nspec: {{containers: [{container}]{spec}}}"


def deployment(name: str, replicas: int) -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n"
        f"spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n"
        f"  template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: built-in}}]}}}}"
    )


def own(cluster: Cluster) -> list[Pod]:
    return [item for item in cluster.pods if not item.system]


def where(cluster: Cluster) -> dict[str, str]:
    return {item.name: item.node for item in own(cluster)}


def test_nodes_beyond_kubelets_limit_are_named_but_pods_are_not_refused(build: Build) -> None:
    pinned = [pod(f"p{number}", ", nodeName: node-2") for number in range(111)]
    assert crowded(build(*pinned)) == ("node-2 has more than 110 pods, kubelet's default limit",)
    assert crowded(build(*pinned[1:])) == ()


def test_dns_pods_stand_on_the_first_nodes_and_come_first(build: Build) -> None:
    system = [(item.name, item.node, item.system) for item in build(pod("a"), nodes=3).pods if item.system]
    assert system == [("dns-0", "node-0", "dnsmasq"), ("dns-1", "node-1", "dnsmasq")]
    assert [item.name for item in build(pod("a"), nodes=1).pods] == ["dns-0", "a"]
    assert [item.name for item in build(pod("a"), spec="dns: {replicas: 3}").pods][:3] == ["dns-0", "dns-1", "dns-2"]


def test_node_name_and_hostname_selector_pin_a_pod(build: Build) -> None:
    cluster = build(
        pod("a", ", nodeName: node-2"),
        pod("b", ", nodeSelector: {kubernetes.io/hostname: node-2, kubernetes.io/os: linux}"),
    )
    assert where(cluster) == {"a": "node-2", "b": "node-2"}


def test_pods_stay_where_they_were_when_others_come(rebuild: Build) -> None:
    before = where(rebuild(pod("b"), pod("c")))
    after = where(rebuild(pod("a"), pod("b"), pod("c")))
    assert {name: after[name] for name in ("b", "c")} == before
    smaller = rebuild(pod("b"), pod("c"), nodes=1)
    assert set(where(smaller).values()) == {"node-0"}


def test_a_pod_keeps_what_matters_to_the_network(build: Build) -> None:
    text = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, tier: front}
  annotations: {hoplab.io/ready: "false", other: x}
spec:
  hostname: first
  subdomain: web
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}]
  containers:
    - name: server
      image: nginx
      command: [sh, -c]
      args: [sleep 1]
      resources: null
      ports: [{name: http, containerPort: 80}, {containerPort: 53, protocol: UDP}]
    - {name: sidecar, image: x, command: [never], ports: [{name: metrics, containerPort: 9090}]}
"""
    assert own(build(text)) == [
        Pod(
            "default",
            "web",
            "node-2",
            (("app", "web"), ("tier", "front")),
            (ContainerPort(80, "TCP", "http"), ContainerPort(53, "UDP"), ContainerPort(9090, "TCP", "metrics")),
            ("sh", "-c", "sleep 1"),
            ready=False,
            hostname="first",
            subdomain="web",
        )
    ]


def test_arguments_without_a_command_belong_to_an_image_that_is_not_here(build: Build) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: x, args: [--flag]}]}"
    assert own(build(text))[0].command == ()


def test_a_deployment_stands_for_its_pods(build: Build) -> None:
    cluster = build(deployment("web", 3))
    assert cluster.deployments == (Deployment("default", "web", 3),)
    assert sorted(where(cluster).values()) == ["node-0", "node-1", "node-2"]
    for item in own(cluster):
        found = re.fullmatch(r"web-([bcdfghjklmnpqrstvwxz2456789]{10})-[bcdfghjklmnpqrstvwxz2456789]{5}", item.name)
        assert found
        assert dict(item.labels) == {"app": "web", "pod-template-hash": found[1]}
        assert item.owner == "web"
    assert own(build(deployment("web", 0))) == []


def test_scaling_a_deployment_keeps_the_pods_that_stay() -> None:
    many = pod_names("default", "web", 3000)
    assert len(set(many)) == 3000
    assert pod_names("default", "web", 7) == many[:7]
    assert pod_names("other", "web", 1) != many[:1]


def test_without_manifests_there_is_a_sample(build: Build) -> None:
    cluster = build(nodes=3)
    assert where(cluster) == {"pod-0": "node-0", "pod-1": "node-1", "pod-2": "node-2"}
    assert [service.full_name for service in cluster.services] == ["kube-system/kube-dns", "default/myapp"]
    assert [endpoint.pod for endpoint in cluster.slices[1].ports[0].endpoints] == ["default/pod-1", "default/pod-2"]
    assert where(build(nodes=1)) == {"pod-0": "node-0", "pod-1": "node-0"}


def test_kinds_that_are_only_stored_are_taken_and_others_left_out_with_what_they_would_have_meant(
    build: Build, warned: Warned
) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}"
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {}}"
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a, namespace: default}"
    assert warned(config, policy, role) == (
        "lab.yaml:12: NetworkPolicy a is left out: it would have forbidden traffic of the pods that it selects; here "
        "nothing is forbidden",
        "lab.yaml:17: ClusterRole default/a is left out; it means nothing to this network",
    )
    assert own(build(config, policy, role)) == []


def test_the_items_of_a_list_count_like_documents(build: Build) -> None:
    spec = "spec: {containers: [{name: c, image: built-in}]}"
    items = ["{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"]
    items += [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop}}, {spec}}}" for name in ("a", "b")
    ]
    cluster = build("apiVersion: v1\nkind: List\nitems:\n" + "".join(f"  - {item}\n" for item in items))
    assert cluster.namespaces == ("default", "kube-system", "shop")
    assert [item.place for item in own(cluster)] == ["shop/a", "shop/b"]


def test_the_pods_of_a_deployment_are_no_pods_of_their_own(build: Build) -> None:
    (name,) = where(build(deployment("web", 1)))
    with pytest.raises(FileError, match=f"its pod default/{name} is also a Pod of its own"):
        build(deployment("web", 1), pod(name))
    assert len(own(build(deployment("web", 0), pod(name)))) == 1
