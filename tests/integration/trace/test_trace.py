"""Real requests, captured at every hop, and what `trace` tells about them.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

from lab.map.labmap import LabMap
from lab.map.path import Crossing, Walker
from tests.integration.conftest import LabFactory
from tests.integration.labs import ROOT, Done, Lab, finish, inv, start, until

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "trace-v2.schema.json").read_text(encoding="utf-8")))
POD_0 = "namespace001/pod-0"
MYAPP = "myapp.namespace001.svc.cluster.local"
NOT_DELIVERED = 3
VXLAN_DROPPED = ("INPUT", "1", "-p", "udp", "--dport", "4789", "-j", "DROP")


def trace(lab: Lab, *arguments: str, source: str = POD_0) -> Done:
    return inv("trace", "--lab", lab.name, "--from", source, *arguments)


def journey(lab: Lab, *arguments: str, source: str = POD_0) -> dict[str, Any]:
    """The JSON of a trace, checked against the schema; the exit status must be the verdict's."""
    done = trace(lab, *arguments, "--json", "-", source=source)
    told: dict[str, Any] = json.loads(done.out)
    SCHEMA.validate(told)
    assert done.status == (0 if told["verdict"] == "delivered" else NOT_DELIVERED), str(done)
    return told


def hops(told: dict[str, Any], direction: str, phase: str = "data") -> list[dict[str, Any]]:
    return [hop for hop in told["hops"] if (hop["phase"], hop["direction"]) == (phase, direction)]


def crossings(told: dict[str, Any], direction: str) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(hop["place"], hop["interface"], hop["way"], (hop["packet"]["outer"] or {}).get("kind", ""))
        for hop in hops(told, direction)
    )


def is_as_designed(lab: Lab, told: dict[str, Any]) -> None:
    """The request and its reply were seen where the design expects them, no more and no less."""
    labmap = LabMap.from_json(lab.map())
    there = hops(told, "request")
    first, last = there[0]["packet"]["dst"], there[-1]["packet"]["dst"]
    expected = Walker(labmap).round_trip(told["request"]["from"], first, last if last != first else "")
    assert crossings(told, "request") == expected.request.crossings
    assert crossings(told, "reply") == expected.reply.crossings


def test_through_the_tunnel_to_the_other_subnet(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "myapp.namespace001", "--via", "pod-3")
    assert (told["verdict"], told["answered_by"], told["lost"]) == ("delivered", "namespace001/pod-3", None)
    assert told["request"] == {"from": POD_0, "to": MYAPP, "port": 80, "protocol": "tcp"}
    assert 0 < told["duration_us"] < 1_000_000
    outer = next(hop["packet"]["outer"] for hop in hops(told, "request") if hop["place"] == "router")
    assert outer == {"kind": "vxlan", "vni": 4096, "src": "10.0.1.10", "dst": "10.0.2.10", "dport": 4789}
    assert {hop["evidence"] for hop in told["hops"]} == {"captured"}
    is_as_designed(two_subnet, told)


def test_the_name_was_asked_of_a_dns_pod_over_the_same_network(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "myapp")
    question, answer = hops(told, "request", "dns"), hops(told, "reply", "dns")
    assert question[0]["packet"]["dst"] == "172.16.0.10", "the ClusterIP of kube-dns"
    assert question[-1]["place"].startswith("kube-system/dns-")
    assert answer[-1]["place"] == POD_0


@pytest.mark.parametrize(
    ("arguments", "answered_by"),
    [
        (("--to", "myapp", "--via", "pod-2"), "namespace001/pod-2"),
        (("--to", "pod-1"), "namespace001/pod-1"),
        (("--to", "pod-3", "--protocol", "udp"), "namespace001/pod-3"),
        (("--to", "pod-3", "--protocol", "udp", "--size", "20000"), "namespace001/pod-3"),
        (("--to", "pod-3", "--protocol", "icmp"), "namespace001/pod-3"),
        (("--to", "node-2", "--protocol", "icmp"), "node-2"),
        (("--to", "www.example.com"), "internet"),
        (("--to", "10.244.0.129:8080", "--size", "100000"), "namespace001/pod-3"),
    ],
    ids=["same subnet", "same node", "udp", "udp in fragments", "icmp", "a node", "outside", "a large answer"],
)
def test_delivered(two_subnet: Lab, arguments: tuple[str, ...], answered_by: str) -> None:
    told = journey(two_subnet, *arguments)
    assert (told["verdict"], told["answered_by"]) == ("delivered", answered_by)
    is_as_designed(two_subnet, told)


def test_a_server_that_speaks_no_http_is_reached_all_the_same(two_subnet: Lab) -> None:
    """The API server speaks TLS, and ends the connection when it is asked in plain words."""
    told = journey(two_subnet, "--to", "kubernetes.default")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "node-0")


def test_a_pod_reaches_itself_through_its_own_service(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "myapp", "--via", "pod-3", source="namespace001/pod-3")
    assert told["answered_by"] == "namespace001/pod-3"
    is_as_designed(two_subnet, told)


@pytest.mark.parametrize("topology", ["two-subnet-bridge", "three-subnet", "single-node"])
def test_in_other_topologies(lab: LabFactory, topology: str) -> None:
    other = lab(topology)
    labmap = LabMap.from_json(other.map())
    service = next(one for one in labmap.services if one.name not in ("kubernetes", "kube-dns") and one.cluster_ip)
    source = next(place.name for place in labmap.of_kind("pod") if place.name.startswith(service.namespace))
    for endpoint in service.ports[0].endpoints:
        if endpoint.ready and endpoint.pod != source:
            told = journey(other, "--to", f"{service.name}.{service.namespace}", "--via", endpoint.pod, source=source)
            assert (told["verdict"], told["answered_by"]) == ("delivered", endpoint.pod)
            is_as_designed(other, told)


def test_the_story_has_all_six_steps_and_the_way_back(two_subnet: Lab) -> None:
    said = trace(two_subnet, "--to", "myapp.namespace001", "--via", "pod-3").ok().splitlines()
    marks = [line.split()[0] for line in said if line[:1] in "123456←" and line]
    assert marks == ["1", "2", "3", "4", "5", "6", "←"]
    assert any("router" in line and "VXLAN 4096" in line for line in said)
    assert said[-1].startswith("delivered: HTTP/1.1 200 OK from namespace001/pod-3")


def test_a_firewall_that_drops_the_tunnel_is_named_as_the_last_place(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.exec_("node-2", "iptables", "-I", *VXLAN_DROPPED).ok()
    told = journey(broken, "--to", "myapp.namespace001", "--via", "pod-3")
    assert told["verdict"] == "lost"
    lost = told["lost"]
    assert (lost["place"], lost["direction"], lost["stage"]) == ("node-2", "request", "firewall")
    assert hops(told, "request")[-1]["place"] == "node-2"
    assert not hops(told, "reply")


def test_a_fault_on_the_way_back_only_is_told_as_such(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.exec_("node-0", "iptables", "-I", *VXLAN_DROPPED).ok()
    told = journey(broken, "--to", "myapp.namespace001", "--via", "pod-3")
    lost = told["lost"]
    assert (told["verdict"], lost["place"], lost["direction"]) == ("lost", "node-0", "reply")
    assert hops(told, "request")[-1]["place"] == "namespace001/pod-3", "the request had arrived"


def test_a_node_that_rejects_is_named_as_the_one_that_refused(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.exec_("node-2", "iptables", "-I", "FORWARD", "1", "-p", "tcp", "-j", "REJECT").ok()
    told = journey(broken, "--to", "myapp.namespace001", "--via", "pod-3")
    assert (told["verdict"], told["lost"]["place"]) == ("refused", "node-2")
    assert told["lost"]["cause"] == "firewall-reject"


def test_a_tunnel_entry_that_is_gone_loses_the_request_where_it_should_be_wrapped(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    entry = next(
        line.split()[0]
        for line in broken.in_("node-0", "bridge fdb show dev vxlan.calico").splitlines()
        if "10.0.2.10" in line
    )
    broken.in_("node-0", f"bridge fdb del {entry} dev vxlan.calico")
    told = journey(broken, "--to", "pod-3")
    assert (told["verdict"], told["lost"]["place"], told["lost"]["stage"]) == ("lost", "node-0", "encapsulate")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_where_nothing_listens_the_pod_refuses(two_subnet: Lab, protocol: str) -> None:
    told = journey(two_subnet, "--to", "pod-3:81", "--protocol", protocol)
    said = (told["verdict"], told["lost"]["place"], told["lost"]["cause"])
    assert said == ("refused", "namespace001/pod-3", "nobody-listens")
    assert told["hops"][-1]["direction"] == "reply", "the refusal came back"


def test_a_name_that_does_not_exist_is_unresolved(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "nobody.namespace001")
    assert (told["verdict"], told["lost"]["phase"], told["lost"]["cause"]) == ("unresolved", "dns", "dns-nxdomain")
    assert not hops(told, "request"), "no request was sent"


def test_a_lost_dns_question_is_told_as_the_questions_loss(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.exec_("node-0", "iptables", "-I", "FORWARD", "1", "-p", "udp", "--dport", "53", "-j", "DROP").ok()
    told = journey(broken, "--to", "myapp")
    assert (told["verdict"], told["lost"]["place"], told["lost"]["phase"]) == ("lost", "node-0", "dns")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "myapp", "--via", "pod-1"), "namespace001/pod-2, namespace001/pod-3"),
        (("--to", "myapp:99999"), "not a port"),
        (("--to", "myapp", "--protocol", "sctp"), "tcp, udp, icmp"),
        (
            (
                "--to",
                "other/pod-0",
            ),
            "no place",
        ),
        (
            (
                "--to",
                "a..b",
            ),
            "not a DNS name",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(two_subnet: Lab, arguments: tuple[str, ...], said: str) -> None:
    assert said in trace(two_subnet, *arguments).refused()


def test_the_client_must_be_a_place_that_is_there(two_subnet: Lab) -> None:
    assert "not a Service" in trace(two_subnet, "--to", "myapp", source="svc/myapp").refused()
    assert "no place" in trace(two_subnet, "--to", "myapp", source="pod-9").refused()


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_all_places_are_in_one_pcapng_file(two_subnet: Lab, tmp_path: Path) -> None:
    file = tmp_path / "journey.pcapng"
    trace(two_subnet, "--to", "myapp", "--via", "pod-3", "--pcap", str(file)).ok()
    argv = ["tshark", "-r", str(file), "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-T", "fields"]
    read = subprocess.run([*argv, "-e", "frame.interface_name"], capture_output=True, text=True, check=True).stdout
    assert {"namespace001/pod-0/eth0", "router/eth0", "router/eth1", "node-2/vxlan.calico"} <= set(read.split())


def test_nothing_of_a_trace_is_left_in_the_lab(lab: LabFactory) -> None:
    traced = lab("two-subnet")
    before = traced.processes()
    trace(traced, "--to", "myapp", "--via", "pod-3").ok()
    until(lambda: traced.processes().keys() <= before.keys(), "the tracer's own process has gone")
    assert traced.plan() == "# no changes"


def test_capture_shows_packets_as_they_pass_and_writes_a_whole_file(two_subnet: Lab, tmp_path: Path) -> None:
    file = tmp_path / "router.pcapng"
    options = ("--filter", "udp port 4789", "--write", str(file), "--lab", two_subnet.name)
    process = start("capture", "router/eth0", *options)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    said = b""

    def seen() -> bool:
        nonlocal said
        journey(two_subnet, "--to", "pod-3")
        said += process.stdout.read() or b"" if process.stdout else b""
        return b"VXLAN, vni 4096" in said

    until(seen, "the capture shows the tunnel's packets")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 0, str(done)
    assert b"router/eth0 In  IP 10.0.1.10." in said
    assert file.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_capture_ends_by_itself_after_so_many_packets(two_subnet: Lab) -> None:
    process = start("capture", "pod-0", "--count", "3", "--lab", two_subnet.name)
    until(lambda: journey(two_subnet, "--to", "pod-1") and process.poll() is not None, "three packets have passed")
    assert len(finish(process).ok().splitlines()) == 3


def test_a_wrong_filter_is_refused_in_tcpdumps_words(two_subnet: Lab) -> None:
    said = inv("capture", "router", "--filter", "udp prot 4789", "--lab", two_subnet.name).refused()
    assert "syntax error" in said


def test_an_interface_that_is_not_there_is_refused(two_subnet: Lab) -> None:
    assert "no interface 'eth9'" in inv("capture", "router/eth9", "--lab", two_subnet.name).refused()
