"""A pod that is not well gets nothing new from any node, and what goes on goes on.

node-0 (pod-0, web-0) ── subnet-a ── node-1 (pod-2, web-1)
                            │
                          router ── subnet-b ── node-2 (pod-3, web-2)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.agent.test_incremental import conversation
from tests.integration.labs import Lab, standing, until
from tests.integration.living import (
    CONNECTIONS,
    DATAGRAMS,
    NAMES,
    ON_EVERY_NODE,
    Api,
    Stream,
    apply,
    asking,
    condition,
    settle,
    switch,
    told,
)

PERIOD_SECONDS = 1.0
# The measure: within one probe period and half a second no node sends anything new to a failing pod.
ALLOWED_SECONDS = PERIOD_SECONDS + 0.5
SERVICE, DNS = "172.16.30.30", "172.16.0.10"
NAME = "webs.well.svc.cluster.local"

POD = """---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: well, labels: {app: web}}
spec:
  nodeName: node-0
  containers:
    - name: web
      image: built-in
      ports: [{containerPort: 8080, name: http}, {containerPort: 8080, name: words, protocol: UDP}]
      readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1, failureThreshold: 1}
"""
SERVICES = """
apiVersion: v1
kind: Namespace
metadata: {name: well}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: well}
spec:
  clusterIP: 172.16.30.30
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}, {name: words, port: 53, targetPort: words, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: webs, namespace: well}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    address: str

    @property
    def place(self) -> str:
        return f"well/{self.name}"


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        apply(one, SERVICES + "".join(POD.replace("-0", f"-{n}") for n in range(3)))
        yield one


def pods(lab: Lab) -> list[Pod]:
    return [Pod(pod["metadata"]["name"], pod["status"]["podIP"]) for pod in Api(lab).list("Pod", "well")]


@pytest.fixture
def webs(living: Lab) -> list[Pod]:
    """The three pods of the Service, one on each node, all ready and followed."""
    api = Api(living)
    until(
        lambda: [condition(pod) for pod in api.list("Pod", "well")] == ["True"] * 3, "all three pods of web are ready"
    )
    settle(living)
    return pods(living)


def require_avoided(streams: list[Stream], well: list[Pod], failed: float) -> None:
    """None of the streams was sent elsewhere than to well pods, or lost, later than is allowed."""
    last = failed + ALLOWED_SECONDS
    names = {one.name for one in well}
    for stream in streams:
        stream.wait_for(40, last)
        assert stream.said_since(last) <= names, f"{stream.what}: {stream.summary()}"


def require_back(streams: list[Stream], pod: Pod) -> None:
    for stream in streams:
        stream.wait_until(lambda said: pod.name in said, f"{pod.name} answers again")


def test_a_pod_that_fails_its_probe_gets_no_new_connection_from_any_node_until_it_is_well(
    living: Lab, webs: list[Pod]
) -> None:
    ill, *well = webs
    addresses = " ".join(sorted(pod.address for pod in webs))
    left = " ".join(sorted(pod.address for pod in well))
    with (
        asking(living, ON_EVERY_NODE, CONNECTIONS, SERVICE, "80") as streams,
        asking(living, ("pod-0", "pod-3"), NAMES, DNS, NAME) as names,
    ):
        for stream in streams:
            stream.wait_until(lambda said: said == {pod.name for pod in webs}, "all three answer")
        assert {stream.last() for stream in names} == {addresses}

        failed = switch(living, ill.address, "/ready/false")
        require_avoided(streams, well, failed)
        for stream in names:
            stream.wait_for(1, failed + ALLOWED_SECONDS)
            assert stream.said_since(failed + ALLOWED_SECONDS) == {left}, f"{stream.what}: {stream.summary()}"
        assert f"{ill.place} unready" in told(living)

        switch(living, ill.address, "/ready/true")
        require_back(streams, ill)
        for stream in names:
            stream.wait_until(lambda said: said == {addresses}, "the name has all three addresses again")


def test_a_pod_whose_port_is_blocked_is_passed_by(living: Lab, webs: list[Pod]) -> None:
    """Nothing reaches its port any more; the probe, which comes from its node, notices like everybody else."""
    ill, *well = webs
    rule = "INPUT -p tcp --dport 8080 -j REJECT --reject-with tcp-reset"
    with asking(living, ON_EVERY_NODE, CONNECTIONS, SERVICE, "80") as streams:
        living.in_(ill.place, f"iptables -I {rule}")
        require_avoided(streams, well, time.time())
        living.in_(ill.place, f"iptables -D {rule}")
        require_back(streams, ill)


def test_an_established_connection_goes_on_to_a_pod_that_is_not_ready(living: Lab, webs: list[Pod]) -> None:
    with conversation(living, "pod-0", SERVICE, 80) as ask:
        first = ask()
        ill = next(pod for pod in webs if first.startswith(f"{pod.name} "))
        failed = switch(living, ill.address, "/ready/false")
        with asking(living, ("pod-0",), CONNECTIONS, SERVICE, "80") as streams:
            require_avoided(streams, [pod for pod in webs if pod is not ill], failed)
        assert ask() == first, "the same pod, the same connection"
        switch(living, ill.address, "/ready/true")
        assert ask() == first


def test_a_udp_flow_is_answered_by_another_pod_from_the_same_port(living: Lab, webs: list[Pod]) -> None:
    """Without a flush the node would send the flow to the failing pod for as long as datagrams come."""
    with asking(living, ON_EVERY_NODE, DATAGRAMS, SERVICE, "53") as streams:
        ill = next(pod for pod in webs if pod.name == streams[0].last())
        well = {pod.name for pod in webs} - {ill.name}
        failed = switch(living, ill.address, "/ready/false")
        last = failed + ALLOWED_SECONDS
        for stream in streams:
            stream.wait_for(20, last)
            assert stream.said_since(last) <= well, f"{stream.what}: {stream.summary()}"
        lost = [one for one in streams[0].since(failed) if one.told.startswith("error")]
        assert len(lost) <= 2, f"datagrams are lost while the flow changes its endpoint: {streams[0].summary()}"
        kept = streams[0].last()
        again = switch(living, ill.address, "/ready/true")
        until(lambda: condition(Api(living).get("Pod", "well", ill.name)) == "True", f"{ill.name} is ready again")
        settle(living)
        streams[0].wait_for(10, time.time())
        assert streams[0].said_since(again) == {kept}, f"a flow that is well stays: {streams[0].summary()}"


def test_the_first_endpoint_of_a_udp_service_is_reached_by_a_client_that_asked_before(living: Lab) -> None:
    apply(
        living,
        """
apiVersion: v1
kind: Service
metadata: {name: late}
spec:
  clusterIP: 172.16.30.40
  selector: {app: late}
  ports: [{port: 53, targetPort: 8080, protocol: UDP}]
""",
    )
    with asking(living, ("pod-0", "pod-3"), DATAGRAMS, "172.16.30.40", "53") as streams:
        assert all("refused" in stream.last() for stream in streams), [stream.last() for stream in streams]
        apply(
            living,
            """
apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: late}}
spec:
  nodeName: node-1
  containers: [{name: c, image: built-in, ports: [{containerPort: 8080, protocol: UDP}]}]
""",
        )
        for stream in streams:
            stream.wait_until(lambda said: said == {"late"}, "the new pod answers")
