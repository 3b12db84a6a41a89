"""grpc probes against a real gRPC server: what they say is what a kubelet says.

node 10.9.0.1 ── 10.9.0.2 ns/pod, with a gRPC server on 9000
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import pytest

from lab.agent.kubelet.probes import GrpcHealth, Probe
from tests.integration.agent.test_probing import POD, Watching, built_in
from tests.integration.conftest import LabFactory
from tests.integration.grpc_server import serve
from tests.integration.labs import ROOT, until
from tests.integration.living import Api, apply, condition
from tests.integration.sandboxed import on_a_loop

WHERE = "10.9.0.2:9000"
READY = [("readiness", True)]
SCRIPT = ROOT / "tests" / "integration" / "grpc_server.py"
SERVER = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: health}}
spec:
  containers:
    - name: health
      image: python
      command: [{sys.executable}, {SCRIPT}, "0.0.0.0:9000"]
      ports: [{{containerPort: 9000}}]
      readinessProbe: {{grpc: {{port: 9000}}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5}}
"""


async def failure(here: Watching, asked: GrpcHealth, timeout: float = 5.0) -> str:
    here.failures.clear()
    here.watch(liveness=Probe(asked, timeout=timeout))
    await here.until(lambda: here.failures, "the probe fails")
    here.prober.forget(POD)
    return here.failures[0]


@on_a_loop
async def test_a_health_service_is_asked_and_its_answer_counts() -> None:
    here = Watching()
    with here.namespaces.entered(POD):
        server, servicer = serve(WHERE)
    here.watch(readiness=Probe(GrpcHealth(9000), period=0.05, timeout=5))
    await here.until(lambda: here.changes == READY, "the server as a whole serves")
    here.prober.forget(POD)
    assert await failure(here, GrpcHealth(9000, "shop")) == 'service unhealthy (responded with "NOT_SERVING")'
    said = await failure(here, GrpcHealth(9000, "nobody"))
    assert said.startswith("error: health rpc probe failed: rpc error: code = NotFound desc = "), said
    servicer.enter_graceful_shutdown()
    assert await failure(here, GrpcHealth(9000)) == 'service unhealthy (responded with "NOT_SERVING")'
    server.stop(None).wait()


@on_a_loop
async def test_a_server_without_the_health_service_says_so() -> None:
    here = Watching()
    with here.namespaces.entered(POD):
        server, _ = serve(WHERE, with_health=False)
    said = await failure(here, GrpcHealth(9000))
    protocol = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
    assert said == f"error: {protocol}: Method not found!"
    server.stop(None).wait()


@on_a_loop
async def test_what_speaks_no_grpc_or_not_at_all_is_not_connected_to() -> None:
    here = Watching()
    closed = 'timeout: failed to connect service "10.9.0.2:{}" within {}: context deadline exceeded'
    assert await failure(here, GrpcHealth(9000), timeout=0.2) == closed.format(9000, "0.2s")
    listeners = built_in(here.namespaces)
    assert await failure(here, GrpcHealth(8080), timeout=0.5) == closed.format(8080, "0.5s")
    listeners.close()
    with here.namespaces.entered(POD):
        silent = socket.create_server(("", 9001))
    assert await failure(here, GrpcHealth(9001), timeout=0.2) == closed.format(9001, "0.2s")
    silent.close()


@on_a_loop
async def test_a_server_that_comes_up_while_it_is_tried_for_is_found() -> None:
    here = Watching()
    here.watch(readiness=Probe(GrpcHealth(9000), timeout=10))
    await asyncio.sleep(0)
    with here.namespaces.entered(POD):
        server, _ = serve(WHERE)
    await here.until(lambda: here.changes == READY, "it is ready")
    assert here.failures == []
    here.prober.forget(POD)
    server.stop(None).wait()


@pytest.mark.parametrize("topology", ["minimal"])
def test_a_pod_with_a_grpc_probe_is_ready_when_its_server_says_so(lab: LabFactory, topology: str) -> None:
    # Its program and the libraries of that are the test's own.
    one = lab(topology, "--share", str(SCRIPT.parent), "--share", sys.prefix)
    apply(one, SERVER)
    api = Api(one)
    until(lambda: condition(api.get("Pod", "default", "health")) == "True", "its server serves")
    (server,) = (pid for pid, words in one.processes().items() if str(SCRIPT) in words)
    os.kill(server, signal.SIGUSR1)
    until(lambda: condition(api.get("Pod", "default", "health")) == "False", "its server serves no longer")
    until(lambda: events_say(api), "it is told")


def events_say(api: Api) -> bool:
    words = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    return any(one.get("message") == words for one in api.list("Event", "default"))
