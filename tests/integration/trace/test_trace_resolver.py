"""A name as the place's own programs would find it: its files, both families, what does not fit, how long they wait.

node-0 ─────┬───── node-1 ─── router ─── node-2
pod-0 pod-1        pod-2                 pod-3
"""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, finish, until
from tests.integration.living import apply
from tests.integration.trace.test_trace import POD_0, hops, journey, trace
from tests.integration.trace.test_trace_follow import followed

AAAA = "|001c0001|"
"""The end of a question for IPv6 addresses."""


def drop(lab: Lab, place: str, rule: str) -> None:
    lab.exec_(place, "iptables", "-I", *rule.split()).ok()


@pytest.mark.parametrize("topology", ["two-subnet", "two-subnet-bridge"])
def test_a_question_that_nobody_answers_says_how_long_a_program_waits(lab: LabFactory, topology: str) -> None:
    deaf = lab(topology)
    drop(deaf, "node-0", "FORWARD 1 -p udp --dport 53 -j DROP")
    told = journey(deaf, "--to", "myapp")
    lost = told["lost"]
    assert (told["verdict"], lost["phase"], lost["place"], lost["stage"]) == ("lost", "dns", "node-0", "firewall")
    assert "gives up after 20 s" in lost["why"]


def test_only_the_question_for_ipv6_is_lost(lab: LabFactory) -> None:
    halved = lab("two-subnet")
    drop(halved, "node-0", f"FORWARD 1 -p udp --dport 53 -m string --algo bm --hex-string {AAAA} -j DROP")
    told = journey(halved, "--to", "myapp")
    lost = told["lost"]
    assert (told["verdict"], lost["phase"], lost["place"], lost["cause"]) == ("lost", "dns", "node-0", "firewall-drop")
    assert "001c0001" in lost["object"].replace(" ", "")
    assert "waits 15 s" in lost["why"]
    assert lost["fix"][0]["command"].startswith("iptables -D FORWARD")


HEADLESS = """\
apiVersion: v1
kind: Service
metadata: {name: many, namespace: namespace001}
spec: {clusterIP: None, ports: [{port: 80}]}
---
""" + json.dumps(
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "many-1", "namespace": "namespace001", "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": [f"10.9.0.{number}"]} for number in range(1, 61)],
    }
)


def test_an_answer_that_does_not_fit_is_asked_for_by_tcp(lab: LabFactory) -> None:
    crowded = lab("two-subnet")
    apply(crowded, HEADLESS)
    drop(crowded, "node-0", "FORWARD 1 -p tcp --dport 53 -j REJECT --reject-with tcp-reset")
    told = journey(crowded, "--to", "many:80")
    lost = told["lost"]
    assert (told["verdict"], lost["phase"], lost["place"]) == ("refused", "dns", "node-0")
    assert "--dport 53" in lost["object"]
    assert {hop["packet"]["protocol"] for hop in hops(told, "request", "dns")} == {"tcp"}


def test_the_places_own_files_are_read(lab: LabFactory) -> None:
    edited = lab("two-subnet")
    edited.exec_(POD_0, "sh", "-c", "echo 10.244.0.129 over.there >> /etc/hosts").ok()
    told = journey(edited, "--to", "over.there:8080")
    assert told["answered_by"] == "namespace001/pod-3"
    assert not hops(told, "request", "dns"), "nobody was asked"
    edited.exec_(POD_0, "sh", "-c", "echo nameserver 10.0.2.10 > /etc/resolv.conf").ok()
    told = journey(edited, "--to", "myapp.namespace001")
    assert hops(told, "request", "dns")[0]["packet"]["dst"] == "10.0.2.10"
    assert told["lost"]["phase"] == "dns"


def test_a_pod_asks_with_the_address_that_its_routes_say(lab: LabFactory) -> None:
    """As its own programs would: an address of which nobody else knows loses the answer."""
    moved = lab("two-subnet")
    moved.in_(POD_0, "ip addr add 10.99.0.1/32 dev eth0")
    moved.in_(POD_0, "ip route replace default via 169.254.1.1 dev eth0 src 10.99.0.1")
    told = journey(moved, "--to", "10.244.0.129:8080")
    assert told["verdict"] != "delivered"
    assert hops(told, "request")[0]["packet"]["src"] == "10.99.0.1"


STRANGER = """\
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: namespace001}
spec: {nodeName: node-0, dnsPolicy: Default, containers: [{name: c, image: built-in}]}
"""


@pytest.mark.parametrize("typed", ["myapp", "myapp.namespace001", "myapp.namespace001.svc.cluster.local"])
def test_a_pod_that_does_not_ask_the_clusters_dns_finds_no_service(lab: LabFactory, typed: str) -> None:
    """As its programs find none: the whole name is no address either."""
    outside = lab("two-subnet")
    apply(outside, STRANGER)
    curl = outside.exec_("namespace001/stranger", "curl", "-sS", f"http://{typed}")
    assert "Could not resolve host" in curl.err
    told = journey(outside, "--to", typed, source="namespace001/stranger")
    assert (told["verdict"], told["lost"]["cause"]) == ("unresolved", "dns-nxdomain")
    asks = "namespace001/stranger asks 203.0.113.53 by its /etc/resolv.conf, not the cluster's DNS (172.16.0.10)"
    assert asks in told["lost"]["why"]
    assert "Did you mean" not in told["lost"]["why"], "no other name would be found"


def test_a_search_list_that_does_not_lead_to_a_service_is_named(lab: LabFactory) -> None:
    edited = lab("two-subnet")
    edited.exec_(POD_0, "sh", "-c", "echo nameserver 172.16.0.10 > /etc/resolv.conf").ok()
    why = journey(edited, "--to", "myapp")["lost"]["why"]
    assert "is called myapp.namespace001.svc.cluster.local, and that was not asked for" in why
    assert "Did you mean" not in why


def test_both_families_are_asked_at_once(two_subnet: Lab) -> None:
    said = trace(two_subnet, "--to", "myapp", "--verbose").ok()
    assert "(2 questions)" in said


FAILING = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.80", 5353))
while True:
    asked, client = s.recvfrom(512)
    s.sendto(asked[:2] + bytes([0x81, 0x82]) + asked[4:6] + bytes(6) + asked[12:], client)
"""
"""A resolver that answers SERVFAIL to everything."""


@pytest.mark.parametrize(("topology", "proxy"), [("two-subnet", "iptables"), ("two-subnet-bridge", "nftables")])
def test_what_a_dns_server_asks_others_is_part_of_the_journey(lab: LabFactory, topology: str, proxy: str) -> None:
    cut_off = lab(topology, "--set", f"services.proxy={proxy}")
    drop(cut_off, "gateway", "FORWARD 1 -p udp --dport 53 -j DROP")
    told = journey(cut_off, "--to", "www.example.com")
    lost = told["lost"]
    assert (told["verdict"], lost["phase"], lost["place"], lost["object_place"]) == (
        "lost",
        "dns",
        "gateway",
        "gateway",
    )
    assert lost["object"] == "-A FORWARD -p udp -m udp --dport 53 -j DROP"
    assert "asks 203.0.113.53 in its turn" in lost["why"]
    asked = hops(told, "request", "dns")
    assert {hop["step"] for hop in asked} == {1}
    assert [hop["place"] for hop in asked][-1] == "gateway"
    assert any(hop["place"].startswith("kube-system/dns-") and hop["way"] == "out" for hop in asked)
    assert "route" not in {hop["stage"] for hop in asked[:-1]}, "a stage only where a packet ends"


def test_a_failure_of_the_resolver_outside_is_told_with_its_words(lab: LabFactory) -> None:
    failing = lab("two-subnet")
    process = failing.start_exec("internet", "python3", "-S", "-c", FAILING)
    try:
        until(lambda: ":14E9 " in failing.in_("internet", "cat /proc/net/udp"), "the resolver listens")
        rule = "PREROUTING 1 -p udp --dport 53 -j DNAT --to-destination 203.0.113.80:5353"
        failing.exec_("gateway", "iptables", "-t", "nat", "-I", *rule.split()).ok()
        told = journey(failing, "--to", "www.example.com")
    finally:
        process.kill()
        finish(process)
    assert (told["verdict"], told["lost"]["cause"]) == ("unresolved", "dns-servfail")
    assert "which says SERVFAIL" in told["lost"]["why"]
    assert "internet" in {hop["place"] for hop in hops(told, "request", "dns")}


def test_what_is_by_chance_is_said_and_the_same_loss_has_the_same_place(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    drop(broken, "node-2", "INPUT 1 -p udp --dport 4789 -j DROP")
    told = [journey(broken, "--to", "myapp", "--via", "pod-3")["lost"] for _ in range(2)]
    assert told[0] == told[1]
    assert "One of pod-2, pod-3 is chosen at random; this request went to pod-3." in told[0]["why"]


def test_a_nameserver_that_is_silent_makes_a_lookup_slow_and_step_1_says_so(lab: LabFactory) -> None:
    slow = lab("two-subnet")
    lines = "search namespace001.svc.cluster.local\\nnameserver 10.0.2.10\\nnameserver 172.16.0.10\\noptions ndots:5"
    slow.exec_(POD_0, "sh", "-c", f"printf '{lines}\\n' > /etc/resolv.conf").ok()
    drop(slow, "node-2", "INPUT 1 -p udp --dport 53 -j DROP")
    said = trace(slow, "--to", "myapp").ok()
    assert "a program waits 5 s" in said
    assert "172.16.0.10:53" in said, "its own way is told"


def test_a_connection_from_another_address_of_the_pod_is_followed(lab: LabFactory) -> None:
    other = lab("two-subnet")
    other.in_(POD_0, "ip addr add 10.99.0.1/32 dev eth0")
    other.in_("node-0", "ip route add 10.99.0.1 dev " + _cali(other))
    with followed(other, "--minimal", "--count", "1") as one:
        other.exec_(POD_0, "curl", "-sS", "--max-time", "1", "--interface", "10.99.0.1", "http://10.244.0.3:8080")
        said = one.until(lambda told: "verdict " in told, "it is told")
    assert "request 3 route namespace001/pod-0 eth0 out 10.99.0.1 > 10.244.0.3:8080 tcp" in said


def _cali(lab: Lab) -> str:
    routes = lab.in_("node-0", "ip route show 10.244.0.2").split()
    return routes[routes.index("dev") + 1]
