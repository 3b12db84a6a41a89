"""A Service that is made answers from every node at once: the issue's measure is 0.3 s from the API's answer."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.labs import PYTHON, Lab, inv, standing
from tests.integration.living import ON_EVERY_NODE, Api, Stream, asking, kubectl

Json = dict[str, Any]
ALLOWED_SECONDS = 0.3
ROUNDS = 5
NODES = ("node-0", "node-1", "node-2")

# New connections to an address that is given on standard input, until one is answered: when that was.
FIRST_ANSWER = """
import socket, sys, time
print(time.time(), time.time(), "listening", flush=True)
for line in sys.stdin:
    while True:
        began = time.time()
        try:
            with socket.create_connection((line.strip(), 80), 0.05) as s:
                s.settimeout(1)
                s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
                if s.recv(100):
                    break
        except OSError:
            pass
        time.sleep(0.002)
    print(began, time.time(), line.strip(), flush=True)
"""


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def service(number: int) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"new-{number}", "namespace": "namespace001"},
        "spec": {
            "clusterIP": f"172.16.60.{number}",
            "selector": {"app": "myapp"},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }


def until_answered(streams: list[Stream], address: str, began: float) -> list[float]:
    """Seconds from then until each had its answer."""
    for stream in streams:
        stream.wait_until(lambda said: address in said, f"{address} answers")
    return [next(one.ended for one in stream.answers if one.told == address) - began for stream in streams]


def ask_for(streams: list[Stream], address: str) -> None:
    for stream in streams:
        stream.tell(f"{address}\n")


@pytest.mark.parametrize("way", ["kubectl create", "apply", "the API"])
def test_a_service_answers_from_every_node_within_03_s(living: Lab, way: str) -> None:
    """Each round asks from before the Service is there; the median of the rounds counts, from the API's answer."""
    first = {"kubectl create": 1, "apply": 41, "the API": 81}[way]
    api = Api(living)
    took: list[float] = []
    with asking(living, (*ON_EVERY_NODE, *NODES), FIRST_ANSWER) as streams:
        for number in range(first, first + ROUNDS):
            address = f"172.16.60.{number}"
            ask_for(streams, address)
            text = json.dumps(service(number))
            if way == "kubectl create":
                kubectl(living, "create", "-f", "-", given=text).ok()
            elif way == "apply":
                inv("apply", "--file", "-", "--lab", living.name, given=text).ok()
            else:
                api.create(service(number))
            answered = time.time()
            took.append(max(until_answered(streams, address, answered)))
    assert statistics.median(took) < ALLOWED_SECONDS, took


def test_a_service_that_goes_is_refused_on_every_node(living: Lab) -> None:
    api = Api(living)
    api.create(service(120))
    with asking(living, ON_EVERY_NODE, FIRST_ANSWER) as streams:
        ask_for(streams, "172.16.60.120")
        until_answered(streams, "172.16.60.120", time.time())
    api.delete("Service", "namespace001", "new-120")
    inv("apply", "--file", "-", "--lab", living.name, given=json.dumps(service(121))).ok()
    for place in NODES:
        assert "172.16.60.120" not in living.in_(place, "iptables-save"), place
        assert "172.16.60.121" in living.in_(place, "iptables-save"), place
    script = "import socket; socket.create_connection(('172.16.60.120', 80), 2)"
    for place in ON_EVERY_NODE:
        done = living.exec_(place, PYTHON, "-S", "-c", script)
        assert "refused" in done.err or "timed out" in done.err or "unreachable" in done.err, str(done)
