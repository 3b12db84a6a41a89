"""Many requests from one place at once, each by its own thread of one program: what became of each.

What is dropped costs a time-out, so all of a place's are waited for together.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.integration.labs import PATIENCE_SECONDS, Lab, finish

SECONDS = 3.0
"""After so long without an answer a request counts as dropped: the machine may be busy with other tests."""
REFUSED, DROPPED = "refused", "dropped"

_PROGRAM = """
import json, socket, sys, threading
seconds, asked = float(sys.argv[1]), json.loads(sys.argv[2])
answers = [[] for _ in asked]

def tcp(end):
    with socket.create_connection(end, seconds) as s:
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        said = b""
        while some := s.recv(65536):
            said += some
    return said.partition(b"\\r\\n\\r\\n")[2]

def udp(end):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        s.connect(end)
        try:
            s.send(b"x")
        except PermissionError:
            pass  # the place's own rules keep it in; whether they refuse or drop it is told next
        return s.recv(65535)

def ask(said, protocol, host, port, times):
    for _ in range(times):
        try:
            who, client, *_ = {"tcp": tcp, "udp": udp}[protocol]((host, port)).decode().splitlines()
            said.append([who, client.removeprefix("client ").rpartition(":")[0]])
        except TimeoutError:
            said.append(["dropped", ""])
        except ConnectionRefusedError:
            said.append(["refused", ""])
        except OSError as error:
            said.append([f"error: {error}", ""])

threads = [threading.Thread(target=ask, args=(said, *one)) for said, one in zip(answers, asked)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(json.dumps(answers))
"""


class Request(NamedTuple):
    """A request to an address and port, over tcp or udp, `times` one after the other, each from a port of its own."""

    protocol: str
    host: str
    port: int
    times: int = 1


class Answer(NamedTuple):
    """Who answered, and from which address it was asked; or REFUSED, DROPPED or "error: …", and no address."""

    who: str
    client: str


def ask(
    lab: Lab, asked: Mapping[str, Iterable[Request]], seconds: float = SECONDS
) -> dict[tuple[str, Request], list[Answer]]:
    """What became of these requests of each place, all at the same time, each after so many seconds at most."""
    requests = {place: list(dict.fromkeys(wanted)) for place, wanted in asked.items()}
    begun = {place: _begin(lab, place, wanted, seconds) for place, wanted in requests.items()}
    patience = PATIENCE_SECONDS * seconds / SECONDS
    told = {place: json.loads(finish(process, seconds=patience).ok()) for place, process in begun.items()}
    return {
        (place, one): [Answer(*answer) for answer in answers]
        for place, wanted in requests.items()
        for one, answers in zip(wanted, told[place], strict=True)
    }


def _begin(lab: Lab, place: str, wanted: list[Request], seconds: float) -> subprocess.Popen[bytes]:
    return lab.start_exec(place, "python3", "-S", "-c", _PROGRAM, str(seconds), json.dumps(wanted))
