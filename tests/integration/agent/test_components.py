"""Components that are stopped by hand: what they leave is stale, nothing heals that, and starting them catches up.

node-0 (pod-0, dns-0) ── subnet-a ── node-1 (pod-2, dns-1)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

from tests.integration.labs import ROOT, Done, Lab, inv, standing, until
from tests.integration.living import (
    CONNECTIONS,
    DATAGRAMS,
    NAMES,
    Api,
    apply,
    asking,
    condition,
    kubectl,
    settle,
    switch,
    told,
)

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "trace-v2.schema.json").read_text(encoding="utf-8")))
MYAPP, DNS, NAME, WORDS = "172.16.10.10", "172.16.0.10", "myapp.namespace001.svc.cluster.local", "172.16.30.30"


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def mode(request: pytest.FixtureRequest) -> str:
    """As `up` is told kube-proxy's mode."""
    return f"services.proxy={request.param}"


@pytest.fixture(scope="module")
def proxied(mode: str) -> Iterator[Lab]:
    with standing("two-subnet", "--set", mode) as one:
        yield one


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def component(lab: Lab, verb: str, *words: str) -> Done:
    return inv(f"component.{verb}", *words, "--lab", lab.name)


def hold_back(lab: Lab, pod: str, value: str = "false") -> None:
    word = f"hoplab.io/ready={value}" if value else "hoplab.io/ready-"
    kubectl(lab, "-n", "namespace001", "annotate", "--overwrite", "pod", pod, word).ok()
    settle(lab)


UDP_SERVICE = f"""
apiVersion: v1
kind: Service
metadata: {{name: words, namespace: namespace001}}
spec:
  clusterIP: {WORDS}
  selector: {{app: myapp}}
  ports: [{{port: 53, protocol: UDP, targetPort: 8080}}]
"""


def test_a_stopped_kube_proxy_leaves_stale_rules_and_flows_on_its_node_alone(proxied: Lab, mode: str) -> None:
    apply(proxied, UDP_SERVICE)
    assert component(proxied, "stop", "kube-proxy", "--on", "node-0").ok() == "kube-proxy on node-0: stopped\n"
    try:
        with (
            asking(proxied, ("pod-0", "pod-3"), CONNECTIONS, MYAPP, "80") as (here, there),
            asking(proxied, ("pod-0",), DATAGRAMS, WORDS, "53") as (words,),
        ):
            flow = words.last()
            hold_back(proxied, flow)
            left = {"pod-2", "pod-3"} - {flow}
            there.wait_until(lambda said: said == left, "node-2 has followed")
            here.wait_until(lambda said: said == {"pod-2", "pod-3"}, "node-0 has not")
            assert words.last() == flow, "and it remembers the flow"
            stale_is_kept_and_told(proxied, mode)
            component(proxied, "start", "kube-proxy", "--on", "node-0").ok()
            here.wait_until(lambda said: said == left, "node-0 has caught up")
            words.wait_until(lambda said: said == left, "and has forgotten the flow")
    finally:
        component(proxied, "start", "kube-proxy").ok()
        for pod in ("pod-2", "pod-3"):
            hold_back(proxied, pod, "")
    assert proxied.drift() == []


def stale_is_kept_and_told(lab: Lab, mode: str) -> None:
    """By `inspect`, its JSON, `component.list` and `events`; and a second `up` keeps it and says so."""
    again = lab.up("--set", mode)
    assert "no changes" in again.ok()
    assert "kube-proxy on node-0 is stopped" in again.err
    assert "stopped by hand" in lab.inspect()
    assert lab.drift() == [], "what is wanted so is no drift"
    (stop,) = lab.map()["stopped"]
    assert (stop["component"], stop["place"]) == ("kube-proxy", "node-0")
    listed = component(lab, "list").ok()
    states = {tuple(line.split()[:2]): line.split()[2] for line in listed.splitlines() if line.startswith("kube-proxy")}
    assert states["kube-proxy", "node-0"] == "stopped,"
    assert states["kube-proxy", "node-1"] == "running"
    assert "kube-proxy on node-0 stopped by hand" in told(lab)


def test_a_trace_that_a_stale_rule_leads_astray_says_who_is_stopped(living: Lab) -> None:
    apply(living, UNWATCHED)
    component(living, "stop", "proxy", "--on", "node-0").ok()
    try:
        Api(living).delete("Pod", "namespace001", "extra", grace=0)
        settle(living)
        lost = inv("trace", "--from", "pod-0", "--to", "extra", "--lab", living.name, "--json", "-")
        told_ = json.loads(lost.out)
        SCHEMA.validate(told_)
        assert told_["verdict"] != "delivered"
        assert [line.partition(":")[0] for line in told_["stopped"]] == ["kube-proxy on node-0 is stopped"]
        assert (told_["lost"]["object_place"], told_["lost"]["cause"]) == ("node-0", "stale-rules")
        assert "By the API it has no endpoint." in told_["lost"]["why"]
        apply(living, UNWATCHED.replace("extra", "newer"))
        lost = inv("trace", "--from", "pod-0", "--to", "newer", "--lab", living.name, "--fix")
        assert "refused at gateway (forward), on the way there; the cause is in node-0" in lost.out
        assert "node-0 has no rules for " in lost.out
        assert "By the API its endpoint is namespace001/newer" in lost.out.replace("\n", " ")
        assert "what is stopped is started from outside" in lost.out
        delivered = inv("trace", "--from", "pod-0", "--to", "myapp", "--lab", living.name, "--json", "-").ok()
        assert "stopped" not in json.loads(delivered)
    finally:
        component(living, "start", "kube-proxy").ok()


UNWATCHED = """
apiVersion: v1
kind: Pod
metadata: {name: extra, namespace: namespace001, labels: {app: extra}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: extra, namespace: namespace001}
spec: {selector: {app: extra}, ports: [{port: 80, targetPort: 8080}]}
"""


def test_stopped_controllers_follow_nothing_until_they_are_started(living: Lab) -> None:
    assert component(living, "stop", "kube-controller-manager").ok() == "controllers: stopped\n"
    try:
        apply(living, DEPLOYMENT)
        settle(living)
        assert not pods(living, "later")
    finally:
        component(living, "start", "controllers").ok()
    until(lambda: len(pods(living, "later")) == 2, "its pods are made")


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: later}
spec:
  replicas: 2
  selector: {matchLabels: {app: later}}
  template:
    metadata: {labels: {app: later}}
    spec: {containers: [{name: c, image: built-in}]}
"""


def pods(lab: Lab, app: str) -> list[str]:
    found = Api(lab).list("Pod", "default")
    return [one["metadata"]["name"] for one in found if one["metadata"].get("labels", {}).get("app") == app]


def test_pods_of_a_node_without_probes_stay_as_ready_as_they_were(living: Lab) -> None:
    apply(living, PROBED)
    api = Api(living)
    until(lambda: condition(api.get("Pod", "default", "probed")) == "True", "it is ready")
    address = api.get("Pod", "default", "probed")["status"]["podIP"]
    component(living, "stop", "probes", "--on", "node-2").ok()
    try:
        failed = switch(living, address, "/ready/false")
        with asking(living, ("pod-0",), CONNECTIONS, address, "8080") as (stream,):
            stream.wait_until(lambda _: stream.answers[-1].began > failed + 2.5, "two periods are over")
        assert condition(api.get("Pod", "default", "probed")) == "True"
    finally:
        component(living, "start", "probes").ok()
    until(lambda: condition(api.get("Pod", "default", "probed")) == "False", "it is probed again")


PROBED = """
apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  nodeName: node-2
  containers:
    - name: c
      image: built-in
      readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1, failureThreshold: 1}
"""


def test_a_stopped_dns_server_stays_down_and_the_other_answers(living: Lab) -> None:
    with asking(living, ("pod-0", "pod-3"), NAMES, DNS, NAME) as streams:
        component(living, "stop", "dns", "--on", "dns-0").ok()
        try:
            assert [stop["place"] for stop in living.map()["stopped"]] == ["kube-system/dns-0"]
            Api(living).delete("Pod", "kube-system", "dns-0", grace=0)
            until(lambda: "dns-0" in living.get("pods", "-n", "kube-system"), "the pod is made again")
            settle(living)
            assert "dns-0 is stopped" in living.up().err
            assert condition(Api(living).get("Pod", "kube-system", "dns-0")) == "False"
            assert living.drift() == []
        finally:
            component(living, "start", "coredns").ok()
        until(lambda: condition(Api(living).get("Pod", "kube-system", "dns-0")) == "True", "it is back")
        for stream in streams:
            assert {one.told for one in stream.answers} == {MYAPP}, stream.summary()


def test_what_there_is_not_is_refused(living: Lab) -> None:
    assert "did you mean 'kube-proxy'?" in component(living, "stop", "kube-proxi").refused()
    assert "did you mean 'node-1'?" in component(living, "start", "kube-proxy", "--on", "node-11").refused()
    assert "leave out --on" in component(living, "stop", "controllers", "--on", "node-0").refused()
    assert "nothing to do" in component(living, "start", "kube-proxy").ok()
    assert living.map().get("stopped") is None
