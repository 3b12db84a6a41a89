"""Probes as pods ask for them, how their results count, and how long a failing container waits."""

from __future__ import annotations

from typing import Any

import pytest

from lab.agent.kubelet.backoff import BackOff
from lab.agent.kubelet.probes import (
    Exec,
    GrpcHealth,
    HttpGet,
    Impossible,
    Probe,
    Tally,
    TcpSocket,
    read_probe,
    read_probes,
    sentence,
)

PORTS = {"web": 8080}
PROBE = Probe(TcpSocket(80))


@pytest.mark.parametrize(
    ("spec", "action"),
    [
        ({"httpGet": {"port": 80}}, HttpGet(80)),
        ({"httpGet": {"port": "web", "path": "ready?x=1"}}, HttpGet(8080, "/ready?x=1")),
        (
            {"httpGet": {"port": "81", "scheme": "HTTPS", "host": "1.2.3.4"}},
            HttpGet(81, host="1.2.3.4", scheme="https"),
        ),
        (
            {"httpGet": {"port": 80, "httpHeaders": [{"name": "X-A", "value": "b"}]}},
            HttpGet(80, headers=(("X-A", "b"),)),
        ),
        ({"tcpSocket": {"port": "web"}}, TcpSocket(8080)),
        ({"exec": {"command": ["cat", "/tmp/x"]}}, Exec(("cat", "/tmp/x"))),
    ],
)
def test_the_handlers_of_a_probe(spec: dict[str, Any], action: object) -> None:
    assert read_probe(spec, PORTS) == Probe(action)  # type: ignore[arg-type]


def test_its_numbers_have_kubernetes_defaults() -> None:
    told = {
        "initialDelaySeconds": 5,
        "periodSeconds": 2,
        "timeoutSeconds": 3,
        "successThreshold": 4,
        "failureThreshold": 6,
    }
    assert read_probe({"tcpSocket": {"port": 80}, **told}, {}) == Probe(TcpSocket(80), 5, 2, 3, 4, 6)
    assert read_probe({"grpc": {"port": 9000, "service": "shop"}}, {}).action == GrpcHealth(9000, "shop")
    assert read_probe({"grpc": {"port": 9000}}, {}).action == GrpcHealth(9000)
    assert (PROBE.initial_delay, PROBE.period, PROBE.timeout) == (0, 10, 1)
    assert (PROBE.success_threshold, PROBE.failure_threshold) == (1, 3)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"grpc": {"port": 0}}, "couldn't find port: 0"),
        ({}, "a probe without a handler; give it httpGet, tcpSocket, grpc or exec"),
        ({"exec": {"command": []}}, "a probe without a handler; give it httpGet, tcpSocket, grpc or exec"),
        ({"tcpSocket": {"port": "mail"}}, "couldn't find port: mail"),
        ({"tcpSocket": {"host": "x"}}, "couldn't find port: "),
        ({"httpGet": {"port": 70000}}, "couldn't find port: 70000"),
    ],
)
def test_what_cannot_be_probed_always_fails_and_says_why(spec: dict[str, Any], said: str) -> None:
    assert read_probe(spec, PORTS).action == Impossible(said)


def test_a_containers_probes_know_its_ports() -> None:
    container = {
        "ports": [{"containerPort": 53}, {"name": "web", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "web"}},
        "startupProbe": {"tcpSocket": {"port": 53}},
    }
    assert read_probes(container) == {"readiness": Probe(TcpSocket(8080)), "startup": Probe(TcpSocket(53))}


@pytest.mark.parametrize(
    ("initial", "results", "crossings"),
    [
        (False, "+", "+"),
        (False, "---", "..."),
        (True, "---", "..-"),
        (True, "--+--+---", "........-"),
        (False, "++---+", "+...-+"),
        (None, "---", "..-"),
        (None, "+", "+"),
    ],
)
def test_results_in_a_row(initial: bool | None, results: str, crossings: str) -> None:
    """A plus is a success, a minus a failure, a dot nothing new; three failures or one success are needed."""
    tally = Tally(PROBE, initial)
    assert "".join(result if tally.count(result == "+") else "." for result in results) == crossings


def test_more_than_one_success_may_be_needed() -> None:
    tally = Tally(Probe(TcpSocket(80), success_threshold=2), False)
    assert [tally.count(ok) for ok in (True, False, True, True)] == [False, False, False, True]


def test_the_events_words() -> None:
    said = sentence("readiness", "HTTP probe failed with statuscode: 503")
    assert said == "Readiness probe failed: HTTP probe failed with statuscode: 503"


def test_who_keeps_failing_waits_longer_and_longer() -> None:
    waits, back_off, now = [], BackOff(), 0.0
    for _ in range(9):
        waits.append(back_off.wait("pod", now))
        now += waits[-1] + 1
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert back_off.wait("other", now) == 0


def test_who_has_run_for_ten_minutes_is_as_good_as_new() -> None:
    back_off = BackOff()
    assert [back_off.wait("pod", at) for at in (0, 1, 300)] == [0, 10, 20]
    assert back_off.wait("pod", 320 + 599) == 40
    assert back_off.wait("pod", 320 + 599 + 40 + 601) == 0
    back_off.wait("pod", 2000)
    back_off.forget("pod")
    assert back_off.wait("pod", 2001) == 0
