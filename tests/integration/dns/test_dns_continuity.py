"""A cluster's DNS never goes away: whatever changes, no question is lost, with one server and with two.

node-0 (web-0, db-0, dns-0) ── subnet ── node-1 (client, web-1, db-1, dns-1)

The client asks kube-dns 200 times a second, from another port each time; what is not answered in 5 seconds is lost.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bench.changes import CLIENT, DNS_ADDRESS, DNSMASQ, KINDS, Kind, Subject
from bench.continuity import Stream, changing, losses
from tests.integration.labs import Lab, until

CHANGES = 4
READ_AGAIN = ("a pod unready, ready", "a pod comes, goes")  # of these a server that runs is told by a signal
DNSMASQ_KINDS = tuple(kind for kind in KINDS if not kind.only)
_numbers = count()


@pytest.fixture(scope="module")
def alone() -> Iterator[Subject]:
    """A lab with one DNS server."""
    with changing(f"test-{os.getpid()}-alone-{next(_numbers)}", DNSMASQ, 1) as lab:
        yield lab


@pytest.fixture(scope="module")
def pair() -> Iterator[Subject]:
    """A lab with two."""
    with changing(f"test-{os.getpid()}-pair-{next(_numbers)}", DNSMASQ, 2) as lab:
        yield lab


def server(lab: Subject, pod: str) -> int:
    """The process id of a DNS server, as the host has it."""
    return Lab("", lab.name).pid_of(f"kube-system.{pod}", "dnsmasq")


def asked(lab: Subject, name: str, kind: str) -> list[str]:
    """What kube-dns answers, sorted."""
    told = Lab("", lab.name).in_(CLIENT, f"dig +short +time=2 +tries=1 @{DNS_ADDRESS} {name} {kind}")
    return sorted(told.split("\n")[:-1])


@pytest.mark.parametrize("kind", DNSMASQ_KINDS, ids=lambda kind: kind.name)
def test_the_only_server_loses_no_question(alone: Subject, kind: Kind) -> None:
    before = server(alone, "dns-0")
    told = losses(alone, kind, CHANGES, ("dns",))["dns"]
    assert told.asked > 5, "the client asked all the while"
    assert not told.lost
    if kind.name in READ_AGAIN:
        assert server(alone, "dns-0") == before, "it is the same program, which has read its names again"


def test_an_edited_file_that_takes_a_pod_away_loses_no_connection(alone: Subject) -> None:
    edited = next(kind for kind in KINDS if kind.name == "an edited file comes up")
    told = losses(alone, edited, CHANGES, ("http",))["http"]
    assert told.asked > 5, "the client asked all the while"
    assert not told.lost


def test_two_servers_lose_no_question_when_only_the_configuration_can_say_what_changed(pair: Subject) -> None:
    before = {server(pair, pod) for pod in ("dns-0", "dns-1")}
    told = losses(pair, next(kind for kind in KINDS if kind.name.startswith("a headless pod")), CHANGES, ("dns",))
    assert not told["dns"].lost
    assert not before & {server(pair, pod) for pod in ("dns-0", "dns-1")}, "both have been succeeded"


def test_a_change_is_answered_as_soon_as_it_is_followed(alone: Subject) -> None:
    """Names by a signal, ports by a successor: neither is answered from what was before."""
    kinds = {kind.name.split()[1]: kind for kind in KINDS}
    zone = "default.svc.cluster.local"
    assert len(asked(alone, f"db.{zone}", "A")) == 2
    assert len(asked(alone, f"_sql._tcp.db.{zone}", "SRV")) == 2
    for change, number in ((kinds["headless"].there, 1), (kinds["headless"].back, 2)):
        change(alone)
        alone.settle()
        assert len(asked(alone, f"db.{zone}", "A")) == number
        assert len(asked(alone, f"_sql._tcp.db.{zone}", "SRV")) == number
    kinds["ExternalName"].there(alone)
    alone.settle()
    assert asked(alone, f"alias.{zone}", "A") == ["203.0.113.80", "www.example.com."]
    kinds["ExternalName"].back(alone)
    alone.settle()
    assert asked(alone, f"alias.{zone}", "A") == []


def test_a_question_over_tcp_is_answered_while_one_server_takes_the_others_place(alone: Subject) -> None:
    """One change, so that nobody is met by two of them: whose first segment was dropped is answered a second later."""
    service = next(kind for kind in KINDS if kind.name == "a Service comes, goes")
    assert not losses(alone, service, 1, ("dns-tcp",))["dns-tcp"].lost
    assert not losses(alone, Kind("back", service.back, service.there), 1, ("dns-tcp",))["dns-tcp"].lost


def test_a_server_that_is_killed_costs_the_other_nothing(pair: Subject) -> None:
    other = server(pair, "dns-1")
    os.kill(server(pair, "dns-0"), signal.SIGKILL)
    until(lambda: restarted(pair, "dns-0") == 1, "dns-0 was started anew")
    pair.settle()
    assert server(pair, "dns-1") == other


def restarted(lab: Subject, pod: str) -> int:
    """How often its container was started anew."""
    found = lab.api.get(f"/api/v1/namespaces/kube-system/pods/{pod}")["status"]
    number: int = found["containerStatuses"][0]["restartCount"]
    return number


def test_a_successor_that_ends_at_once_costs_nothing(pair: Subject) -> None:
    """Somebody has spoilt its container: the one before it goes on, and when that is mended another takes over."""
    lab, before = Lab("", pair.name), server(pair, "dns-0")
    stream = Stream(pair.name, "dns")
    try:
        stream.begin()
        config = Path(f"/proc/{lab.pid()}/root/run/hoplab/kube-system.dns-0/config.json")
        config.write_text("{}", encoding="ascii")
        service = next(kind for kind in KINDS if kind.name == "a Service comes, goes")
        restarts = restarted(pair, "dns-0")
        service.there(pair)
        pair.settle()
        service.back(pair)
        pair.settle()
        assert server(pair, "dns-0") != before
        assert restarted(pair, "dns-0") == restarts, "no container of the pod has ended"
        assert not stream.count().lost
    finally:
        stream.end()
    assert lab.drift() == []
