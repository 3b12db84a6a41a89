"""Pods that end: who has asked is answered, and who asks is sent to another.

node-0 (pod-0, web-0) ── subnet-a ── node-1 (pod-2, web-1)
                            │
                          router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.agent.test_incremental import conversation
from tests.integration.labs import Lab, standing, until
from tests.integration.living import (
    CONNECTIONS,
    ON_EVERY_NODE,
    Api,
    Stream,
    apply,
    asking,
    kubectl,
    settle,
    start_kubectl,
)

Json = dict[str, Any]
SERVICE = "172.16.40.40"

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec:
  nodeName: node-0
  containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec:
  nodeName: node-1
  containers:
    - name: c
      image: built-in
      ports: [{containerPort: 8080}]
      lifecycle: {preStop: {sleep: {seconds: 2}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 172.16.40.40, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop, version: "1"}}
    spec:
      containers:
        - name: c
          image: built-in
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {clusterIP: 172.16.40.50, selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


@pytest.fixture
def webs(living: Lab) -> Iterator[Lab]:
    apply(living, PODS)
    yield living
    kubectl(living, "delete", "--now", "pod/web-0", "pod/web-1", "service/web", "--ignore-not-found").ok()


def endpoints(lab: Lab, service: str) -> list[Json]:
    slices = Api(lab).list("EndpointSlice", "default")
    own = [one for one in slices if one["metadata"]["labels"].get("kubernetes.io/service-name") == service]
    return [endpoint for one in own for endpoint in one["endpoints"] or ()]


def require_nothing_lost(streams: list[Stream], began: float) -> None:
    for stream in streams:
        lost = [one.told for one in stream.since(began) if one.told.startswith(("error", "no answer"))]
        assert not lost, f"{stream.what}: {stream.summary()}"


@pytest.mark.parametrize("name", ["web-0", "web-1"])
def test_no_request_is_lost_while_one_of_two_endpoints_is_deleted(webs: Lab, name: str) -> None:
    other = {"web-0": "web-1", "web-1": "web-0"}[name]
    with asking(webs, ON_EVERY_NODE, CONNECTIONS, SERVICE, "80", every=0.005) as streams:
        for stream in streams:
            stream.wait_until(lambda said: said == {"web-0", "web-1"}, "both answer")
        began = time.time()
        kubectl(webs, "delete", "pod", name).ok()
        gone = time.time()
        for stream in streams:
            stream.wait_for(50, gone)
            assert stream.said_since(gone) == {other}, f"{stream.what}: {stream.summary()}"
        require_nothing_lost(streams, began)


def test_a_terminating_endpoint_answers_what_goes_on_and_gets_nothing_new(webs: Lab) -> None:
    address = Api(webs).get("Pod", "default", "web-1")["status"]["podIP"]
    with conversation(webs, "pod-3", address, 8080) as ask:
        first = ask()
        deleting = start_kubectl(webs, "delete", "pod", "web-1")
        found = until(
            lambda: [one for one in endpoints(webs, "web") if one["conditions"]["terminating"]], "web-1 is terminating"
        )
        assert [one["targetRef"]["name"] for one in found] == ["web-1"]
        assert found[0]["conditions"] == {"ready": False, "serving": True, "terminating": True}
        settle(webs)
        assert address not in webs.in_("node-2", "iptables-save -t nat"), "no rule leads to it"
        assert ask() == first, "what it has begun it goes on with until its hook has slept"
        assert deleting.poll() is None
        assert deleting.communicate(timeout=60)[0] == b'pod "web-1" deleted\n'
    assert [one["targetRef"]["name"] for one in endpoints(webs, "web")] == ["web-0"]


def test_the_last_endpoints_are_used_while_they_terminate(webs: Lab) -> None:
    """kube-proxy falls back to what still serves when nothing is ready."""
    kubectl(webs, "delete", "pod", "web-0").ok()
    with asking(webs, ("pod-0", "pod-3"), CONNECTIONS, SERVICE, "80") as streams:
        deleting = start_kubectl(webs, "delete", "pod", "web-1")
        until(lambda: [one for one in endpoints(webs, "web") if one["conditions"]["terminating"]], "it is terminating")
        settle(webs)
        since = time.time()
        for stream in streams:
            stream.wait_for(20, since)
        assert deleting.poll() is None, "its hook still sleeps"
        for stream in streams:
            assert stream.said_since(since) == {"web-1"}, f"{stream.what}: {stream.summary()}"
        deleting.communicate(timeout=60)
        for stream in streams:
            stream.wait_until(lambda said: all("refused" in one for one in said), "nobody is left to answer")


def test_a_rolling_update_loses_no_request(living: Lab) -> None:
    apply(living, DEPLOYMENT)
    kubectl(living, "rollout", "status", "deployment/shop", "--timeout=60s").ok()
    settle(living)
    with asking(living, ON_EVERY_NODE, CONNECTIONS, "172.16.40.50", "80", every=0.005) as streams:
        before = {pod["metadata"]["name"] for pod in Api(living).list("Pod", "default")}
        began = time.time()
        apply(living, DEPLOYMENT.replace('version: "1"', 'version: "2"'))
        kubectl(living, "rollout", "status", "deployment/shop", "--timeout=60s").ok()
        settle(living)
        over = time.time()
        for stream in streams:
            stream.wait_for(30, over)
            assert not stream.said_since(over) & before, f"{stream.what}: {stream.summary()}"
        require_nothing_lost(streams, began)
    listed = kubectl(living, "get", "replicasets", "-l", "app=shop", "--no-headers").ok().splitlines()
    assert sorted(line.split()[1] for line in listed) == ["0", "3"]
