"""Losses that only the kernel itself explains: the trace names place, object and cause, and its commands mend it.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from lab.map.labmap import LabMap
from lab.trace.trace import trace
from tests.integration.labs import Lab, finish, inv, standing, until
from tests.integration.witness_table import ANSWERS, BRIDGED, HOOKS, NOBODY, POD_0, Row

Json = dict[str, Any]

MORE = """
---
apiVersion: v1
kind: Service
metadata: {name: self, namespace: namespace001}
spec: {type: NodePort, selector: {whose: own}, ports: [{name: t, port: 80, targetPort: 8080, nodePort: 30088}]}
---
apiVersion: v1
kind: Service
metadata: {name: datagrams, namespace: namespace001}
spec: {selector: {whose: own}, ports: [{port: 80, targetPort: 8080, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: namespace001}
spec: {selector: {app: other}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: inward, namespace: namespace001}
spec:
  nodeName: node-1
  containers: [{name: c, image: any, command: [python3, -S, -m, http.server, "8080", --bind, 127.0.0.1]}]
---
apiVersion: v1
kind: Pod
metadata: {name: six, namespace: namespace001}
spec:
  nodeName: node-1
  containers: [{name: c, image: any, command: [python3, -S, -m, http.server, "8080", --bind, "::1"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: near-only, namespace: namespace001}
spec:
  nodeName: node-1
  containers:
    - name: c
      image: any
      command:
        - python3
        - -S
        - -c
        - |
          import signal, socket
          server = socket.socket()
          server.setsockopt(socket.IPPROTO_IP, 21, 64)  # IP_MINTTL
          server.bind(("", 8080))
          server.listen()
          signal.pause()
"""


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("witnesses")


def with_more(folder: Path, name: str) -> str:
    """The topology of that name, with pod-0 behind a Service of its own and two servers that hardly anybody reaches."""
    root = Path(__file__).parents[3] / "topologies"
    text = (root / f"{name}.yaml").read_text(encoding="utf-8")
    mine = text.replace(
        "metadata: {name: pod-0, namespace: namespace001}",
        "metadata: {name: pod-0, namespace: namespace001, labels: {whose: own}}",
    )
    assert mine != text
    file = folder / f"{name}.yaml"
    file.write_text(mine + MORE, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def routed(more: Path) -> Iterator[Lab]:
    with standing(with_more(more, "two-subnet")) as one:
        yield one


@pytest.fixture(scope="module")
def bridged(more: Path) -> Iterator[Lab]:
    with standing(with_more(more, "two-subnet-bridge")) as one:
        yield one


@pytest.fixture(scope="module")
def nftables(more: Path) -> Iterator[Lab]:
    with standing(with_more(more, "two-subnet"), "--set", "services.proxy=nftables") as one:
        yield one


@cache
def names(lab: str) -> Callable[[str], str]:
    """Fills in what differs from lab to lab, which is written {kind:where} in the table."""
    labmap = LabMap.from_json(json.loads(inv("inspect", "--json", "--lab", lab).ok()))

    def value(found: re.Match[str]) -> str:
        kind, where = found.groups()
        if kind == "mac":
            place, _, device = where.rpartition("/")
            return next(link.mac for link in labmap.by_name[place].links if link.name == device)
        place = labmap.by_name[where]
        return place.address if kind == "ip" else place.links[0].peer_name

    return lambda text: re.sub(r"\{(ip|mac|port):([^}]*)\}", value, text)


def traced(lab: Lab, source: str, to: str, *options: str) -> Json:
    """The JSON of one trace by the public command."""
    done = inv("trace", "--lab", lab.name, "--from", source, "--to", to, *options, "--json", "-")
    assert done.status in (0, 3), str(done)
    told: Json = json.loads(done.out)
    return told


def run(lab: Lab, place: str, script: str) -> None:
    lab.exec_(place, "sh", "-c", script).ok()


def mend(lab: Lab, lost: Json) -> None:
    """Run the commands of the fix, each in its place."""
    for place, commands in groupby(lost["fix"], key=lambda one: one["place"]):
        run(lab, place, " && ".join(one["command"] for one in commands))


def named_and_mended(lab: Lab, row: Row) -> None:
    """Mended before it is judged, so that one row that is not named right does not spoil the next."""
    filled = names(lab.name)
    try:
        for place, script in row.done:
            run(lab, place, filled(script))
        told = traced(lab, row.source, row.to, "--protocol", row.protocol)
        lost = told["lost"]
        assert lost is not None, "what was done does nothing"
        mend(lab, lost)
        if lost["fix"]:
            # A neighbour that did not answer meanwhile is asked again by its node within a second or two.
            until(lambda: trace(lab.name, row.source, row.to, protocol=row.protocol).lost is None, "it is mended")
    finally:
        for place, script in row.undone:
            run(lab, place, script)
    whole = json.dumps(lost, indent=1)
    found = (lost["cause"], lost["object_place"], lost["direction"])
    assert found == (row.cause, row.object_place, row.direction), whole
    assert row.verdict in ("", told["verdict"]), whole
    assert filled(row.object) in lost["object"], whole
    assert filled(row.why) in lost["why"], whole
    assert lost["why"].endswith("."), whole
    assert row.place in ("", lost["place"]), whole
    assert row.stage in ("", lost["stage"]), whole
    assert bool(lost["fix"]) is row.mends, lost["fix"]


@pytest.mark.parametrize("row", ANSWERS, ids=[row.name for row in ANSWERS])
def test_the_kernels_own_answers(routed: Lab, row: Row) -> None:
    named_and_mended(routed, row)


@pytest.mark.parametrize("row", HOOKS, ids=[row.name for row in HOOKS])
def test_what_iptables_does_not_show(routed: Lab, row: Row) -> None:
    named_and_mended(routed, row)


@pytest.mark.parametrize("row", NOBODY, ids=[row.name for row in NOBODY])
def test_an_address_that_nobody_has(routed: Lab, row: Row) -> None:
    named_and_mended(routed, row)


@pytest.mark.parametrize("row", BRIDGED, ids=[row.name for row in BRIDGED])
def test_behind_a_bridge(bridged: Lab, row: Row) -> None:
    named_and_mended(bridged, row)


def test_a_wanted_endpoint_is_judged_by_the_first_packet(bridged: Lab) -> None:
    """What is dropped before connection tracking knows it is sent again after a second, often to another endpoint."""
    rule = f"FORWARD -d {names(bridged.name)('{ip:namespace001/pod-2}/32')} -j DROP"
    run(bridged, "node-0", f"iptables -I {rule.replace('FORWARD', 'FORWARD 1')}")
    try:
        told = [trace(bridged.name, POD_0, "myapp.namespace001", via="pod-2") for _ in range(4)]
    finally:
        run(bridged, "node-0", f"iptables -D {rule}")
    assert [(one.verdict, one.lost and one.lost.object) for one in told] == [("lost", f"-A {rule}")] * 4


IN_NFTABLES_MODE = tuple(
    row
    for row in (*ANSWERS, *HOOKS, *NOBODY)
    if row.name
    in ("in a node's block", "netdev egress", "REDIRECT where it arrives", "a pod's address is its node's as well")
)


@pytest.mark.parametrize("row", IN_NFTABLES_MODE, ids=[row.name for row in IN_NFTABLES_MODE])
def test_with_a_kube_proxy_in_nftables_mode(nftables: Lab, row: Row) -> None:
    named_and_mended(nftables, row)


def listens(lab: Lab, pod: str) -> bool:
    return ":8080" in lab.in_(f"namespace001/{pod}", "ss -ltn")


def test_a_server_that_listens_on_the_loopback_only(routed: Lab) -> None:
    for pod, address in (("inward", "127.0.0.1:8080"), ("six", "[::1]:8080")):
        until(partial(listens, routed, pod), f"{pod} listens")
        lost = traced(routed, POD_0, pod)["lost"]
        assert (lost["cause"], lost["object_place"]) == ("nobody-listens", f"namespace001/{pod}")
        assert lost["object"] == f"tcp {address}"
        assert f"listens on {address} only" in lost["why"]


HOLDING = """
import socket, sys
with socket.create_connection(("203.0.113.80", 80), 10):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_all_ports_of_a_nat_are_in_use(routed: Lab) -> None:
    """One connection holds the only port that the rule leaves; the next finds none."""
    rule = "POSTROUTING -o eth1 -p tcp -j MASQUERADE --to-ports 1024"
    run(routed, "gateway", f"iptables -t nat -I {rule.replace('POSTROUTING', 'POSTROUTING 1')}")
    holding = routed.start_exec("namespace001/pod-1", "python3", "-S", "-c", HOLDING)
    assert holding.stdout is not None
    assert holding.stdout.readline() == b"held\n"
    lost = traced(routed, POD_0, "www.example.com")["lost"]
    finish(holding).ok()
    assert (lost["cause"], lost["place"], lost["object_place"]) == ("no-free-port", "gateway", "gateway")
    assert lost["object"] == f"-A {rule}"
    assert "insert_failed +" in lost["why"]
    mend(routed, lost)
    assert traced(routed, POD_0, "www.example.com")["verdict"] == "delivered"


def test_a_remembered_flow_leads_to_what_is_no_endpoint(routed: Lab) -> None:
    """pod-1 has one port only; its first datagram went where a rule sent it that is gone."""
    away = "PREROUTING -p udp -d {} --dport 80 -j DNAT --to-destination 10.244.0.140:8080"
    service = next(one.cluster_ip for one in LabMap.from_json(routed.map()).services if one.name == "datagrams")
    rule = away.format(service)
    run(routed, "namespace001/pod-1", "sysctl -qw net.ipv4.ip_local_port_range='45000 45000'")
    run(routed, "node-0", f"iptables -t nat -I {rule.replace('PREROUTING', 'PREROUTING 1')}")
    traced(routed, "namespace001/pod-1", "datagrams.namespace001", "--protocol", "udp")
    run(routed, "node-0", f"iptables -t nat -D {rule}")
    lost = traced(routed, "namespace001/pod-1", "datagrams.namespace001", "--protocol", "udp")["lost"]
    assert (lost["cause"], lost["object_place"]) == ("stale-flow", "node-0"), lost
    assert lost["object"].startswith(f"udp 17 src=10.244.0.3 dst={service} sport=45000 dport=80 src=10.244.0.140"), lost
    assert "no endpoint of Service namespace001/datagrams" in lost["why"]
    assert all(one["command"].startswith("conntrack -D -p udp ") for one in lost["fix"])
    mend(routed, lost)
    assert traced(routed, "namespace001/pod-1", "datagrams.namespace001", "--protocol", "udp")["verdict"] == "delivered"


def test_a_remembered_flow_stays_untranslated_though_a_rule_masquerades_now(routed: Lab) -> None:
    """pod-1 has one port only; its first datagram left before there was a rule for it."""
    asking = ("namespace001/pod-1", "203.0.113.53:53", "--protocol", "udp")
    spared = "POSTROUTING -d 203.0.113.53/32 -p udp -j ACCEPT"
    run(routed, "namespace001/pod-1", "sysctl -qw net.ipv4.ip_local_port_range='45001 45001'")
    run(routed, "node-0", f"iptables -t nat -I {spared.replace('POSTROUTING', 'POSTROUTING 1')}")
    assert traced(routed, *asking)["lost"]["object"] == f"-A {spared}"
    run(routed, "node-0", f"iptables -t nat -D {spared}")
    lost = traced(routed, *asking)["lost"]
    assert (lost["cause"], lost["object_place"]) == ("stale-flow", "node-0"), lost
    assert lost["object"].startswith("udp 17 src=10.244.0.3 dst=203.0.113.53 sport=45001 dport=53 src="), lost
    assert "when nothing masqueraded it" in lost["why"]
    mend(routed, lost)
    assert traced(routed, *asking)["verdict"] == "delivered"


def test_a_loss_that_nothing_explains_ends_with_the_counter_that_rose(routed: Lab) -> None:
    """A server that takes only what has crossed no router: no rule, route or neighbour tells of it."""
    until(partial(listens, routed, "near-only"), "near-only listens")
    lost = traced(routed, POD_0, "near-only")["lost"]
    assert (lost["cause"], lost["object_place"], lost["evidence"]) == ("counted", "namespace001/near-only", "kernel")
    assert re.fullmatch(r"TCPMinTTLDrop \+\d+", lost["object"]), lost
    assert "its time to live was less than the socket wants" in lost["why"]
