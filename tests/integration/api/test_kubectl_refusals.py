"""Objects that cannot be right, and what each kubectl of this machine says of them: the words of a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.kubectls import Kubectl


@dataclass(frozen=True, slots=True)
class Bad:
    """A manifest and what is said of it."""

    about: str
    manifest: str
    said: tuple[str, ...]


def pod(spec: str, name: str = "p") -> str:
    return f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{{spec}}}}}"


def service(spec: str, name: str = "s") -> str:
    return f"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}"


def deployment(spec: str, labels: str = "{a: b}", name: str = "d") -> str:
    template = f"template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c, image: x}}]}}}}"
    return f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{{spec}, {template}}}}}"


def configmap(rest: str) -> str:
    return f"{{apiVersion: v1, kind: ConfigMap, {rest}}}"


SELECTOR = "selector: {matchLabels: {a: b}}"

TABLE = (
    Bad(
        "a name",
        pod("containers: [{name: c, image: x}]", "Bad_Name"),
        (
            'Pod "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must '
            "consist of lower case alphanumeric characters, '-' or '.'",
        ),
    ),
    Bad("no container", pod("containers: []"), ('Pod "p" is invalid: spec.containers: Required value',)),
    Bad("no image", pod("containers: [{name: c}]"), ('Pod "p" is invalid: spec.containers[0].image: Required value',)),
    Bad(
        "a port",
        pod("containers: [{name: c, image: x, ports: [{containerPort: 70000}]}]"),
        ("spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",),
    ),
    Bad(
        "two of a name",
        pod("containers: [{name: c, image: x}, {name: c, image: x}]"),
        ('spec.containers[1].name: Duplicate value: "c"',),
    ),
    Bad(
        "a wrong type",
        pod("containers: {name: c}"),
        (
            'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field '
            "PodSpec.spec.containers of type []v1.Container",
        ),
    ),
    Bad("no ports", service("selector: {a: b}"), ('Service "s" is invalid: spec.ports: Required value',)),
    Bad(
        "ports without names",
        service("ports: [{port: 80}, {port: 81}]"),
        ('Service "s" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]',),
    ),
    Bad(
        "a type",
        service("type: Odd, ports: [{port: 80}]"),
        ('spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer"',),
    ),
    Bad(
        "an address outside",
        service("clusterIP: 10.99.0.1, ports: [{port: 80}]"),
        (
            'spec.clusterIPs: Invalid value: ["10.99.0.1"]: failed to allocate IP 10.99.0.1',
            "172.16.0.0/16",
        ),
    ),
    Bad(
        "an address that is taken",
        service("clusterIP: 172.16.0.10, ports: [{port: 80}]"),
        (
            'spec.clusterIPs: Invalid value: ["172.16.0.10"]: failed to allocate IP 172.16.0.10',
            "kube-system/kube-dns",
        ),
    ),
    Bad(
        "another address",
        service("clusterIP: 172.16.77.78, ports: [{port: 80}]", "here"),
        ('Service "here" is invalid: spec.clusterIPs[0]: Invalid value: ["172.16.77.78"]: may not change once set',),
    ),
    Bad(
        "a node's port",
        service("type: NodePort, ports: [{port: 80, nodePort: 80}]"),
        (
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767",
        ),
    ),
    Bad(
        "a node's port that is taken",
        service("type: NodePort, ports: [{port: 80, nodePort: 30555}]"),
        ("spec.ports[0].nodePort: Invalid value: 30555: provided port is already allocated",),
    ),
    Bad(
        "labels that are not selected",
        deployment(SELECTOR, "{a: c}"),
        (
            'Deployment.apps "d" is invalid: spec.template.metadata.labels: Invalid value: ',
            "`selector` does not match template `labels`",
        ),
    ),
    Bad("no selector", deployment("replicas: 1"), ("spec.selector: Required value",)),
    Bad(
        "less than none",
        deployment(f"replicas: -1, {SELECTOR}"),
        ('Deployment.apps "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',),
    ),
    Bad(
        "no number",
        deployment(f"replicas: two, {SELECTOR}"),
        ("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",),
    ),
    Bad(
        "a label",
        configmap("metadata: {name: m, labels: {'a b': c}}"),
        ('ConfigMap "m" is invalid: metadata.labels: Invalid value: "a b": name part must consist of alphanumeric',),
    ),
    Bad(
        "a key",
        configmap("metadata: {name: m}, data: {a/b: c}"),
        ('ConfigMap "m" is invalid: data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric',),
    ),
    Bad(
        "a kind that is not served",
        "{apiVersion: batch/v1, kind: Job, metadata: {name: j}}",
        ('no matches for kind "Job" in version "batch/v1"',),
    ),
)
HERE = service("type: NodePort, ports: [{port: 80, nodePort: 30555}]", "here")


@pytest.fixture(scope="module")
def own(kubectl: Kubectl) -> Iterator[Kubectl]:
    with kubectl.in_new_namespace() as one:
        one("apply", "-f", "-", given=f"---\n{HERE}\n")
        yield one


def test_what_cannot_be_right_is_refused_in_a_clusters_words(own: Kubectl) -> None:
    said = own.refused("apply", "-f", "-", given="".join(f"---\n{bad.manifest}\n" for bad in TABLE))
    missing = [f"{bad.about}: {words}" for bad in TABLE for words in bad.said if words not in said]
    assert not missing, "\n".join([*missing, "was not said:", said])
    assert own.names("all") == {"here"}, "nothing of it was made"


def test_one_object_alone_is_told_in_lines(own: Kubectl) -> None:
    two = service("ports: [{port: 80}, {port: 81}]")
    assert own.refused("apply", "-f", "-", given=f"---\n{two}\n") == (
        'The Service "s" is invalid: \n* spec.ports[0].name: Required value\n* spec.ports[1].name: Required value\n'
    )


def test_a_field_that_there_is_not_is_told(own: Kubectl) -> None:
    """A kubectl that does not ask for strictness gets the object, and a warning."""
    misspelt = f"---\n{pod('containers: [{name: c, image: built-in, prots: []}]')}"
    done = own.done("apply", "-f", "-", given=misspelt)
    assert 'unknown field "spec.containers[0].prots"' in done.err, str(done)
    assert (done.status == 0) == (not own.is_current), str(done)
    own("delete", "pod", "p", "--now", "--ignore-not-found")


def test_what_is_not_there_is_said(own: Kubectl) -> None:
    assert own.refused("get", "pod", "nobody") == 'Error from server (NotFound): pods "nobody" not found\n'
    assert own.refused("delete", "deployment", "nobody") == (
        'Error from server (NotFound): deployments.apps "nobody" not found\n'
    )
    assert 'pods "nobody" not found' in own.refused("logs", "nobody")
    assert own.refused("scale", "deployment/nobody", "--replicas=2").strip().endswith('"nobody" not found')
    assert own("delete", "pod", "nobody", "--ignore-not-found") == ""
    told = own.refused(
        "apply", "--namespace", "nowhere", "-f", "-", given=f"---\n{pod('containers: [{name: c, image: x}]')}"
    )
    assert told == 'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n'


def test_what_may_not_be_done_is_said(own: Kubectl) -> None:
    assert own.refused("create", "namespace", "Shop_1").startswith(
        'The Namespace "Shop_1" is invalid: metadata.name: Invalid value: "Shop_1": a lowercase RFC 1123 label must'
    )
    assert 'namespaces "default" is forbidden: this namespace may not be deleted' in own.refused(
        "delete", "namespace", "default"
    )
    own("run", "held", "--image=built-in")
    own("wait", "--for=condition=Ready", "pod/held", "--timeout=60s")
    elsewhere = '[{"op":"replace","path":"/spec/nodeName","value":"node-9"}]'
    assert "pod updates may not change fields other than" in own.refused(
        "patch", "pod", "held", "--type=json", "-p", elsewhere
    )
    own("run", "waiting", "--image=built-in", "--overrides", '{"spec":{"nodeSelector":{"disk":"none"}}}')
    assert "pod waiting does not have a host assigned" in own.refused("logs", "waiting")
    assert "0/3 nodes are available" in own("describe", "pod", "waiting")
    own("delete", "pod", "held", "waiting", "--now")
