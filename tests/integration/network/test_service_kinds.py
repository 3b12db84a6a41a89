"""Every kind of Service, asked from a pod, a node and outside, in both usual modes: who answers, whom it sees.

node-0 10.0.1.10: client, web-0 ──── subnet-a ── router ── gateway ── internet 203.0.113.53
node-1 10.0.2.10: other, web-1, far ─ subnet-b ────┘

The requests and what is to become of them are in service_table.py; docs/services.md names the rules of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.kernel.host.packages import find
from lab.map.labmap import LabMap
from tests.integration.asking import DROPPED, REFUSED, SECONDS, Answer, Request, ask
from tests.integration.labs import Lab, standing
from tests.integration.service_kinds import NODE_0, PODS, SERVICES, TOPOLOGY, TUNNEL_0, lead_in
from tests.integration.service_table import BOTH, IPTABLES, OPTIONS, SUBJECTS, Row

MODES = [
    pytest.param(mode, marks=pytest.mark.skipif(mode != IPTABLES and not find("nft"), reason="this machine has no nft"))
    for mode in BOTH
]

ROUTE_LOCALNET = "sysctl -n net.ipv4.conf.all.route_localnet"
REFUSED_STATUS = 7  # curl's


@dataclass(frozen=True)
class Asked:
    """A lab of which everything in a table was asked at once: what was answered, and whose each address is."""

    mode: str
    lab: Lab
    answers: Mapping[tuple[str, Request], list[Answer]]
    owners: Mapping[str, frozenset[str]]

    def mistakes(self, row: Row) -> list[str]:
        """What is not as the row says."""
        told = f"{row.place} asked {row.asked.host} port {row.asked.port}/{row.asked.protocol}"
        answers = self.answers[row.place, row.asked]
        wrong = [f"{told}: {one.who}, not {' or '.join(row.who)}" for one in answers if one.who not in row.who]
        seen = {one.client for one in answers if one.who not in (REFUSED, DROPPED)}
        if row.seen and not wrong:
            wrong += [f"{told}: seen as {one}, not as {row.seen}" for one in seen - self.owners[row.seen]]
        if row.affine and len({one.who for one in answers}) > 1:
            wrong.append(f"{told}: answered by {[one.who for one in answers]}")
        return wrong


def asked(mode: str, lab: Lab, table: Mapping[str, tuple[Row, ...]], seconds: float = SECONDS) -> Asked:
    """Of the rows of that mode."""
    lead_in(lab)
    wanted: dict[str, list[Request]] = {}
    for row in (row for rows in table.values() for row in rows if mode in row.modes):
        wanted.setdefault(row.place, []).append(row.asked)
    owners = {
        place.name.removeprefix("default/"): frozenset(
            address.partition("/")[0] for link in place.links for address in link.addresses
        )
        for place in LabMap.from_json(lab.map()).places
    }
    return Asked(mode, lab, ask(lab, wanted, seconds), {**owners, "tunnel of node-0": frozenset((TUNNEL_0,))})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(TOPOLOGY + PODS + SERVICES, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module", params=MODES)
def kinds(request: pytest.FixtureRequest, file: str) -> Iterator[Asked]:
    with standing(file, "--set", f"services.proxy={request.param}") as one:
        yield asked(request.param, one, SUBJECTS)


@pytest.fixture(scope="module", params=MODES)
def strict(request: pytest.FixtureRequest, file: str) -> Iterator[Asked]:
    settings = (
        f"services.proxy={request.param}",
        "services.masqueradeAll=true",
        'services.nodePortAddresses=["10.0.0.0/16"]',
    )
    with standing(file, *(word for one in settings for word in ("--set", one))) as one:
        yield asked(request.param, one, OPTIONS)


def require(told: Asked, rows: tuple[Row, ...]) -> None:
    wrong = [line for row in rows if told.mode in row.modes for line in told.mistakes(row)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_becomes_of_requests(kinds: Asked, subject: str) -> None:
    require(kinds, SUBJECTS[subject])


@pytest.mark.parametrize("option", OPTIONS)
def test_what_an_option_of_kube_proxy_changes(strict: Asked, option: str) -> None:
    require(strict, OPTIONS[option])


def test_what_comes_from_localhost_may_leave_where_node_ports_are_there(kinds: Asked) -> None:
    assert kinds.lab.in_("node-0", ROUTE_LOCALNET).strip() == ("1" if kinds.mode == IPTABLES else "0")


def test_what_rules_remember_and_count_is_no_difference(kinds: Asked) -> None:
    theirs = [line for line in kinds.lab.drift() if not line.startswith(("router: ", "gateway: ", "internet: "))]
    assert theirs == []


def test_health_checks_and_localhost_are_as_node_ports_are(strict: Asked) -> None:
    assert strict.lab.in_("node-0", ROUTE_LOCALNET).strip() == "0"
    curl = "curl -s -o /dev/null -w %{http_code}"
    assert strict.lab.in_("node-1", f"{curl} http://{NODE_0}:32106") == "503"
    assert strict.lab.exec_("node-0", *f"{curl} http://127.0.0.1:32106".split()).status == REFUSED_STATUS
