"""What a packet met in an nft map is told from the rule and the packet; and read again from what was told."""

from __future__ import annotations

import pytest

from lab.trace.explain.rules.element import element, with_element
from lab.trace.witness.packet import Packet

ASKED = Packet(src="10.244.0.2", dst="172.16.0.10", protocol="udp", sport=40000, dport=53)
SERVICES = "ip daddr . meta l4proto . th dport vmap @service-ips"
NODE_PORTS = "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports"


@pytest.mark.parametrize(
    ("rule", "name", "key"),
    [
        (SERVICES, "service-ips", "172.16.0.10 . udp . 53"),
        (NODE_PORTS, "service-nodeports", "udp . 53"),
        ("ip saddr . th sport vmap @clients", "clients", "10.244.0.2 . 40000"),
    ],
)
def test_a_lookup_in_a_map_is_told_with_what_it_found(rule: str, name: str, key: str) -> None:
    told = with_element(rule, ASKED)
    assert told == f"{rule} {{ {key} }}"
    assert element(told) == (name, key)


@pytest.mark.parametrize(
    "rule",
    [
        "jump services",
        "ip daddr @cluster-ips reject",
        "numgen random mod 2 vmap { 0 : goto a, 1 : goto b }",
        "ct state . ct mark vmap @states",
        "-A KUBE-SERVICES -d 172.16.0.10/32 -j KUBE-SVC-X",
    ],
)
def test_any_other_rule_is_as_it_was(rule: str) -> None:
    assert with_element(rule, ASKED) == rule
    assert element(rule) is None
