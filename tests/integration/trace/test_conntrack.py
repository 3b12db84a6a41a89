"""Stale UDP flows are forgotten, and only those: as kube-proxy does when an endpoint goes.

client 10.9.0.1 ── 10.9.0.2 server, which is the ClusterIPs' endpoint: 172.16.0.10 and 172.16.0.11 lead to it
"""

from __future__ import annotations

import socket
import subprocess

from lab.kernel.netlink.conntrack_entry import Event
from lab.kernel.rules import conntrack
from lab.kernel.sandbox.namespaces import Namespaces
from tests.integration.sandboxed import ip, sandboxed, wired

FIRST, SECOND, SERVER = "172.16.0.10", "172.16.0.11", "10.9.0.2"
DNS = 53


def client_and_server() -> Namespaces:
    namespaces = wired("client", "server")
    ip("-n", "client", "route", "add", "172.16.0.0/16", "via", SERVER)
    for service in (FIRST, SECOND):
        words = f"-t nat -A OUTPUT -d {service} -p udp --dport {DNS} -j DNAT --to-destination {SERVER}:5353"
        subprocess.run(["ip", "netns", "exec", "client", "iptables", *words.split()], check=True)
    return namespaces


def ask(namespaces: Namespaces, address: str, port: int) -> None:
    """One datagram of a flow of its own."""
    with namespaces.entered("client"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"?", (address, port))


def remembered(namespaces: Namespaces) -> list[Event]:
    with namespaces.entered("client"):
        return list(conntrack.listed("client"))


def asked(namespaces: Namespaces) -> list[str]:
    return sorted(f"{one.original.protocol} {one.original.destination}" for one in remembered(namespaces))


@sandboxed
def test_the_flows_of_a_service_to_an_endpoint_that_is_gone() -> None:
    namespaces = client_and_server()
    for _ in range(3):
        ask(namespaces, FIRST, DNS)
    ask(namespaces, SECOND, DNS)
    ask(namespaces, SERVER, 5353)
    stale = next(one for one in remembered(namespaces) if one.original.destination == FIRST)
    assert (stale.reply.source, stale.reply.sport) == (SERVER, 5353), "the rule has translated it"
    assert conntrack.flush(namespaces, "client", "udp", (FIRST, DNS), ("10.9.0.77", 0)) == 0, "another's endpoint"
    assert conntrack.flush(namespaces, "client", "udp", (FIRST, DNS), (SERVER, 5353)) == 3
    assert asked(namespaces) == [f"udp {SERVER}", f"udp {SECOND}"]


@sandboxed
def test_a_service_that_gets_its_first_endpoint_is_known_by_its_address_alone() -> None:
    namespaces = client_and_server()
    ask(namespaces, FIRST, 9999)
    ask(namespaces, FIRST, DNS)
    assert conntrack.flush(namespaces, "client", original_destination=(FIRST, 0)) == 2
    assert conntrack.flush(namespaces, "client", original_destination=(FIRST, 0)) == 0
    assert asked(namespaces) == []


@sandboxed
def test_a_node_port_is_known_at_every_address() -> None:
    namespaces = client_and_server()
    for address in (FIRST, SERVER, "10.9.0.3"):
        ask(namespaces, address, 30053)
    assert conntrack.flush(namespaces, "client", original_destination=("", 30053)) >= 2
    assert not [one for one in remembered(namespaces) if one.original.dport == 30053]


@sandboxed
def test_connections_of_tcp_are_left_alone() -> None:
    namespaces = client_and_server()
    with namespaces.entered("server"):
        listening = socket.create_server(("", 80))
    with namespaces.entered("client"):
        connected = socket.create_connection((SERVER, 80))
    ask(namespaces, SERVER, 80)
    assert conntrack.flush(namespaces, "client", original_destination=(SERVER, 80)) == 1
    assert asked(namespaces) == [f"tcp {SERVER}"]
    connected.close()
    listening.close()


@sandboxed
def test_elsewhere_nothing_is_forgotten() -> None:
    namespaces = client_and_server()
    ask(namespaces, SERVER, DNS)
    assert conntrack.flush(namespaces, "server", original_destination=("10.9.0.1", 0)) == 0
    assert asked(namespaces) == [f"udp {SERVER}"]
