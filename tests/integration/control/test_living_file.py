"""The file and the API: what came in by the API stays when the file is brought up again, edited or not.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.agent.test_incremental import headings
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, until
from tests.integration.living import Api, apply, condition, container, kubectl, settle

FileWriter = Callable[[str], str]
CURL = ("curl", "-sS", "--max-time", "5")

OTHERS = """
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: other}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: other}
spec: {containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: other}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: other}
spec: {type: ExternalName, externalName: www.example.com}
"""
POD_4 = """---
apiVersion: v1
kind: Pod
metadata: {name: pod-4, namespace: namespace001, labels: {app: myapp}}
spec:
  nodeName: node-1
  containers: [{name: server, image: built-in}]
"""
ENDS = """---
apiVersion: v1
kind: Pod
metadata: {name: ends, namespace: namespace001}
spec:
  nodeName: node-1
  containers: [{name: c, image: any, command: [sh, -c, 'echo gone; exit 3']}]
"""


def with_others(one: Lab) -> dict[str, str]:
    """The API's own objects are there and followed. Gives the addresses of its pods."""
    apply(one, OTHERS)
    return addresses(one)


def addresses(one: Lab) -> dict[str, str]:
    api = Api(one)
    pods = until(
        lambda: [pod for pod in api.list("Pod", "other") if condition(pod) == "True"][3:] and api.list("Pod", "other"),
        "all four pods are ready",
    )
    settle(one)
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods}


def names(one: Lab, kind: str, namespace: str) -> set[str]:
    return {item["metadata"]["name"] for item in Api(one).list(kind, namespace)}


def test_up_again_changes_nothing_and_keeps_what_the_api_made(lab: LabFactory) -> None:
    one = lab()
    before = with_others(one)
    assert one.plan() == "# no changes"
    assert "no changes" in one.up().ok()
    assert addresses(one) == before
    assert one.drift() == []
    assert one.exec_("pod-0", *CURL, "http://web.other").ok()
    assert {container(pod)["restartCount"] for pod in Api(one).list("Pod")} == {0}


def test_an_edited_file_beside_what_the_api_made(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    before = with_others(one)
    file(two_subnet_text + POD_4)
    groups = headings(one.plan())
    assert "namespace001/pod-4" in groups
    assert not [group for group in groups if group.startswith("other/")], groups
    one.up().ok()
    assert one.plan() == "# no changes"
    assert addresses(one) == before
    assert "pod-4" in names(one, "Pod", "namespace001")
    file(two_subnet_text)
    one.up().ok()
    assert "pod-4" not in names(one, "Pod", "namespace001")
    assert addresses(one) == before
    assert one.drift() == []


def test_what_was_changed_through_the_api_is_as_in_the_file_after_up(lab: LabFactory) -> None:
    """A file's own object that somebody deleted or relabelled is brought back to what the file says of it."""
    one = lab()
    kubectl(one, "-n", "namespace001", "delete", "pod", "pod-3").ok()
    kubectl(one, "-n", "namespace001", "label", "--overwrite", "pod", "pod-2", "app=away", "extra=stays").ok()
    kubectl(one, "-n", "namespace001", "delete", "service", "myapp").ok()
    settle(one)
    assert "pod-3" in one.plan()
    one.up().ok()
    pod = Api(one).get("Pod", "namespace001", "pod-2")
    assert pod["metadata"]["labels"] == {"app": "myapp", "extra": "stays"}
    assert Api(one).get("Service", "namespace001", "myapp")["spec"]["clusterIP"] == "172.16.10.10"
    assert one.exec_("pod-0", *CURL, "http://myapp").ok()
    assert one.plan() == "# no changes"


def test_an_up_that_fails_leaves_objects_and_kernel_as_they_were(
    lab: LabFactory, file: FileWriter, two_subnet_text: str
) -> None:
    one = lab(file(two_subnet_text))
    before = with_others(one)
    pods = {kind: names(one, kind, "namespace001") for kind in ("Pod", "Service")}
    file(two_subnet_text.replace("{app: other}", "{app: myapp}") + POD_4 + ENDS)
    assert "namespace001/ends" in one.up().refused(1)
    assert {kind: names(one, kind, "namespace001") for kind in ("Pod", "Service")} == pods
    assert Api(one).get("Pod", "namespace001", "pod-1")["metadata"]["labels"] == {"app": "other"}
    assert addresses(one) == before
    assert one.drift() == []
    file(two_subnet_text + POD_4.replace("node-1", "node-9"))
    assert "node-9" in one.up().refused(2)
    assert {kind: names(one, kind, "namespace001") for kind in ("Pod", "Service")} == pods
    file(two_subnet_text)
    assert one.plan() == "# no changes"
    assert one.exec_("pod-3", *CURL, "http://web.other").ok()


def test_a_node_that_leaves_the_file_takes_its_pods_with_it(
    lab: LabFactory, file: FileWriter, two_subnet_text: str
) -> None:
    """A Deployment's pods are made anew elsewhere; a bare pod is gone, as a cluster's garbage collector has it."""
    third = "    - {name: node-3, subnet: subnet-b, address: 10.0.2.11}\n"
    at = two_subnet_text.index("  cni:\n")
    one = lab(file(two_subnet_text[:at] + third + two_subnet_text[at:]))
    apply(one, OTHERS)
    api = Api(one)
    apply(one, PINNED)
    until(lambda: condition(api.get("Pod", "other", "pinned")) == "True", "the pod on node-3 is ready")
    settle(one)
    file(two_subnet_text)
    one.up().ok()
    assert "pinned" not in names(one, "Pod", "other")
    until(
        lambda: api.get("Deployment", "other", "web")["status"].get("readyReplicas") == 3,
        "web has its three pods elsewhere",
    )
    settle(one)
    assert "node-3" not in {place["name"] for place in one.map()["places"]}
    assert one.drift() == []
    assert one.plan() == "# no changes"


PINNED = """
apiVersion: v1
kind: Pod
metadata: {name: pinned, namespace: other}
spec: {nodeName: node-3, containers: [{name: c, image: built-in}]}
"""
