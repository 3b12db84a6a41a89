"""What each node says at a Service's healthCheckNodePort, and where it listens.

node-0 (10.0.1.10): web-0, web-1    node-1 (10.0.1.11): web-2, not ready, and one that terminates    node-2: nobody
"""

from __future__ import annotations

import json

import pytest

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.network.kubeproxy.health import listeners
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Listener

PORT = 32100
NODES = {"node-0": "10.0.1.10", "node-1": "10.0.1.11", "node-2": "10.0.2.10"}
TUNNELS = {"node-0": "10.244.0.0", "node-1": "10.244.0.64", "node-2": "10.244.0.128"}
ENDPOINTS = (
    Endpoint(pod="ns1/web-0", node="node-0"),
    Endpoint(address="10.244.0.3", node="node-0"),
    Endpoint(address="10.244.0.66", node="node-1", ready=False),
    Endpoint(address="10.244.0.67", node="node-1", ready=False, terminating=True),
    Endpoint(address="192.0.2.1"),
)


class Addresses:
    nodes = NODES

    def held(self, node: str) -> tuple[str, ...]:
        return NODES[node], TUNNELS[node]

    def pod(self, place: str) -> str:
        return {"ns1/web-0": "10.244.0.2"}[place]


def made(proxy: str = "iptables", options: ProxyOptions | None = None, port: int = PORT) -> list[Listener]:
    ports = (ServicePort("a", "TCP", 80, 8080), ServicePort("b", "UDP", 80, 8080))
    service = Service("ns1", "web", "LoadBalancer", "172.16.10.10", ports, health_check_port=port)
    held = tuple(PortEndpoints(one.name, one.protocol, 8080, ENDPOINTS) for one in ports)
    cluster = Cluster(tuple(NODES), ("ns1",), (), (service,), (EndpointSlice("ns1", "web-x", "web", held),))
    return list(listeners(cluster, Addresses(), proxy, options or ProxyOptions()))


def test_a_node_with_ready_endpoints_is_well_and_tells_how_many() -> None:
    told = {one.place: one.reply for one in made() if one.reply}
    assert {node: reply.status for node, reply in told.items()} == {"node-0": 200, "node-1": 503, "node-2": 503}
    assert json.loads(told["node-0"].body) == {
        "service": {"namespace": "ns1", "name": "web"},
        "localEndpoints": 2,
        "serviceProxyHealthy": True,
    }, "each endpoint once, although it has two ports"
    assert "X-Load-Balancing-Endpoint-Weight: 2" in told["node-0"].headers.split("\r\n")
    assert json.loads(told["node-1"].body)["localEndpoints"] == 0, "one that terminates gets no new clients"


@pytest.mark.parametrize(
    ("proxy", "prefixes", "listening"),
    [
        ("iptables", (), {""}),
        ("nftables", (), {"10.0.1.10"}),
        ("nftables", ("0.0.0.0/0",), {""}),
        ("iptables", ("10.0.0.0/16",), {"10.0.1.10"}),
        ("iptables", ("10.0.0.0/8", "127.0.0.0/8"), {"10.0.1.10", "10.244.0.0", "127.0.0.1"}),
        ("iptables", ("192.0.2.0/24",), set()),
    ],
)
def test_it_listens_where_node_ports_answer(proxy: str, prefixes: tuple[str, ...], listening: set[str]) -> None:
    found = [one for one in made(proxy, ProxyOptions(nodeport_addresses=prefixes)) if one.place == "node-0"]
    assert {one.address for one in found} == listening
    assert len({one.key for one in found}) == len(listening)


def test_most_services_have_no_such_port() -> None:
    assert made(port=0) == []


def test_another_number_of_endpoints_is_said_on_the_same_socket() -> None:
    one, other = made()[0], made()[1]
    changed = Listener(one.place, one.protocol, one.port, one.name, reply=other.reply)
    assert changed.differs_in_reply_only(one)
    assert not one.differs_in_reply_only(one)
    assert not Listener(one.place, "tcp", one.port, "other", reply=other.reply).differs_in_reply_only(one)
