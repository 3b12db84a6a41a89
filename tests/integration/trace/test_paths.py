"""The packets themselves, captured where they pass.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3         203.0.113.1  203.0.113.80
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.packet import Packet
from scapy.utils import wrpcap

from tests.integration.capturing import VXLAN, capture
from tests.integration.labs import Lab

POD_0, POD_2, POD_3 = "10.244.0.2", "10.244.0.66", "10.244.0.129"
CURL = ("curl", "-s", "--max-time", "5")


def carries_a_request(packet: Packet) -> bool:
    return TCP in packet and b"GET " in bytes(packet[TCP].payload)


def carries_an_answer(packet: Packet) -> bool:
    return TCP in packet and b"200 OK" in bytes(packet[TCP].payload)


def test_to_the_other_subnet_requests_and_answers_cross_the_router_in_vxlan_4096(two_subnet: Lab) -> None:
    with capture(two_subnet, "router", "eth1") as seen:
        assert two_subnet.exec_("pod-0", *CURL, f"http://{POD_3}:8080").ok().startswith("pod-3\n")
        request = seen.wait_for(carries_a_request, "the request")
        answer = seen.wait_for(carries_an_answer, "the answer")
    outer, inner = request[IP], request[VXLAN][IP]
    assert request[VXLAN].vni == 4096
    assert (outer.src, outer.dst) == ("10.0.1.10", "10.0.2.10"), "from node to node"
    assert (inner.src, inner.dst, inner[TCP].dport) == (POD_0, POD_3, 8080), "from pod to pod"
    assert outer.ttl == 63, "the router counted as one hop"
    assert answer[VXLAN].vni == 4096
    assert (answer[IP].src, answer[VXLAN][IP].src) == ("10.0.2.10", POD_3)


def test_in_the_same_subnet_nothing_is_encapsulated_and_the_router_sees_nothing(two_subnet: Lab) -> None:
    with (
        capture(two_subnet, "node-0", "eth0") as on_the_node,
        capture(two_subnet, "router", "eth0") as on_the_router,
    ):
        assert two_subnet.exec_("pod-0", *CURL, f"http://{POD_2}:8080").ok().startswith("pod-2\n")
        request = on_the_node.wait_for(carries_a_request, "the request")
        on_the_node.wait_for(carries_an_answer, "the answer")
        # What crosses the router now is the proof that it would have been seen there before.
        two_subnet.exec_("pod-0", *CURL, f"http://{POD_3}:8080").ok()
        on_the_router.wait_for(lambda packet: VXLAN in packet, "traffic to the other subnet")
        to_the_neighbour = [p for p in on_the_router.packets if IP in p and POD_2 in (p[IP].src, p[IP].dst)]
    assert VXLAN not in request
    assert (request[IP].src, request[IP].dst) == (POD_0, POD_2)
    assert to_the_neighbour == []


def test_outside_the_cluster_it_is_first_the_node_and_then_the_gateway_that_asks(two_subnet: Lab) -> None:
    with (
        capture(two_subnet, "router", "eth2") as behind_the_node,
        capture(two_subnet, "internet", "eth0") as behind_the_gateway,
    ):
        said = two_subnet.exec_("pod-0", *CURL, "http://www.example.com").ok()
        at_the_router = behind_the_node.wait_for(carries_a_request, "the request")
        at_the_server = behind_the_gateway.wait_for(carries_a_request, "the request")
    assert at_the_router[IP].src == "10.0.1.10", "pods' addresses mean nothing outside: node-0 masquerades"
    assert at_the_server[IP].src == "203.0.113.1", "private addresses mean nothing on the internet: the gateway does"
    assert "client 203.0.113.1:" in said


def test_tshark_reads_the_same_tunnel(two_subnet: Lab, tmp_path: Path) -> None:
    """A reader that is neither ours nor scapy's."""
    with capture(two_subnet, "router", "eth0") as seen:
        two_subnet.exec_("pod-0", *CURL, f"http://{POD_3}:8080/through-the-tunnel").ok()
        request = seen.wait_for(carries_a_request, "the request")
    file = tmp_path / "seen.pcap"
    wrpcap(str(file), [request])
    fields = ("-e", "vxlan.vni", "-e", "udp.dstport", "-e", "http.request.uri")
    read = subprocess.run(
        ["tshark", "-r", str(file), "-T", "fields", *fields], capture_output=True, text=True, check=False, timeout=60
    )
    assert read.stdout.split() == ["4096", "4789", "/through-the-tunnel"], read.stderr


def test_a_pod_that_asks_itself_through_its_service_sees_its_node_as_the_client(two_subnet: Lab) -> None:
    """Hairpin: without the masquerade the answer would never leave the pod, and the client would not know it."""
    for _ in range(20):
        name, client, _ = two_subnet.exec_("pod-2", *CURL, "http://myapp.namespace001").ok().splitlines()
        if name == "pod-2":
            assert client.startswith("client 10.0.1.11:"), client
            return
    raise AssertionError("twenty requests, and none came back to pod-2 itself: one of two is expected to")
