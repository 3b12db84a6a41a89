"""How long an answer is waited for, on loopback."""

from __future__ import annotations

import socket
import threading
import time

from lab.trace.ask.attempt import NEVER, Ask
from lab.trace.ask.exchange import ANSWERED, OPENED
from lab.trace.ask.ping import ATTEMPTS

SECONDS = 0.3


def test_what_looking_takes_is_not_the_answers_time() -> None:
    """On an emulated machine the first look reads rules for seconds: the answer comes meanwhile, or in time left."""
    looking, looked = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempt = ATTEMPTS["tcp"](Ask("127.0.0.1", server.getsockname()[1], b"token"))
        attempt.begin()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                looking.wait(10.0)
                connection.sendall(b"HTTP/1.1 200")
                looked.wait(10.0)
                connection.sendall(b" OK\r\n\r\n")

        serving = threading.Thread(target=serve)
        serving.start()
        over = time.monotonic() + SECONDS

        def look() -> float:
            looking.set()
            while time.monotonic() < over:
                pass
            looked.set()
            return NEVER

        outcome = attempt.finish(SECONDS, look)
        serving.join()
    assert outcome == (ANSWERED, "HTTP/1.1 200 OK")


def test_looking_ever_again_does_not_make_it_wait_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempt = ATTEMPTS["tcp"](Ask("127.0.0.1", server.getsockname()[1], b"token"))
        attempt.begin()
        looks = 0

        def look() -> float:
            nonlocal looks
            looks += 1
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                pass
            return SECONDS / 100

        assert attempt.finish(SECONDS, look)[0] == OPENED
        assert 1 < looks < 6
        attempt.abandon()
