"""healthCheckNodePort: what each node tells a load balancer that asks whether to send it a Service's packets.

node-0 10.0.1.10: client, web-0 ──── subnet-a ── router
node-1 10.0.2.10: other, web-1, far ─ subnet-b ────┘
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until
from tests.integration.living import apply
from tests.integration.service_kinds import NODE_0, NODE_1, PODS, TOPOLOGY

PORT = 32106
REFUSED = 7  # curl's status
SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {name: kept}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 32106
  selector: {app: far}
  ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: 8081}]
"""


def asked(lab: Lab, node: str, path: str = "/") -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of what the node answered to the router."""
    curl = f"curl -si --max-time 5 http://{node}:{PORT}{path}"
    head, _, body = lab.in_("router", curl).replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, json.loads(body)


def statuses(lab: Lab) -> tuple[int, int]:
    return asked(lab, NODE_0)[0], asked(lab, NODE_1)[0]


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_each_node_says_whether_it_has_endpoints_and_follows_them(
    lab: LabFactory, file: Callable[[str], str], mode: str
) -> None:
    one = lab(file(TOPOLOGY + PODS + SERVICE), "--set", f"services.proxy={mode}")
    status, headers, body = asked(one, NODE_1, "/healthz")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-load-balancing-endpoint-weight"] == "1", "one endpoint, although it has two ports"
    assert body == {
        "service": {"namespace": "default", "name": "kept"},
        "localEndpoints": 1,
        "serviceProxyHealthy": True,
    }
    status, headers, body = asked(one, NODE_0)
    assert (status, body["localEndpoints"], headers["x-load-balancing-endpoint-weight"]) == (503, 0, "0")

    moved = PODS.replace("app: far", "app: none")
    apply(one, moved.replace("metadata: {name: client}", "metadata: {name: client, labels: {app: far}}"))
    until(lambda: statuses(one) == (200, 503), "the endpoint is on node-0")
    inv("delete", "--file", "-", "--lab", one.name, given=SERVICE).ok()
    gone = one.exec_("router", "curl", "-s", f"http://{NODE_0}:{PORT}")
    assert gone.status == REFUSED, str(gone)
    apply(one, SERVICE)
    until(lambda: statuses(one) == (200, 503), "the Service is there again")
    assert one.drift() == []


def test_a_server_that_is_killed_answers_again(lab: LabFactory, file: Callable[[str], str]) -> None:
    one = lab(file(TOPOLOGY + PODS + SERVICE))
    server = next(pid for pid, words in one.processes().items() if "lab.kernel.programs.echo" in words)
    os.kill(server, signal.SIGKILL)
    until(lambda: one.exec_("router", "curl", "-s", f"http://{NODE_1}:{PORT}").status == 0, "it answers again")
    assert statuses(one) == (503, 200), "and what it did before"
