"""A pod that begins more connections than can be told: one of so many is, whole, and what is watched goes on.

node-0 ──eth0── router ──eth1── node-2
pod-0                │          pod-3
                  gateway ── internet
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, finish
from tests.integration.trace.test_trace_follow import POD_0, SCHEMA, followed

# Two programs that ask some hundred times a second, until their input ends.
CLIENTS = """
import os, socket, sys, time
host, port = sys.argv[1:]
if not os.fork() or not os.fork():
    while os.getppid() > 1:
        with socket.create_connection((host, int(port)), 5) as one:
            one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            while one.recv(4096):
                pass
        time.sleep(0.004)
    os._exit(0)
sys.stdin.read()
"""
# Begins a connection every 2 ms and waits for none of them.
KNOCKS = """
import os, socket, sys, threading
waiting, end = [], threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set())).start()
while not end.wait(0.002):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex((sys.argv[1], int(sys.argv[2])))
    waiting = [*waiting[-1000:], one]
"""
SLOW = """
import socket, sys, threading
end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set())).start()
while not end.wait(0.1):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as one:
        one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        one.recv(4096)
"""
DATAGRAMS = """
import socket, sys, threading
end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set())).start()
while not end.wait(0.003):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.settimeout(1)
    one.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
    one.recv(99)
    one.close()
"""
SAMPLED = re.compile(r"begins about (\d+) connections a second; 1 of (\d+) connections is told")


@contextmanager
def asking(lab: Lab, program: str, host: str, port: int) -> Iterator[None]:
    """Meanwhile a program in pod-0 asks; it ends with its standard input."""
    process: subprocess.Popen[bytes] = lab.start_exec("pod-0", "python3", "-c", program, host, str(port))
    try:
        yield
    finally:
        finish(process)


def journeys(said: str) -> list[dict[str, Any]]:
    """Those of which the sampling is settled: each is one of several."""
    told = [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]
    return [one for one in told if one.get("one_of", 1) > 1]


def places(journey: dict[str, Any], direction: str) -> list[str]:
    return list(dict.fromkeys(hop["place"] for hop in journey["hops"] if hop["direction"] == direction))


@pytest.mark.parametrize(
    ("program", "host", "port", "way"),
    [
        (CLIENTS, "10.244.0.129", 8080, [POD_0, "node-0", "router", "node-2", "namespace001/pod-3"]),
        (CLIENTS, "203.0.113.80", 80, [POD_0, "node-0", "router", "gateway", "internet"]),
        (DATAGRAMS, "10.244.0.129", 8080, [POD_0, "node-0", "router", "node-2", "namespace001/pod-3"]),
    ],
    ids=["tunnel", "two NATs", "datagrams"],
)
def test_at_any_rate_some_are_told_whole_all_the_time(
    two_subnet: Lab, program: str, host: str, port: int, way: list[str]
) -> None:
    with asking(two_subnet, program, host, port), followed(two_subnet, "--json", "-") as one:
        told = journeys(one.until(lambda said: len(journeys(said)) >= 8, "eight of a sample are told"))
        done = one.end()
    assert done.status == 0, str(done)
    sampled = SAMPLED.findall(done.err)
    assert sampled, done.err
    assert all(int(rate) < 200_000 for rate, _ in sampled), done.err
    for journey in told:
        Draft202012Validator(SCHEMA.schema).validate(journey)
        assert journey["verdict"] == "delivered", journey
        assert (places(journey, "request"), places(journey, "reply")) == (way, way[::-1]), journey["hops"]
    ports = [journey["hops"][0]["packet"]["sport"] for journey in told]
    assert len(set(ports)) == len(ports), "each is another connection, though all say the same"
    kinds = {decision["kind"] for one in told for hop in one["hops"] for decision in hop["decisions"]}
    assert {"rule", "route"} <= kinds, "and the rules that it went through"
    assert ("nat" in kinds) == (way[-1] == "internet"), "what connection tracking remembers is asked for"


def test_what_is_lost_in_a_flood_is_told_with_its_cause(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_("node-2", "iptables -I INPUT 1 -p udp --dport 4789 -j DROP")
    with asking(broken, KNOCKS, "10.244.0.129", 8080), followed(broken, "--json", "-") as one:
        told = journeys(one.until(lambda said: len(journeys(said)) >= 3, "losses are told"))
        one.end().ok()
    for journey in told:
        lost = journey["lost"]
        assert (journey["verdict"], lost["place"], lost["cause"]) == ("lost", "node-2", "firewall-drop")
        assert lost["object"] == "-A INPUT -p udp -m udp --dport 4789 -j DROP"


def test_when_it_is_quiet_again_all_are_told_again(two_subnet: Lab) -> None:
    with followed(two_subnet, "--json", "-") as one:
        with asking(two_subnet, CLIENTS, "10.244.0.66", 8080):
            one.until(journeys, "one of a sample is told")

        def told_whole(said: str) -> bool:
            last = said.rpartition("\n")[0].splitlines()[-1:]
            return bool(last) and "one_of" not in json.loads(last[0])

        with asking(two_subnet, SLOW, "10.244.0.129", 8080):
            one.until(told_whole, "a connection is told that is one of one")
        done = one.end()
    assert "all of them are told" in done.err
