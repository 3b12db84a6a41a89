"""Fields that mean something to the network in a cluster and are not obeyed here: each row of the table, by itself."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster.file.unobeyed import pod_of, unobeyed, warnings

Json = dict[str, Any]
ONE: Json = {"name": "a", "image": "a"}


def pod(first: Json | None = None, annotations: Json | None = None, **spec: Any) -> Json:
    metadata = {"name": "p", "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"containers": [{**ONE, **(first or {})}], **spec}}


def variable(source: str) -> Json:
    return pod({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {source: {"name": "x", "key": "y"}}}]})


ROWS = {
    "spec.containers[1]": pod(containers=[ONE, {"name": "b", "image": "b"}]),
    "spec.initContainers[0]": pod(initContainers=[ONE]),
    "spec.containers[0].args": pod({"args": ["--port=80"]}),
    "spec.hostNetwork": pod({"ports": [{"containerPort": 80, "hostPort": 80}]}, hostNetwork=True),
    "spec.containers[0].ports[1].hostPort": pod(
        {"ports": [{"containerPort": 1}, {"containerPort": 80, "hostPort": 8}]}
    ),
    "spec.containers[0].env[1].valueFrom.configMapKeyRef": variable("configMapKeyRef"),
    "spec.containers[0].env[1].valueFrom.secretKeyRef": variable("secretKeyRef"),
    "spec.containers[0].env[1].valueFrom.resourceFieldRef": variable("resourceFieldRef"),
    "spec.containers[0].envFrom": pod({"envFrom": [{"configMapRef": {"name": "a"}}]}),
    "spec.containers[0].lifecycle.preStop.exec": pod({"lifecycle": {"preStop": {"exec": {"command": ["sleep", "9"]}}}}),
    "spec.containers[0].lifecycle.postStart.httpGet": pod({"lifecycle": {"postStart": {"httpGet": {"port": 80}}}}),
    "spec.securityContext.sysctls[0]": pod(securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "9"}]}),
    "spec.readinessGates[0]": pod(readinessGates=[{"conditionType": "example.com/lb"}]),
    "spec.affinity": pod(affinity={"podAntiAffinity": {"x": []}}),
    "spec.topologySpreadConstraints": pod(topologySpreadConstraints=[{"maxSkew": 1}]),
    'metadata.annotations["kubernetes.io/egress-bandwidth"]': pod(
        annotations={"kubernetes.io/egress-bandwidth": "10M", "example.com/other": "x"}
    ),
}


@pytest.mark.parametrize(("field", "item"), ROWS.items(), ids=ROWS)
def test_a_field_is_told_with_its_place_and_what_happens_instead(field: str, item: Json) -> None:
    (told,) = warnings("Pod", item)
    assert told.replace("'", '"').startswith(f"{field}: ")
    assert "; here " in told


@pytest.mark.parametrize(
    "item",
    [
        pod(),
        pod({"command": ["a"], "args": ["b"]}),
        pod({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}),
        pod({"env": [{"name": "A", "value": "1"}]}, initContainers=[], hostNetwork=False, dnsPolicy="Default"),
        {"metadata": {"name": "p"}},
        {"metadata": {"name": "p"}, "spec": "garbage"},
    ],
)
def test_what_is_obeyed_or_says_nothing_is_not_told(item: Json) -> None:
    assert list(unobeyed(item)) == []


def test_a_template_is_told_where_it_stands() -> None:
    deployment = {"spec": {"template": pod(hostNetwork=True)}}
    assert warnings("Deployment", deployment) == [
        "spec.template.spec.hostNetwork: the pod has its node's interfaces, address and ports; "
        "here it has a network and an address of its own"
    ]
    assert pod_of("Service", {"spec": {"selector": {}}}) == ((), {})
