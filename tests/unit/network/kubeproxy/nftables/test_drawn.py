"""A rule of nft that chooses by a number: which of its ends a packet was given."""

from __future__ import annotations

import pytest

from lab.network.kubeproxy.nftables.drawn import choice, chosen_address, with_choice, without_choice

AMONG = (
    "meta l4proto tcp dnat ip to numgen random mod 3 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.11 . 80, 2 : 10.0.0.1 . 8080 }"
)


@pytest.mark.parametrize(
    ("address", "port", "number"), [("10.0.0.1", 80, 0), ("10.0.0.11", 80, 1), ("10.0.0.1", 8080, 2)]
)
def test_the_end_that_was_chosen_stands_behind_the_rule(address: str, port: int, number: int) -> None:
    told = with_choice(AMONG, address, port)
    assert told == f"{AMONG} {{ {number} : {address} . {port} }}"
    assert choice(told) == (AMONG, number)
    assert chosen_address(told) == address
    assert without_choice(told) == without_choice(AMONG) == AMONG


@pytest.mark.parametrize(
    "text",
    [
        AMONG,
        "meta l4proto tcp dnat to 10.0.0.1:8081",
        "numgen random mod 2 vmap { 0 : goto a, 1 : goto b }",
        "ip daddr . meta l4proto . th dport vmap @service-ips { 172.16.10.10 . tcp . 80 }",
        "-A KUBE-SEP-X -p tcp -j DNAT --to-destination 10.0.0.1:8081",
    ],
)
def test_what_chose_nothing_stays_as_it_is(text: str) -> None:
    assert with_choice(text, "10.0.0.1", 8081) == text
    assert choice(text) is None
    assert chosen_address(text) == ""
