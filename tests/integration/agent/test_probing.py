"""Probes go from the node into the pod, and what they say is what a kubelet says.

node 10.9.0.1 ── 10.9.0.2 ns/pod, with the built-in server on 8080 or servers of the test's own
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab.agent.kubelet.children import Children
from lab.agent.kubelet.probes import Exec, HttpGet, Probe, TcpSocket
from lab.agent.kubelet.probing import Prober, Standing
from lab.kernel.programs.listeners import Listeners
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Listener
from tests.integration.sandboxed import ip, on_a_loop, wired

POD, NODE, ADDRESS = "ns/pod", "node", "10.9.0.2"
SECONDS = 20.0


class Watching:
    """A prober, and all that it has told."""

    def __init__(self) -> None:
        self.namespaces = wired(NODE, POD)
        self.children = Children()
        self.changes: list[tuple[str, bool]] = []
        self.failures: list[str] = []
        self.prober = Prober(self.namespaces.entered, self._changed, self._failed, self.children)
        self.messages: list[str] = []

    def _changed(self, place: str, kind: str, ok: bool, message: str) -> None:
        assert place == POD
        self.changes.append((kind, ok))
        self.messages.append(message)

    def _failed(self, place: str, _kind: str, message: str) -> None:
        assert place == POD
        self.failures.append(message)

    def watch(self, **probes: Probe) -> None:
        self.prober.watch(POD, NODE, ADDRESS, probes)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while not condition():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"waited in vain until {what}: {self.changes} {self.failures}") from None

    async def first_failure(self, action: HttpGet | TcpSocket | Exec, timeout: float = 5.0) -> str:
        self.failures.clear()
        self.watch(liveness=Probe(action, timeout=timeout))
        await self.until(lambda: self.failures, "the probe fails")
        self.prober.forget(POD)
        return self.failures[0]

    async def succeeds(self, action: HttpGet | TcpSocket | Exec) -> None:
        self.changes.clear()
        self.failures.clear()
        self.watch(readiness=Probe(action, timeout=5))
        await self.until(lambda: self.changes or self.failures, "the probe has a result")
        self.prober.forget(POD)
        assert self.changes == [("readiness", True)], self.failures


def built_in(namespaces: Namespaces) -> Listeners:
    listeners = Listeners(namespaces)
    listeners.change((), (Listener(POD, "tcp", 8080, "pod"),))
    return listeners


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    namespaces: Namespaces, answer: bytes | None, seen: list[bytes] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """A server in the pod that says this to whoever asks, and hangs up; None: it says nothing for ever."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        if answer is not None:
            writer.write(answer)
            writer.close()
        else:
            await asyncio.sleep(1000)

    with namespaces.entered(POD):
        listening = socket.create_server(("", 8080))
    server = await asyncio.start_server(converse, sock=listening, ssl=tls)
    try:
        yield
    finally:
        server.close()


@on_a_loop
async def test_readiness_follows_the_switch_and_thresholds() -> None:
    here = Watching()
    listeners = built_in(here.namespaces)
    here.watch(readiness=Probe(HttpGet(8080, "/ready"), period=0.02, failure_threshold=2))
    assert here.prober.standing(POD) == Standing(started=True, ready=False, alive=True), "not ready before it was asked"
    await here.until(lambda: here.changes == [("readiness", True)], "it is ready")
    await switch(here.namespaces, "/ready/false")
    await here.until(lambda: here.changes[-1] == ("readiness", False), "it is not ready")
    assert here.failures[:2] == ["HTTP probe failed with statuscode: 503"] * 2
    assert here.messages[-1] == here.failures[0]
    assert here.prober.standing(POD) == Standing(started=True, ready=False, alive=True)
    await switch(here.namespaces, "/ready/true")
    await here.until(lambda: here.changes[-1] == ("readiness", True), "it is ready again")
    here.prober.forget(POD)
    here.changes.clear()
    listeners.close()
    await asyncio.sleep(0.1)
    assert (here.changes, here.prober.standing(POD)) == ([], None), "a pod that is forgotten is not spoken of"


async def switch(namespaces: Namespaces, path: str) -> None:
    with namespaces.entered(NODE):
        sock = socket.create_connection((ADDRESS, 8080), timeout=5)
    with sock:
        sock.sendall(f"POST {path} HTTP/1.0\r\n\r\n".encode())
        assert b" 200 OK" in sock.recv(4096)


@on_a_loop
async def test_a_startup_probe_holds_the_others_back() -> None:
    here = Watching()
    listeners = built_in(here.namespaces)
    await switch(here.namespaces, "/healthz/false")
    here.watch(
        startup=Probe(HttpGet(8080, "/healthz"), period=0.02, failure_threshold=1000),
        readiness=Probe(HttpGet(8080, "/ready"), period=0.02),
        liveness=Probe(HttpGet(8080, "/healthz"), period=0.02),
    )
    await here.until(lambda: len(here.failures) > 3, "it has failed to start several times")
    assert here.changes == []
    assert here.prober.standing(POD) == Standing(started=False, ready=False, alive=True)
    await switch(here.namespaces, "/healthz/true")
    await here.until(lambda: len(here.changes) == 2, "it has started and is ready")
    assert here.changes == [("startup", True), ("readiness", True)]
    listeners.close()


@on_a_loop
async def test_liveness_that_failed_is_left_in_peace_until_the_restart() -> None:
    here = Watching()
    listeners = built_in(here.namespaces)
    await switch(here.namespaces, "/healthz/false")
    probe = Probe(HttpGet(8080, "/healthz"), period=0.02, failure_threshold=3)
    here.watch(liveness=probe, readiness=Probe(HttpGet(8080), period=0.02))
    await here.until(lambda: ("liveness", False) in here.changes, "it is dead")
    assert len(here.failures) == 3
    told = list(here.changes)
    await asyncio.sleep(0.1)
    assert (len(here.failures), here.changes) == (3, told), "probed no more"
    listeners.restart(POD)
    here.prober.restarted(POD)
    assert here.prober.standing(POD) == Standing(started=True, ready=False, alive=True)
    await here.until(lambda: here.changes[-1] == ("readiness", True), "it is ready again")
    assert len(here.failures) == 3
    listeners.close()


@on_a_loop
async def test_what_is_told_may_lead_to_a_restart_at_once() -> None:
    here = Watching()
    restarts = []

    def changed(place: str, kind: str, ok: bool, _message: str) -> None:
        restarts.append((kind, ok))
        here.prober.restarted(place)

    here.prober = Prober(here.namespaces.entered, changed, lambda *_: None, here.children)
    here.watch(startup=Probe(TcpSocket(9), period=0.01, failure_threshold=2))
    await here.until(lambda: len(restarts) >= 3, "it was restarted again and again")
    assert set(restarts) == {("startup", False)}


@on_a_loop
async def test_nobody_listens() -> None:
    here = Watching()
    said = await here.first_failure(HttpGet(8080, "/x"))
    assert said == 'Get "http://10.9.0.2:8080/x": dial tcp 10.9.0.2:8080: connect: connection refused'
    assert await here.first_failure(TcpSocket(81)) == "dial tcp 10.9.0.2:81: connect: connection refused"


@on_a_loop
async def test_the_way_to_the_pod_is_the_nodes() -> None:
    """A firewall on the node that drops, one that rejects, and a route that is not there are felt."""
    here = Watching()
    listeners = built_in(here.namespaces)
    await here.succeeds(TcpSocket(8080))
    iptables = ("ip", "netns", "exec", NODE, "iptables", "-A", "OUTPUT", "-p", "tcp", "--dport")
    subprocess.run([*iptables, "8080", "-j", "DROP"], check=True)
    said = await here.first_failure(HttpGet(8080), timeout=0.1)
    expected = "dial tcp 10.9.0.2:8080: i/o timeout (Client.Timeout exceeded while awaiting headers)"
    assert said == f'Get "http://10.9.0.2:8080/": {expected}'
    assert await here.first_failure(TcpSocket(8080), timeout=0.1) == "dial tcp 10.9.0.2:8080: i/o timeout"
    ip("-n", NODE, "link", "set", "eth0", "down")
    assert await here.first_failure(TcpSocket(8080)) == "dial tcp 10.9.0.2:8080: connect: network is unreachable"
    listeners.close()


SAID = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", None),
    (b"HTTP/1.1 399 Odd\r\n\r\n", None),
    (b"HTTP/1.0 204 No Content\r\n\r\n", None),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP probe failed with statuscode: 404"),
    (b"", r'Get "http://10\.9\.0\.2:8080/": EOF'),
    (b"SSH-2.0-x\r\n", r".*: net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-x\""),
    (b"HTTP/1.1 302 Found\r\nLocation: http://10.9.0.99/\r\n\r\n", None),
    (
        b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n",
        r'Get "http://10.9.0.2:8080/again": stopped after 10 redirects',
    ),
    (
        b"HTTP/1.1 302 Found\r\nLocation: //10.9.0.2:9/\r\n\r\n",
        r'Get "http://10.9.0.2:9/": dial .*: connection refused',
    ),
    (b"HTTP/1.1 302 Found\r\nLocation: http://[x\r\n\r\n", ".*: failed to parse Location header .*"),
]


@on_a_loop
async def test_answers_and_what_is_made_of_them() -> None:
    here = Watching()
    for answer, said in SAID:
        async with serving(here.namespaces, answer):
            if said is None:
                await here.succeeds(HttpGet(8080))
            else:
                told = await here.first_failure(HttpGet(8080))
                assert re.fullmatch(said, told), f"{answer!r}: {told}"


@on_a_loop
async def test_time_runs_out_while_the_answer_is_awaited_and_while_it_comes() -> None:
    here = Watching()
    async with serving(here.namespaces, None):
        said = await here.first_failure(HttpGet(8080), timeout=0.1)
    awaiting = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert said == f'Get "http://10.9.0.2:8080/": {awaiting}'
    with here.namespaces.entered(POD):
        listening = socket.create_server(("", 8081))
    probe = asyncio.create_task(here.first_failure(HttpGet(8081), timeout=0.2))
    accepted, _ = await asyncio.to_thread(listening.accept)
    accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    assert await probe == "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


@on_a_loop
async def test_the_request_is_a_kubelets() -> None:
    here = Watching()
    seen: list[bytes] = []
    headers = (("X-Custom", "yes"), ("Host", "shop.example"), ("Accept", ""))
    async with serving(here.namespaces, b"HTTP/1.1 200 OK\r\n\r\n", seen):
        await here.succeeds(HttpGet(8080, "/a b?c=d&e", headers=headers))
        await here.succeeds(HttpGet(8080))
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /a%20b?c=d&e HTTP/1.1"
    assert {"Host: shop.example", "X-Custom: yes", "User-Agent: kube-probe/1.37", "Connection: close"} < set(lines)
    assert "Accept" not in seen[0].decode()
    assert b"\r\nHost: 10.9.0.2:8080\r\n" in seen[1]
    assert b"\r\nAccept: */*\r\n" in seen[1]
    said = await here.first_failure(HttpGet(8080, headers=(("X", "a\r\nb"),)))
    assert said.endswith('net/http: invalid header field value for "X"')


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the server's certificate")
@on_a_loop
async def test_https_is_asked_without_verifying_anybody() -> None:
    here = Watching()
    key, certificate = Path("/run/key.pem"), Path("/run/certificate.pem")
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serving(here.namespaces, b"HTTP/1.1 200 OK\r\n\r\n", tls=context):
        await here.succeeds(HttpGet(8080, scheme="https"))
    with here.namespaces.entered(POD):
        listening = socket.create_server(("", 8443))
    probe = asyncio.create_task(here.first_failure(HttpGet(8443, scheme="https")))
    accepted, _ = await asyncio.to_thread(listening.accept)
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert await probe == 'Get "https://10.9.0.2:8443/": http: server gave HTTP response to HTTPS client'
    probe = asyncio.create_task(here.first_failure(HttpGet(8443, scheme="https"), timeout=0.1))
    silent, _ = await asyncio.to_thread(listening.accept)
    said = await probe
    assert said.endswith('/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
    silent.close()


@on_a_loop
async def test_a_program_in_the_pod() -> None:
    here = Watching()
    await here.succeeds(Exec(("sh", "-c", "ip -4 address show eth0 | grep -q 10.9.0.2")))
    said = await here.first_failure(Exec(("sh", "-c", "echo one; echo >&2 two; exit 4")))
    assert said == "one\ntwo\n"
    said = await here.first_failure(Exec(("sh", "-c", "echo left; sleep 1000 & exit 1")))
    assert said == "left\n", "what it leaves running is not waited for"
    said = await here.first_failure(Exec(("no-such-program",)))
    assert said == "hoplab: no-such-program: not found on this machine\n"
    said = await here.first_failure(Exec(("sleep", "1000")), timeout=0.3)
    assert said == 'command "sleep 1000" timed out'
    await here.until(lambda: not here.children.pids, "all of them have been waited for")
