"""Chains are called as kube-proxy calls them: whoever knows a real node recognises every one."""

from __future__ import annotations

import pytest

from lab.network.kubeproxy.iptables.names import digest, endpoint_chain, service_chain, service_port_name


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("ns1/svc1:p80tcp", "XPGD46QRK7WJZT7O"),
        ("ns1/svc1:p80tcp10.180.0.1:80", "SXIVWICOYRO3J4NJ"),
        ("ns1/svc1tcp", "AQI2S6QIMU7PVVRP"),
        ("default/kubernetes:httpstcp", "NPX46M4PTMTKRN6Y"),
        ("kube-system/kube-dns:dnsudp", "TCOU7JCQXEZGVUNU"),
        ("kube-system/kube-dns:dns-tcptcp", "ERIFXISQEP7F7OF4"),
    ],
)
def test_the_hash_is_that_of_real_nodes(text: str, letters: str) -> None:
    assert digest(text) == letters


def test_a_port_with_a_name_and_one_without() -> None:
    assert service_port_name("ns1/svc1", "p80") == "ns1/svc1:p80"
    assert service_port_name("ns1/svc1", "") == "ns1/svc1"


def test_chains_of_a_service_and_of_its_endpoint() -> None:
    assert service_chain("ns1/svc1:p80", "tcp") == "KUBE-SVC-XPGD46QRK7WJZT7O"
    assert endpoint_chain("ns1/svc1:p80", "tcp", "10.180.0.1:80") == "KUBE-SEP-SXIVWICOYRO3J4NJ"
