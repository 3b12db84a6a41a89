"""What is said to whom: DNS to its servers, and verdicts about servers that say little or nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, finish, until
from tests.integration.trace.test_trace import hops, journey, trace

LISTENING = """
import socket, sys, time
kind, port, greeting = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
if kind == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    while True:
        s.recv(65535)
s = socket.create_server(("", port))
held = []
while True:
    one, _ = s.accept()
    held.append(one)
    if greeting:
        one.sendall(greeting)
"""


@contextmanager
def listening(lab: Lab, place: str, kind: str, port: int, greeting: str = "") -> Iterator[None]:
    """A server that takes all and says at most its greeting."""
    process: subprocess.Popen[bytes] = lab.start_exec(
        place, "python3", "-S", "-c", LISTENING, kind, str(port), greeting
    )
    try:
        there = f"{port:04X} 00000000:0000 " + ("0A" if kind == "tcp" else "07")
        until(lambda: there in lab.in_(place, f"cat /proc/net/{kind}"), f"{place} listens on {kind} {port}")
        yield
    finally:
        process.kill()
        finish(process)


@pytest.mark.parametrize(
    ("source", "arguments", "place"),
    [
        ("namespace001/pod-0", ("--to", "kube-dns.kube-system", "--protocol", "udp"), "kube-system/dns-"),
        ("namespace001/pod-0", ("--to", "172.16.0.10:53", "--protocol", "udp"), "kube-system/dns-"),
        ("namespace001/pod-0", ("--to", "kube-dns.kube-system:53", "--protocol", "tcp"), "kube-system/dns-"),
        ("namespace001/pod-0", ("--to", "dns://172.16.0.10", "--protocol", "udp"), "kube-system/dns-"),
        ("node-1", ("--to", "kube-dns.kube-system", "--protocol", "dns"), "kube-system/dns-"),
        ("namespace001/pod-0", ("--to", "internet", "--protocol", "dns"), "internet"),
        ("router", ("--to", "internet", "--protocol", "dns"), "internet"),
    ],
)
def test_a_dns_server_is_spoken_to_in_its_own_words(
    two_subnet: Lab, source: str, arguments: tuple[str, ...], place: str
) -> None:
    told = journey(two_subnet, *arguments, source=source)
    assert told["verdict"] == "delivered"
    assert told["answered_by"].startswith(place)
    assert told["request"]["port"] == 53
    assert told["request"]["protocol"] == arguments[-1]
    assert "NOERROR" in trace(two_subnet, *arguments, source=source).ok().splitlines()[-1]


@pytest.mark.parametrize(
    ("to", "protocol"), [("udp://pod-3", "udp"), ("tcp://pod-3:8080", "tcp"), ("dns://172.16.0.10", "dns")]
)
def test_a_urls_scheme_says_what_it_is_asked_by(two_subnet: Lab, to: str, protocol: str) -> None:
    told = journey(two_subnet, "--to", to)
    assert (told["verdict"], told["request"]["protocol"]) == ("delivered", protocol)
    packet = hops(told, "request")[0]["packet"]
    assert packet["protocol"] == {"dns": "udp"}.get(protocol, protocol)


def test_a_scheme_and_another_protocol_cannot_both_be_meant(two_subnet: Lab) -> None:
    assert (
        "asked by udp, and --protocol says tcp"
        in trace(two_subnet, "--to", "udp://pod-3", "--protocol", "tcp").refused()
    )


@pytest.mark.parametrize("to", ["[::1]:80", "fe80::1", "http://[fd00::1]/x"])
def test_ipv6_is_said_to_be_none_of_ours(two_subnet: Lab, to: str) -> None:
    assert "IPv4 addresses only" in trace(two_subnet, "--to", to).refused()


def test_a_server_that_says_nothing_is_reached(lab: LabFactory) -> None:
    quiet = lab("two-subnet")
    with listening(quiet, "namespace001/pod-3", "tcp", 9000):
        told = journey(quiet, "--to", "pod-3:9000")
    assert (told["verdict"], told["answered_by"], told["lost"]) == ("delivered", "namespace001/pod-3", None)


def test_what_a_server_said_and_nobody_got_is_lost_on_the_way_back(lab: LabFactory) -> None:
    """Handshake fine, transfer hangs: a greeting that is too long to come through."""
    hanging = lab("two-subnet")
    rule = "FORWARD 1 -p tcp --sport 9000 -m length --length 400:65535 -j DROP"
    hanging.exec_("node-0", "iptables", "-I", *rule.split()).ok()
    with listening(hanging, "namespace001/pod-3", "tcp", 9000, "x" * 600):
        told = journey(hanging, "--to", "pod-3:9000")
    assert (told["verdict"], told["lost"]["direction"], told["lost"]["place"]) == ("lost", "reply", "node-0")
    assert told["lost"]["cause"] == "firewall-drop"


def test_what_nobody_acknowledges_is_lost(lab: LabFactory) -> None:
    hanging = lab("two-subnet")
    rule = "FORWARD 1 -p tcp --dport 9000 -m length --length 100:65535 -j DROP"
    hanging.exec_("node-2", "iptables", "-I", *rule.split()).ok()
    with listening(hanging, "namespace001/pod-3", "tcp", 9000):
        told = journey(hanging, "--to", "pod-3:9000")
    assert (told["verdict"], told["lost"]["direction"], told["lost"]["place"]) == ("lost", "request", "node-2")
    assert hops(told, "request")[-1]["place"] == "node-2"
