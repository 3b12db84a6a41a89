"""dnsmasq in the DNS pods answers as Kubernetes' DNS does, but for what it says itself that it cannot."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.conftest import LabFactory
from tests.integration.dns_table import SHARED, TOPOLOGY, ask, differences, with_addresses


def test_every_row_that_dnsmasq_can_answer(lab: LabFactory, file: Callable[[str], str]) -> None:
    one = lab(file(TOPOLOGY), *SHARED)
    rows = [row for row in with_addresses(one) if not row.beyond_dnsmasq]
    wrong = differences(rows, ask(one, [row.question for row in rows]), soa=False)
    assert not wrong, "\n".join(wrong)


def test_what_it_cannot_answer_is_so_and_up_says_what_of_it_the_topology_has(
    lab: LabFactory, file: Callable[[str], str]
) -> None:
    one = lab(file(TOPOLOGY), up=False)
    said = one.up(*SHARED)
    said.ok()
    assert "reverse name of an endpoint of several: shop/web-1 (shop/shadow, shop/web)" in said.err, str(said)
    rows = [row for row in with_addresses(one) if row.beyond_dnsmasq]
    wrong = differences(rows, ask(one, [row.question for row in rows]), soa=False)
    assert len(wrong) == len(rows), "it can by now: take `beyond_dnsmasq` out of the table"
