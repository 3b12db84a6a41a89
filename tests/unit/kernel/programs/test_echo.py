"""The built-in server's answers."""

from __future__ import annotations

import pytest

from lab.kernel.programs.http_answers import http_answer


def test_it_names_the_pod_and_the_client_as_it_was_seen() -> None:
    answer, closes = http_answer("pod-3", "10.244.0.2:40000", b"GET /x HTTP/1.1\r\nHost: myapp")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"pod-3\nclient 10.244.0.2:40000\nGET /x for myapp\n"
    assert f"Content-Length: {len(body)}".encode() in head
    assert not closes


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close", True),
        (b"GET / HTTP/1.1\r\nCONNECTION:  Close ", True),
        (b"GET / HTTP/1.0", True),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive", False),
    ],
)
def test_whether_the_connection_ends_with_it(head: bytes, closes: bool) -> None:
    answer, ends = http_answer("p", "c", head)
    assert ends == closes
    assert (b"Connection: close" in answer) == closes


def test_a_number_as_path_asks_for_so_many_bytes_more() -> None:
    small, _ = http_answer("p", "c", b"GET / HTTP/1.1")
    large, _ = http_answer("p", "c", b"GET /3000 HTTP/1.1")
    assert 3000 <= len(large) - len(small) <= 3010


def test_head_has_no_body_but_its_length() -> None:
    answer, _ = http_answer("p", "c", b"HEAD / HTTP/1.1")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in answer


@pytest.mark.parametrize("head", [b"", b"hello", b"GET /", b"\x16\x03\x01\x02\x00", b"GET / FTP/1.0 x"])
def test_what_is_no_request_is_refused(head: bytes) -> None:
    answer, closes = http_answer("p", "c", head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert closes
