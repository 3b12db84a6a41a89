"""Labs that change while they live: the API as its clients have it, and programs in a place that ask all the time.

What a stream was answered, and when, is told by the program itself: it has the clock of the test.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.agent.client import calls
from lab.agent.presence import folder
from lab.api.resources import RESOURCES, Resource
from tests.integration.labs import PATIENCE_SECONDS, PYTHON, Done, Lab, environment, inv, until

Json = dict[str, Any]

# Where each node is asked from in two-subnet: a pod on it.
ON_EVERY_NODE = ("namespace001/pod-0", "namespace001/pod-2", "namespace001/pod-3")
EVERY_SECONDS = 0.02

# New connections, one after the other: begun, ended, the first line of the answer's body or what went wrong.
CONNECTIONS = """
import socket, sys, time
host, port, every = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
while True:
    began = time.time()
    try:
        with socket.create_connection((host, port), 3) as s:
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
            said = b""
            while some := s.recv(65536):
                said += some
        told = said.decode().partition("\\r\\n\\r\\n")[2].partition("\\n")[0] or "no answer"
    except OSError as error:
        told = f"error: {error}"
    print(began, time.time(), told, flush=True)
    time.sleep(every)
"""
# Datagrams of one socket, from one port: a flow that a node remembers.
DATAGRAMS = """
import socket, sys, time
host, port, every = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(0.2)
    s.connect((host, port))
    while True:
        began = time.time()
        try:
            s.send(b"x")
            told = s.recv(65535).decode().partition("\\n")[0]
        except OSError as error:
            told = f"error: {error}"
        print(began, time.time(), told, flush=True)
        time.sleep(every)
"""
# What a name's addresses are, asked of a DNS server: in order, with spaces between.
NAMES = """
import os, socket, struct, sys, time
server, name, every = sys.argv[1], sys.argv[2], float(sys.argv[3])
question = b"".join(bytes([len(one)]) + one.encode() for one in name.split(".")) + b"\\0\\0\\1\\0\\1"
while True:
    began = time.time()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        try:
            s.sendto(os.urandom(2) + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + question, (server, 53))
            said = s.recv(65535)
            number, at, found = struct.unpack_from(">H", said, 6)[0], 12 + len(question), []
            for _ in range(number):
                at += 2 if said[at] >= 0xC0 else said.index(0, at) - at + 1
                kind, _class, _ttl, size = struct.unpack_from(">HHIH", said, at)
                found += [socket.inet_ntoa(said[at + 10 : at + 14])] * (kind == 1)
                at += 10 + size
            told = " ".join(sorted(found)) or "nothing"
        except OSError as error:
            told = f"error: {error}"
    print(began, time.time(), told, flush=True)
    time.sleep(every)
"""
SWITCH = """
import socket, sys, time
host, path = sys.argv[1:]
with socket.create_connection((host, 8080), 5) as s:
    s.sendall(f"POST {path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n".encode())
    assert s.recv(100).startswith(b"HTTP/1.1 200"), "refused"
print(time.time())
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """When it was asked and answered, in seconds since 1970, and by whom, or `error: …`."""

    began: float
    ended: float
    told: str


class Stream:
    """A program in a place that asks again and again until the end of its block."""

    def __init__(self, process: subprocess.Popen[bytes], what: str) -> None:
        self.what = what
        self.answers: list[Answer] = []
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # it was ended while it wrote this
            began, ended, told = line.decode().rstrip("\n").split(" ", 2)
            self.answers.append(Answer(float(began), float(ended), told))

    def since(self, when: float) -> list[Answer]:
        """The answers to what was asked after that."""
        return [one for one in tuple(self.answers) if one.began >= when]

    def said_since(self, when: float) -> set[str]:
        return {one.told for one in self.since(when)}

    def last(self) -> str:
        return self.answers[-1].told if self.answers else ""

    def wait_for(self, number: int, when: float) -> None:
        """Until so many more questions were answered that were asked after that."""
        until(lambda: len(self.since(when)) >= number, f"{self.what} has asked {number} more times")

    def wait_until(self, condition: Callable[[set[str]], bool], what: str, seconds: float = 60.0) -> float:
        """Until the latest answers (a fifth of a second's) are so. Gives the time of the first of them."""

        def latest() -> list[Answer]:
            found = self.since(self.answers[-1].began - 0.2) if self.answers else []
            return found if found and condition({one.told for one in found}) else []

        try:
            return until(latest, f"{self.what}: {what}", seconds)[0].began
        except AssertionError as error:
            raise AssertionError(f"{error}; it was told {self.summary()}") from None

    def summary(self) -> list[str]:
        """Runs of equal answers, for failure messages: `12 times pod-2 until …`."""
        runs: list[str] = []
        number = 0
        for at, one in enumerate(self.answers):
            number += 1
            if at + 1 == len(self.answers) or self.answers[at + 1].told != one.told:
                runs.append(f"{one.ended:.3f} {number} times {one.told}")
                number = 0
        return runs[-40:]

    def tell(self, line: str) -> None:
        """Onto the program's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(20)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def asking(
    lab: Lab, places: Sequence[str], script: str, *arguments: str, every: float = EVERY_SECONDS
) -> Iterator[list[Stream]]:
    """Streams of that script from these places, all of which have been answered once."""
    streams: list[Stream] = []
    try:
        for place in places:
            process = lab.start_exec(place, PYTHON, "-S", "-c", script, *arguments, str(every))
            streams.append(Stream(process, f"{place} → {' '.join(arguments)}"))
        for stream in streams:
            until(lambda stream=stream: stream.answers, f"{stream.what} has asked once")  # type: ignore[misc]
        yield streams
    finally:
        for stream in streams:
            stream.stop()


def switch(lab: Lab, address: str, path: str, place: str = "node-0") -> float:
    """`POST /ready/false` and the like, to the pod of that address. Gives when it was answered."""
    return float(lab.exec_(place, PYTHON, "-S", "-c", SWITCH, address, path).ok())


def kubeconfig(lab: Lab) -> Path:
    return folder.of(lab.name) / "kubeconfig"


def start_kubectl(lab: Lab, *arguments: str) -> subprocess.Popen[bytes]:
    """The machine's own kubectl with the lab's kubeconfig, begun."""
    return subprocess.Popen(
        ("kubectl", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({"KUBECONFIG": str(kubeconfig(lab)), "HOME": os.environ.get("HOME", "/nonexistent")}),
    )


def kubectl(lab: Lab, *arguments: str, given: str = "") -> Done:
    """The same from beginning to end."""
    process = start_kubectl(lab, *arguments)
    out, err = process.communicate(given.encode(), timeout=PATIENCE_SECONDS)
    return Done(("kubectl", *arguments), process.returncode, out.decode(), err.decode())


def apply(lab: Lab, manifests: str) -> str:
    return inv("apply", "--file", "-", "--lab", lab.name, given=manifests).ok()


def events(lab: Lab) -> list[Json]:
    """What `events` tells, entry by entry."""
    return [json.loads(line) for line in inv("events", "--json", "--lab", lab.name).ok().splitlines()]


def told(lab: Lab) -> str:
    """The same as one text, for looking whether something is said."""
    return inv("events", "--lab", lab.name).ok()


class RefusedError(Exception):
    """The API answered with an error; its code and its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """One connection to the API server from the host, with the kubeconfig's certificate and token."""

    def __init__(self, lab: Lab) -> None:
        config = yaml.safe_load(kubeconfig(lab).read_text(encoding="ascii"))
        cluster = config["clusters"][0]["cluster"]
        trusted = base64.b64decode(cluster["certificate-authority-data"]).decode()
        host, _, port = cluster["server"].removeprefix("https://").partition(":")
        context = ssl.create_default_context(cadata=trusted)
        self._connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE_SECONDS)
        self._token = config["users"][0]["user"]["token"]

    def ask(self, method: str, path: str, body: Json | None = None, kind: str = "application/json") -> Json:
        """The answer's object. RefusedError when it is an error."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        given = json.dumps(body) if body is not None else None
        try:
            self._connection.request(method, path, given, headers)
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # nobody asked for so long that the server has hung up meanwhile
            self._connection.close()
            self._connection.request(method, path, given, headers)
            answer = self._connection.getresponse()
        said: Json = json.loads(answer.read())
        if answer.status >= 400:
            raise RefusedError(answer.status, said.get("message", ""))
        return said

    def get(self, kind: str, namespace: str, name: str) -> Json:
        return self.ask("GET", path_of(kind, namespace, name))

    def list(self, kind: str, namespace: str = "") -> list[Json]:
        items: list[Json] = self.ask("GET", path_of(kind, namespace))["items"]
        return items

    def create(self, item: Json) -> Json:
        return self.ask("POST", path_of(item["kind"], item["metadata"].get("namespace", "")), item)

    def replace(self, item: Json) -> Json:
        metadata = item["metadata"]
        return self.ask("PUT", path_of(item["kind"], metadata.get("namespace", ""), metadata["name"]), item)

    def patch(self, kind: str, namespace: str, name: str, change: Json, part: str = "") -> Json:
        path = path_of(kind, namespace, name) + (f"/{part}" if part else "")
        return self.ask("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, namespace: str, name: str, grace: int | None = None) -> Json:
        options = {} if grace is None else {"gracePeriodSeconds": grace}
        return self.ask(
            "DELETE", path_of(kind, namespace, name), {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        )


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    found = next(one for one in RESOURCES if one.kind == kind)
    return _base(found, namespace) + (f"/{name}" if name else "")


def _base(resource: Resource, namespace: str) -> str:
    group = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    return f"{group}/namespaces/{namespace}/{resource.plural}" if namespace else f"{group}/{resource.plural}"


def condition(pod: Json, kind: str = "Ready") -> str:
    conditions = pod.get("status", {}).get("conditions", ())
    return next((one["status"] for one in conditions if one["type"] == kind), "")


def container(pod: Json) -> Json:
    """The status of its first container."""
    found: Json = (pod.get("status", {}).get("containerStatuses") or [{}])[0]
    return found


def settle(lab: Lab) -> None:
    """Until every node has followed what the API holds."""
    with calls.connect(lab.name) as connected:
        connected.request("settled")
