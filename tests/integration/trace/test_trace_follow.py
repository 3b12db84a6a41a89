"""A pod's own connections, told while it makes them: `trace --follow` sends nothing.

node-0 ──eth0── router ──eth1── node-2
pod-0                           pod-3
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.integration.conftest import LabFactory
from tests.integration.labs import ROOT, Done, Lab, finish, inv, start, until

POD_0 = "namespace001/pod-0"
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "trace-v2.schema.json").read_text(encoding="utf-8")))
UDP = "import socket; s = socket.socket(2, 2); s.connect(('pod-3', 8080)); s.send(b'?'); s.recv(99)"


class Followed:
    """The command, and what it has said so far on standard output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._said = b""

    @property
    def said(self) -> str:
        assert self.process.stdout is not None
        self._said += self.process.stdout.read() or b""
        return self._said.decode()

    def until(self, condition: Callable[[str], object], what: str, seconds: float = 60.0) -> str:
        try:
            until(lambda: condition(self.said), what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.said.count('verdict')} journeys told; {self.end().err}") from None
        return self.said

    def end(self, how: signal.Signals = signal.SIGINT) -> Done:
        """What came last is in its own output only."""
        self.process.send_signal(how)
        return finish(self.process)


@contextmanager
def followed(lab: Lab, *arguments: str, source: str = POD_0) -> Iterator[Followed]:
    process = start("trace", "--follow", "--from", source, "--lab", lab.name, *arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    begun = process.stderr.readline().decode()
    assert begun.startswith(f"following {source} at "), begun + process.stderr.read().decode()
    os.set_blocking(process.stdout.fileno(), False)
    try:
        yield Followed(process)
    finally:
        if process.poll() is None:
            process.kill()
            finish(process)


def curl(lab: Lab, url: str) -> Done:
    return lab.exec_("pod-0", "curl", "-sS", "-o", "/dev/null", "--max-time", "2", url)


def test_a_request_is_told_with_its_name_its_choice_and_its_answer(two_subnet: Lab) -> None:
    with followed(two_subnet) as one:
        curl(two_subnet, "http://myapp").ok()
        told = one.until(lambda said: "200 OK" in said, "the request is told")
        done = one.end()
    assert done.status == 0, str(done)
    assert "missed" not in done.err
    assert f"{POD_0} asks myapp.namespace001.svc.cluster.local:80 (tcp)" in told
    assert "1 resolve      myapp.namespace001.svc.cluster.local is 172.16.10.10" in told
    assert "endpoint pod-" in told, "the rule that chose says what it is there for"
    assert "delivered: HTTP/1.1 200 OK from namespace001/pod-" in told


def test_a_lost_request_is_told_with_its_cause(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_("node-2", "iptables -I INPUT 1 -p udp --dport 4789 -j DROP")
    with followed(broken) as one:
        assert curl(broken, "http://10.244.0.129:8080").status != 0
        told = one.until(lambda said: "iptables -D INPUT" in said, "the loss is told")
        one.end(signal.SIGTERM).ok()
    assert "lost at node-2 (firewall), on the way there" in told
    assert "-A INPUT -p udp -m udp --dport 4789 -j DROP" in told


def test_a_request_to_the_outside_is_told_through_both_masquerades(two_subnet: Lab) -> None:
    with followed(two_subnet, "--minimal") as one:
        curl(two_subnet, "http://www.example.com").ok()
        told = one.until(lambda said: "verdict delivered internet" in said, "the request is told")
        one.end().ok()
    assert " gateway " in told


def test_so_many_journeys_as_lines_of_json(two_subnet: Lab) -> None:
    with followed(two_subnet, "--count", "2", "--json", "-") as one:
        two_subnet.exec_("pod-0", "python3", "-c", UDP.replace("pod-3", "10.244.0.129")).ok()
        curl(two_subnet, "http://10.244.0.129:81")
        one.until(lambda _: one.process.poll() is not None, "two journeys have been told")
        journeys: list[dict[str, Any]] = [json.loads(line) for line in one.said.splitlines()]
        assert finish(one.process).status == 0
    for journey in journeys:
        SCHEMA.validate(journey)
    udp, tcp = journeys
    assert (udp["request"]["protocol"], udp["verdict"], udp["answered_by"]) == (
        "udp",
        "delivered",
        "namespace001/pod-3",
    )
    assert (tcp["verdict"], tcp["lost"]["cause"]) == ("refused", "nobody-listens")


def test_a_name_that_does_not_exist(two_subnet: Lab) -> None:
    with followed(two_subnet, "--minimal") as one:
        assert curl(two_subnet, "http://nobody").status == 6, "curl could not resolve it"
        told = one.until(lambda said: "resolve nobody NXDOMAIN" in said, "the last question is told")
        one.end().ok()
    assert "resolve nobody.namespace001.svc.cluster.local NXDOMAIN" in told, "and the first one"


def test_nothing_is_missed_at_twenty_connections_a_second(two_subnet: Lab) -> None:
    """On a machine that is busy with others it tells a sample, and says so: then of fewer."""
    number = 60
    for pause in (0.05, 0.2, 0.8):
        loop = (
            f"for i in $(seq {number}); do curl -sS -o /dev/null http://10.244.0.129:8080 & sleep {pause}; done; wait"
        )
        with followed(two_subnet, "--minimal") as one:
            two_subnet.exec_("pod-0", "sh", "-c", loop).ok()
            try:
                told = one.until(lambda said: said.count("\nverdict ") >= number, "every connection is told", 15.0)
            except AssertionError as error:
                if "connections a second; 1 of" not in str(error):
                    raise
                continue
            done = one.end()
            break
    else:
        pytest.fail("not even of one connection a second all are told")
    assert "missed" not in done.err, done.err
    blocks = set(told.strip().split("\n\n"))
    assert len(blocks) == 1, "and each as the others"
    assert told.count("verdict delivered namespace001/pod-3") == number


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "node-0", "--follow"), "node-0 is no pod, and what is followed is one"),
        (("--from", "pod-0", "--follow", "--to", "myapp"), "sends nothing"),
        (("--from", "pod-0"), "--to is missing"),
    ],
)
def test_what_cannot_be_followed(two_subnet: Lab, arguments: tuple[str, ...], said: str) -> None:
    assert said in inv("trace", "--lab", two_subnet.name, *arguments).refused()
