"""One client is heavy or hostile: all others are answered as ever, and memory comes back.

heavy client ---- 3 MiB bodies, patches, lists ----> API server <---- light client, every 10 ms
strangers ------- connections without a token -----> API server
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.agent.client import calls
from lab.api.http.bodies import MAX_BODY
from tests.integration.labs import Lab, inv, until
from tests.integration.living import kubeconfig

Json = dict[str, Any]

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICE = "/api/v1/namespaces/namespace001/services/myapp"
LIGHT_SECONDS = 0.2
STRANGERS = 800
MOST_MORE = 10  # MiB
HEAD = b"GET /api HTTP/1.1\r\nHost: x\r\n"


class Client:
    """One connection of the lab's owner."""

    def __init__(self, lab: Lab) -> None:
        config = yaml.safe_load(kubeconfig(lab).read_text(encoding="ascii"))
        self.port = int(config["clusters"][0]["cluster"]["server"].rpartition(":")[2])
        self._token = config["users"][0]["user"]["token"]
        self._connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trusting(), timeout=60)

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, bytes]:
        sent = json.dumps(body).encode() if isinstance(body, dict | list) else body
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def trusting() -> ssl.SSLContext:
    return ssl._create_unverified_context()  # noqa: S323  the certificate is another test's


@contextmanager
def light_client(lab: Lab) -> Iterator[list[float]]:
    """How long each of its requests took, in seconds."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        mine = Client(lab)
        while not over.wait(0.01):
            began = time.monotonic()
            assert mine.ask("GET", SERVICE)[0] == 200
            took.append(time.monotonic() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield took
    finally:
        over.set()
        asking.join()


def doublings(number: int) -> list[Json]:
    return [{"op": "copy", "from": "/metadata", "path": f"/metadata/x{i}"} for i in range(number)]


def braces(number: int) -> bytes:
    return b'{"metadata":{"name":"wide"},"x":[' + b",".join([b"{}"] * number) + b"]}"


def pause_of(lab: Lab) -> float:
    told = json.loads(inv("inspect", "--lab", lab.name, "--json").ok())["loop"]
    return float(told["longest_ms"]) / 1000


def test_heavy_requests_keep_nobody_waiting(two_subnet: Lab) -> None:
    heavy = Client(two_subnet)
    lines = b"metadata: {name: lines}\ndata:\n" + b"".join(b"  k%d: v\n" % i for i in range(60_000))
    many = {"metadata": {"name": "many"}, "data": {f"k{i}": "v" * 20 for i in range(20_000)}}
    with light_client(two_subnet) as took:
        for number in (13, 14, 15):
            status, _ = heavy.ask("PATCH", SERVICE, doublings(number), "application/json-patch+json")
            assert status in (200, 413)
        assert heavy.ask("POST", MAPS, braces(900_000))[0] == 413, "more than an object may be"
        assert heavy.ask("POST", MAPS, lines, "application/yaml")[0] == 201
        assert heavy.ask("POST", MAPS, many)[0] == 201
        assert heavy.ask("GET", f"{MAPS}?pretty=true")[0] == 200
        for name in ("lines", "many"):
            assert heavy.ask("DELETE", f"{MAPS}/{name}")[0] == 200
    late = sorted(took)[int(len(took) * 0.99)]
    assert len(took) > 20
    assert late < LIGHT_SECONDS, f"of {len(took)} requests: {sorted(took)[-5:]}"
    assert pause_of(two_subnet) < 1, "the loop tells its longest pause, that of a busy machine included"


def test_a_body_is_refused_when_it_passes_its_limit(two_subnet: Lab) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 65_536
            yield b"x" * 65_536

    answer = b""
    try:
        status, answer = Client(two_subnet).ask("POST", MAPS, endless())
        assert status == 413
    except OSError:
        assert not answer, "the server hung up while we were still sending"
    assert sent < 20 * MAX_BODY, "it was not read to its end"
    told = Client(two_subnet).ask("POST", MAPS, b" " * (MAX_BODY + 1))
    assert told[0] == 413
    assert json.loads(told[1])["message"] == f"Request entity too large: limit is {MAX_BODY}"


def agent_of(lab: Lab) -> int:
    with calls.connect(lab.name) as connected:
        return connected.sandbox.pid


def resident(process: int) -> int:
    """In MiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def silent(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 20).close()


def half_a_greeting(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as stranger:
        stranger.sendall(b"\x16\x03\x01\x02\x00\x01")


@pytest.mark.parametrize("come", [silent, half_a_greeting])
def test_strangers_leave_no_memory_behind(two_subnet: Lab, come: Callable[[int], None]) -> None:
    owner = Client(two_subnet)
    agent = agent_of(two_subnet)
    before = resident(agent)
    for _ in range(STRANGERS):
        come(owner.port)
    until(lambda: resident(agent) <= before + MOST_MORE, "the memory is back")
    assert owner.ask("GET", SERVICE)[0] == 200


def test_so_many_strangers_and_no_more_are_heard(two_subnet: Lab) -> None:
    """Six hundred stay and say nothing: the oldest are let go, and the owner is answered all the time."""
    port = Client(two_subnet).port
    there = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(600)]
    try:
        with light_client(two_subnet) as took:
            assert Client(two_subnet).ask("GET", SERVICE)[0] == 200
            oldest = there[0]
            assert oldest.recv(1) == b"", "hung up on"
        assert max(took, default=0) < 5
    finally:
        for one in there:
            one.close()


def test_whoever_sends_half_a_head_is_not_waited_for(two_subnet: Lab) -> None:
    with (
        socket.create_connection(("127.0.0.1", Client(two_subnet).port), 30) as plain,
        trusting().wrap_socket(plain) as slow,
    ):
        slow.sendall(HEAD)
        began = time.monotonic()
        try:
            ended = slow.recv(1)
        except OSError:
            ended = b""
        assert ended == b""
        assert 5 < time.monotonic() - began < 20
