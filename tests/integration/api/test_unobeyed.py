"""A field that the lab does not obey is told wherever somebody may look: `up`, `apply`, an Event, a trace."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.integration.conftest import LabFactory
from tests.integration.kubectls import Kubectl
from tests.integration.labs import inv

SIDECAR = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: node-0
  containers:
    - {{name: web, image: web}}
    - {{name: proxy, image: proxy}}
"""
TOPOLOGY = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: unobeyed}\n---\n" + SIDECAR.format(name="two")
TOLD = "spec.containers[1]: a further container runs in the pod's network, beside the first; here only the first"
MANY = """\
apiVersion: v1
kind: Pod
metadata: {name: many}
spec:
  dnsConfig: {nameservers: [203.0.113.53, 203.0.113.54, 203.0.113.55]}
  setHostnameAsFQDN: true
  hostname: %s
  subdomain: web
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  containers: [{name: a, image: a}]
"""


def test_it_is_told_at_up_at_apply_by_an_event_and_in_a_trace(lab: LabFactory, file: Callable[[str], str]) -> None:
    one = lab(file(TOPOLOGY), up=False)
    said = one.up()
    assert f"topology.yaml:12: {TOLD}" in said.err, str(said)
    assert said.status == 0, str(said)

    applied = inv("apply", "--file", "-", "--lab", one.name, given=SIDECAR.format(name="three"))
    assert applied.ok().strip() == "pod/three created"
    assert f"standard input:8: {TOLD}" in applied.err, str(applied)

    events = json.loads(one.get("events", "--output", "json"))["items"]
    told = {item["involvedObject"]["name"]: item for item in events if item["reason"] == "FieldNotObeyed"}
    assert set(told) == {"two", "three"}
    assert all(item["message"].startswith(TOLD) and item["type"] == "Warning" for item in told.values())

    traced = inv("trace", "--from", "two", "--to", "three:8080", "--lab", one.name)
    assert f"default/two is not as its manifest: {TOLD[:40]}" in traced.ok(), str(traced)
    traced = inv("trace", "--from", "two", "--to", "three:8080", "--json", "-", "--lab", one.name)
    assert json.loads(traced.ok())["notes"][0].startswith(TOLD)


def test_kubectl_hears_of_every_field(kubectl: Kubectl) -> None:
    many = SIDECAR.format(name="unobeyed").replace("nodeName: node-0", "hostNetwork: true\n  nodeName: node-0")
    try:
        applied = kubectl.done("apply", "-f", "-", given=many)
        assert applied.ok() == "pod/unobeyed created\n"
        assert f"Warning: {TOLD}" in applied.err, str(applied)
        assert "Warning: spec.hostNetwork: the pod has" in applied.err, str(applied)
    finally:
        kubectl("delete", "pod", "unobeyed", "--now")


def test_what_a_resolver_or_a_host_name_cannot_hold_is_an_event_as_kubelets(lab: LabFactory) -> None:
    one = lab("minimal")
    applied = inv("apply", "--file", "-", "--lab", one.name, given=MANY % ("m" * 60))
    assert "spec.hostNetwork: the pod has its node's interfaces" in applied.err, str(applied)
    events = json.loads(one.get("events", "--output", "json"))["items"]
    told = {item["reason"]: item["message"] for item in events if item["involvedObject"]["name"] == "many"}
    assert told["DNSConfigForming"].endswith("nameserver line is: 172.16.0.10 203.0.113.53 203.0.113.54")
    assert "is too long (64 characters is the max, " in told["FailedCreatePodSandBox"]
    assert one.in_("default/many", "hostname").strip() == "m" * 60
