"""Services and pods that are not of the ordinary kind: without endpoints, not ready, headless, with an own program.

node-0: client, web-1 (not ready)        node-1: web-0 (ready), program
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab

CURL = ("curl", "-sS", "--max-time", "5")
REFUSED = 7  # curl's status for a connection that was refused

TEXT = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: odd}
spec: {nodes: [{name: node-0}, {name: node-1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node-0, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}, annotations: {hoplab.io/ready: "false"}}
spec: {nodeName: node-0, containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: program, labels: {app: program}}
spec:
  nodeName: node-1
  containers:
    - name: c
      image: any
      command:
        - python3
        - -S
        - -c
        - "import http.server as h, os; os.chdir('/var'); h.test(h.SimpleHTTPRequestHandler, port=9000)"
      ports: [{containerPort: 9000}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: program}
spec: {selector: {app: program}, ports: [{port: 80, targetPort: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  clusterIP: 172.16.20.20
  selector: {app: nobody}
  ports: [{name: t, port: 80}, {name: u, port: 53, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: each}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path = tmp_path_factory.mktemp("odd") / "odd.yaml"
    path.write_text(TEXT, encoding="utf-8")
    one = Lab(str(path))
    try:
        one.up().ok()
        yield one
    finally:
        one.end()


@pytest.mark.parametrize("place", ["client", "node-1"])
def test_a_service_without_endpoints_refuses_at_once(odd: Lab, place: str) -> None:
    began = time.monotonic()
    done = odd.exec_(place, *CURL, "http://172.16.20.20")
    assert done.status == REFUSED, str(done)
    assert time.monotonic() - began < 3, "refused, not lost"


def test_a_pod_that_is_not_ready_is_sent_nothing_through_the_service(odd: Lab) -> None:
    said = odd.exec_("client", *CURL, "-H", "Connection: close", *[f"http://web/?{n}" for n in range(20)]).ok()
    assert {line for line in said.splitlines() if line.startswith("web-")} == {"web-0"}
    assert odd.exec_("client", *CURL, "http://10.244.0.3:8080").status == 0, "by its own address it answers"


def test_a_headless_service_is_the_addresses_of_its_ready_pods(odd: Lab) -> None:
    said = odd.in_("client", "dig +short +time=3 +tries=1 each.default.svc.cluster.local").split()
    pods = odd.get("pods", "-n", "default", "-o", "wide").splitlines()
    assert said == [next(line.split()[5] for line in pods if line.startswith("web-0"))]


def test_a_command_runs_in_its_pod_behind_a_service(odd: Lab) -> None:
    listing = odd.exec_("client", *CURL, "http://program").ok()
    assert "spool/" in listing, "it serves what it was told to: a folder of the pod"
    line = odd.in_("program", "ss -Hltn")
    assert ":9000" in line
    assert ":8080" not in line, "a pod with a program of its own has no built-in server"


def test_a_command_that_ends_at_once_is_named_with_its_last_words(lab: LabFactory, tmp_path: Path) -> None:

    path = tmp_path / "ends.yaml"
    command = "[sh, -c, 'echo no such thing; exit 3']"
    path.write_text(
        f"""
apiVersion: hoplab/v1
kind: Topology
metadata: {{name: ends}}
---
apiVersion: v1
kind: Pod
metadata: {{name: short-lived}}
spec: {{containers: [{{name: c, image: any, command: {command}}}]}}
""",
        encoding="utf-8",
    )
    one = lab(str(path), up=False)
    told = one.up().refused(1)
    assert "default/short-lived" in told
    assert "status 3" in told
    assert "no such thing" in told
    one.require_nothing_left()
