"""What each kubectl of this machine shows of the shop: lists, descriptions, logs, programs in pods, the API itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from lab.api.discovery.release import VERSION
from tests.integration.kubectls import Kubectl
from tests.integration.labs import until

EXEC_IN = ("sh", "-c", "cat; echo to stderr >&2; exit 3")

LOUD = """
apiVersion: v1
kind: Pod
metadata: {name: loud}
spec:
  containers:
    - name: loud
      image: built-in
      command: [sh, -c, "echo one; echo two; echo three; sleep 600"]
"""
SHORT = """
apiVersion: v1
kind: Pod
metadata: {name: short}
spec:
  containers:
    - name: short
      image: built-in
      command: [sh, -c, "echo a life begun at $(date +%s%N); exit 1"]
"""


@pytest.fixture(scope="module")
def shop(kubectl: Kubectl) -> Iterator[Kubectl]:
    """One for all tests here: they change nothing in it."""
    with kubectl.open_shop() as one:
        yield one


def columns(table: str) -> list[str]:
    return re.split(r"\s{2,}", table.splitlines()[0].strip())


def rows(table: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()[1:]]


def lines(text: str) -> list[str]:
    """With one space where there are more: releases differ in how far they indent."""
    return [" ".join(line.split()) for line in text.splitlines()]


def require_lines(text: str, *wanted: str) -> None:
    missing = [pattern for pattern in wanted if not any(re.fullmatch(pattern, line) for line in lines(text))]
    assert not missing, f"{missing} not in\n{text}"


@pytest.mark.parametrize(
    ("kind", "headings"),
    [
        ("pods", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED+NODE READINESS+GATES"),
        ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"),
        ("deployments", "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"),
        ("replicasets", "NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR"),
        ("endpointslices", "NAME ADDRESSTYPE PORTS ENDPOINTS AGE"),
        ("endpoints", "NAME ENDPOINTS AGE"),
        ("nodes", "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"),
        ("namespaces", "NAME STATUS AGE"),
        ("events", "LAST+SEEN TYPE REASON OBJECT SUBOBJECT SOURCE MESSAGE FIRST+SEEN COUNT NAME"),
    ],
)
def test_lists_have_the_columns_of_a_cluster(shop: Kubectl, kind: str, headings: str) -> None:
    table = shop("get", kind, "-o", "wide")
    assert columns(table) == [one.replace("+", " ") for one in headings.split()]
    assert len(rows(table)) >= 3, table


def test_pods_are_chosen_by_label_field_and_namespace(shop: Kubectl) -> None:
    everything = rows(shop("get", "pods", "-A"))
    assert {row[0] for row in everything} >= {"kube-system", "namespace001", shop.namespace}
    assert len(shop.names("pods", "-l", "app=shop")) == 7
    assert len(shop.names("pods", "-l", "tier in (front, cart), tier != front")) == 2
    on_node = shop.object("pods", "--field-selector", "spec.nodeName=node-1")["items"]
    assert on_node, "pods are spread over the nodes"
    assert {one["spec"]["nodeName"] for one in on_node} == {"node-1"}
    assert shop("get", "pods", "--field-selector", "status.phase!=Running") == ""
    assert "field label not supported: colour" in shop.refused("get", "pods", "--field-selector", "colour=red")
    shown = shop("get", "pods", "-l", "tier=front", "-L", "tier", "--sort-by", ".metadata.name")
    assert columns(shown)[-1] == "TIER"
    assert [row[0] for row in rows(shown)] == sorted(shop.names("pods", "-l", "tier=front"))
    several = shop("get", "service/front", "deployment/front")
    assert "service/front " in several
    assert "deployment.apps/front " in several


def test_an_object_is_shown_as_yaml_and_json(shop: Kubectl) -> None:
    written = yaml.safe_load(shop("get", "service", "front", "-o", "yaml"))
    assert written == shop.object("service", "front")
    assert (written["apiVersion"], written["kind"]) == ("v1", "Service")
    assert "generation" not in written["metadata"], "Services have none"
    assert written["spec"]["ports"] == [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http", "nodePort": 30081}
    ]
    assert written["status"] == {"loadBalancer": {}}
    path = "{.spec.clusterIP}:{.spec.ports[0].port}"
    assert shop("get", "service", "front", "-o", f"jsonpath={path}") == f"{written['spec']['clusterIP']}:80"


def test_a_pod_is_described(shop: Kubectl) -> None:
    name = min(shop.names("pods", "-l", "tier=front"))
    told = shop("describe", "pod", name)
    require_lines(
        told,
        f"Name: {name}",
        f"Namespace: {shop.namespace}",
        r"Node: node-[012]/10\.0\.[12]\.1[01]",
        "Labels: app=shop",
        "Status: Running",
        r"IP: 10\.244\.\d+\.\d+",
        "Controlled By: ReplicaSet/front-.*",
        "Image: built-in",
        r"Port: 8080/TCP( \(http\))?",
        "State: Running",
        "Ready: True",
        "Restart Count: 0",
        r"Readiness: http-get http://:http/ready delay=0s timeout=1s period=1s .*=1 .*=3",
        "Ready True",
        "ContainersReady True",
        "PodScheduled True",
        "QoS Class: BestEffort",
        rf"Normal Scheduled \S+ default-scheduler Successfully assigned {shop.namespace}/{name} to node-[012]",
        r"Normal Started \S+ kubelet (spec\.containers\{front\}: )?Started container front",
    )
    assert "PodScheduled                True" in shop("describe", "pod", "-n", "namespace001", "pod-0")


def test_a_service_is_described(shop: Kubectl) -> None:
    told = shop("describe", "service", "front")
    require_lines(
        told,
        "Name: front",
        "Selector: app=shop,tier=front",
        "Type: NodePort",
        r"IP: 172\.16\.\d+\.\d+",
        "Port: http 80/TCP",
        "TargetPort: http/TCP",
        "NodePort: http 30081/TCP",
        r"Endpoints: (10\.244\.\d+\.\d+:8080,?){2}",
        "Session Affinity: None",
    )
    require_lines(shop("describe", "service", "stock-peers"), "IP: None", r"Endpoints: (10\.244\.\d+\.\d+:8080,?){3}")


def test_a_deployment_is_described(shop: Kubectl) -> None:
    require_lines(
        shop("describe", "deployment", "cart"),
        "Selector: app=shop,tier=cart",
        r"Replicas: 2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable",
        "StrategyType: RollingUpdate",
        "RollingUpdateStrategy: 25% max unavailable, 25% max surge",
        "Available True MinimumReplicasAvailable",
        "Progressing True NewReplicaSetAvailable",
        "OldReplicaSets: <none>",
        r"NewReplicaSet: cart-\S+ \(2/2 replicas created\)",
        r"Normal ScalingReplicaSet \S+ deployment-controller Scaled up replica set cart-\S+ (from 0 )?to 2",
    )


def test_a_node_is_described(shop: Kubectl) -> None:
    name = min(shop.names("pods", "-l", "tier=stock", "--field-selector", "spec.nodeName=node-2"))
    require_lines(
        shop("describe", "node", "node-2"),
        "Name: node-2",
        "Labels: .*",
        "kubernetes.io/hostname=node-2",
        "Unschedulable: false",
        r"Ready True .* KubeletReady kubelet is posting ready status",
        r"InternalIP: 10\.0\.2\.10",
        "Hostname: node-2",
        r"pods: 110",
        rf"{shop.namespace} {name} 0 \(0%\) .*",
    )


def test_what_a_program_says_is_shown_and_followed(kubectl: Kubectl) -> None:
    with kubectl.in_new_namespace() as own:
        own("apply", "-f", "-", given=LOUD)
        own("wait", "--for=condition=Ready", "pod/loud", "--timeout=60s")
        following = own.start("logs", "--follow", "loud")
        assert following.stdout is not None
        assert [following.stdout.readline() for _ in range(3)] == [b"one\n", b"two\n", b"three\n"]
        assert own("logs", "loud") == "one\ntwo\nthree\n"
        assert own("logs", "loud", "--tail=1") == "three\n"
        stamped = own("logs", "loud", "--timestamps", "--tail=1")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three\n", stamped), stamped
        assert 'previous terminated container "loud" in pod "loud" not found' in own.refused("logs", "loud", "-p")
        assert "container nope is not valid for pod loud" in own.refused("logs", "loud", "-c", "nope")
        own("delete", "pod", "loud", "--now")
        assert following.communicate(timeout=60)[0] == b"", "following ends with the pod"


def test_what_a_program_said_before_it_was_restarted_is_shown(kubectl: Kubectl) -> None:
    with kubectl.in_new_namespace() as own:
        own("apply", "-f", "-", given=SHORT)
        until(lambda: "CrashLoopBackOff" in own("get", "pod", "short"), "it is backed off from")
        lives = own("logs", "short", "--previous"), own("logs", "short")
        assert all(re.fullmatch(r"a life begun at \d+\n", life) for life in lives), lives
        assert lives[0] != lives[1]
        require_lines(
            own("describe", "pod", "short"),
            "Last State: Terminated",
            "Reason: Error",
            "Exit Code: 1",
            r"Warning BackOff .* Back-off restarting failed container short in pod short",
        )


def test_a_program_is_run_in_a_pod(shop: Kubectl) -> None:
    name = min(shop.names("pods", "-l", "tier=cart"))
    if not shop.is_current:
        told = shop.refused("exec", name, "--", "hostname")
        assert "exec is served over WebSockets only" in told, told
        assert "take kubectl 1.30 or later" in told, told
        return
    assert shop("exec", name, "--", "hostname") == f"{name}\n"
    assert shop("exec", "service/cart", "--", "hostname").strip() in shop.names("pods", "-l", "tier=cart")
    done = shop.done("exec", "--stdin", name, "--", *EXEC_IN, given="from stdin\n")
    assert (done.status, done.out) == (3, "from stdin\n"), str(done)
    assert done.err.splitlines() == ["to stderr", "command terminated with exit code 3"], str(done)
    assert "not found" in shop.refused("exec", name, "--", "no-such-program")
    asked = shop("exec", name, "--", "curl", "--silent", "--max-time", "5", f"http://front.{shop.namespace}/")
    assert any(front in asked for front in shop.names("pods", "-l", "tier=front")), asked


def test_the_api_tells_of_itself(shop: Kubectl) -> None:
    kinds = {row[0]: row[-1] for row in rows(shop("api-resources"))}
    assert kinds == {
        "configmaps": "ConfigMap",
        "endpoints": "Endpoints",
        "events": "Event",
        "ipaddresses": "IPAddress",
        "namespaces": "Namespace",
        "nodes": "Node",
        "pods": "Pod",
        "services": "Service",
        "deployments": "Deployment",
        "replicasets": "ReplicaSet",
        "endpointslices": "EndpointSlice",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "servicecidrs": "ServiceCIDR",
    }
    groups = ["apps/v1", "discovery.k8s.io/v1", "events.k8s.io/v1", "networking.k8s.io/v1", "v1"]
    assert shop("api-versions").split() == groups
    assert VERSION in shop("version")
    assert {row[-1] for row in rows(shop("get", "nodes"))} == {VERSION}, "a node is of the server's version"
    assert re.search(r"(control plane|master).* is running at .*https://127\.0\.0\.1:\d+", shop("cluster-info"))
    assert shop("get", "--raw", "/readyz") == "ok"


def test_fields_are_explained_by_name_and_type(shop: Kubectl) -> None:
    if not shop.is_current:
        assert "couldn't find resource" in shop.refused("explain", "pod"), (
            "it asks for OpenAPI v2, of which there is none"
        )
        return
    require_lines(shop("explain", "service.spec.ports"), "FIELD: ports <.*ServicePort>", "nodePort <integer>")
    require_lines(shop("explain", "deployment", "--recursive"), "GROUP: apps", "topologySpreadConstraints <.*>")
    assert 'field "nope" does not exist' in shop.refused("explain", "pod.spec.nope")


def test_its_owner_may_do_everything(shop: Kubectl) -> None:
    assert shop("auth", "can-i", "create", "pods").splitlines()[-1] == "yes"
    assert "*.*" in shop("auth", "can-i", "--list")
    if shop.is_current:
        assert "hoplab" in shop("auth", "whoami")


def test_what_is_not_served_is_said(shop: Kubectl) -> None:
    name = min(shop.names("pods", "-l", "tier=cart"))
    assert "Metrics API not available" in shop.refused("top", "pods")
    assert "attach is not served" in shop.refused("attach", name)
    assert "port-forward is not served" in shop.refused("port-forward", name, "8080")
    assert shop.refused("get", "jobs") == 'error: the server doesn\'t have a resource type "jobs"\n'
