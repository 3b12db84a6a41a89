"""The built-in server's switches, statuses and access lines."""

from __future__ import annotations

import pytest

from lab.kernel.programs.echo import access
from lab.kernel.programs.http_answers import Health, body_length, fixed_answer, http_answer


def asked(health: Health, method: str, path: str) -> tuple[int, bytes]:
    answer, _ = http_answer("pod-3", "10.244.0.2:40000", f"{method} {path} HTTP/1.1\r\nHost: x".encode(), health)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return int(head[9:12]), body


@pytest.mark.parametrize(
    ("path", "switch", "other"), [("/ready", "/ready", "/healthz"), ("/healthz", "/healthz", "/ready")]
)
def test_one_switch_makes_one_of_the_two_unwell(path: str, switch: str, other: str) -> None:
    health = Health()
    assert asked(health, "GET", path) == (200, b"ok\n")
    assert asked(health, "POST", f"{switch}/false")[0] == 200
    assert asked(health, "GET", path)[0] == 503
    assert asked(health, "GET", other) == (200, b"ok\n")
    assert asked(health, "GET", "/")[0] == 200, "the pod itself goes on answering"
    asked(health, "POST", f"{switch}/true")
    assert asked(health, "GET", f"{path}?again") == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/ready/maybe", "/ready/", "/other/false", "/false", "/ready/false/x"])
def test_nothing_else_is_a_switch(path: str) -> None:
    health = Health()
    assert asked(health, "POST", path)[1].startswith(b"pod-3\n")
    assert asked(health, "GET", "/ready/false")[1].startswith(b"pod-3\n"), "who looks does not switch"
    assert (health.ready, health.healthy) == (True, True)


@pytest.mark.parametrize(("path", "status"), [("/status/503", 503), ("/status/299", 299), ("/status/204", 204)])
def test_a_status_is_given_to_whom_asks_for_it(path: str, status: int) -> None:
    assert asked(Health(), "GET", path)[0] == status


@pytest.mark.parametrize("path", ["/status/100", "/status/700", "/status/x", "/status/", "/xstatus/503", "/503/"])
def test_what_is_no_status_is_answered_as_ever(path: str) -> None:
    assert asked(Health(), "GET", path)[0] == 200


def test_a_body_is_measured_by_its_head() -> None:
    assert body_length(b"POST / HTTP/1.1\r\nContent-Length: 12") == 12
    assert body_length(b"POST / HTTP/1.1\r\ncontent-length:  7 ") == 7
    assert body_length(b"POST / HTTP/1.1\r\nContent-Length: x") == 0
    assert body_length(b"POST / HTTP/1.1") == 0


def test_the_access_line_says_who_asked_what_and_the_status() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n"
    assert access("10.244.0.2:40000", b"GET / HTTP/1.1\r\nHost: x", answer) == b"10.244.0.2:40000 GET / 200"
    assert access("c", b"\x16\x03", b"HTTP/1.1 400 Bad Request") == b"c - 400"
    assert len(access("c", b"GET /" + b"x" * 9000 + b" HTTP/1.1", answer)) < 1100


def test_a_fixed_answer_is_the_same_whatever_is_asked() -> None:
    for head in (b"GET / HTTP/1.1\r\nHost: x", b"POST /ready/false HTTP/1.1"):
        answer, closes = fixed_answer(503, "X-A: 1\r\nX-B: 2", "{}", head)
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 2\r\n")
        assert answer.endswith(b"\r\n\r\n{}")
        assert not closes
    short, closes = fixed_answer(200, "X-A: 1", "{}", b"HEAD / HTTP/1.0")
    assert short.endswith(b"\r\n\r\n")
    assert closes
    assert fixed_answer(200, "X-A: 1", "{}", b"hello")[0].startswith(b"HTTP/1.1 400 ")
