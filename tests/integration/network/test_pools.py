"""Two pools side by side: one tunnelled and masqueraded, one neither; a pod says which it wants.

pod-0 (node-0, subnet-a) asks pod-3 and plain (node-2, subnet-b), and both ask the internet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv

POOLS = "  cni: {ipPools: [{cidr: 10.244.0.0/17}, {cidr: 10.244.128.0/17, encapsulation: None, natOutgoing: false}]}\n"
PLAIN = """\
apiVersion: v1
kind: Pod
metadata:
  name: plain
  namespace: namespace001
  annotations: {cni.projectcalico.org/ipv4pools: '["%s"]'}
spec: {nodeName: node-2, containers: [{name: a, image: a}]}
"""


def traced(lab: Lab, source: str, to: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(inv("trace", "--from", source, "--to", to, "--json", "-", "--lab", lab.name).out)
    return told


def is_wrapped(journey: dict[str, Any], way: str = "request") -> bool:
    return any(hop["packet"]["outer"] for hop in journey["hops"] if (hop["phase"], hop["direction"]) == ("data", way))


def test_each_pool_has_its_own_way(lab: LabFactory, file: Callable[[str], str], two_subnet_text: str) -> None:
    text = re.sub(r"  cni:\n(    .*\n)+", POOLS, two_subnet_text, count=1)
    one = lab(file(f"{text}\n---\n{PLAIN % '10.244.128.0/17'}"))
    assert one.plan() == "# no changes"
    to_plain, to_pod = traced(one, "pod-0", "plain:8080"), traced(one, "pod-0", "pod-3:8080")
    assert (to_plain["verdict"], is_wrapped(to_plain)) == ("delivered", False)
    assert is_wrapped(to_plain, "reply"), "back it goes to an address of the other pool"
    assert (to_pod["verdict"], is_wrapped(to_pod)) == ("delivered", True)
    assert traced(one, "pod-0", "www.example.com")["verdict"] == "delivered"
    assert traced(one, "plain", "www.example.com")["verdict"] == "lost"
    assert traced(one, "plain", "myapp.namespace001")["verdict"] == "delivered"

    wrong = one.up(topology=file(f"{text}\n---\n{PLAIN % '10.9.0.0/16'}"))
    assert "namespace001/plain asks for an address of 10.9.0.0/16, which is no pool" in wrong.err, str(wrong)
