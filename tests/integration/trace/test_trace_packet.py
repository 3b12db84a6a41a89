"""A packet that a person wrote in scapy's words, sent and followed by the same witnesses as any request.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
10.244.0.2         10.244.0.66                      10.244.0.129
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.utils import PcapNgReader

from lab.map.labmap import LabMap
from lab.running.lab import RunningLab
from tests.integration.conftest import LabFactory
from tests.integration.labs import Done, Lab, inv, until
from tests.integration.trace.test_trace import NOT_DELIVERED, POD_0, SCHEMA, hops, is_as_designed

SYN = 'IP(dst="10.244.0.129")/TCP(dport=8080, flags="S")'
TUNNELLED = 'IP(dst="10.0.2.10")/UDP(dport=4789)/VXLAN({})/Ether()/IP(dst="10.244.0.129")/ICMP()/"by hand"'
VXLAN_DROPPED = ("INPUT", "1", "-p", "udp", "--dport", "4789", "-j", "DROP")


def trace(lab: Lab, packet: str, *options: str, source: str = POD_0) -> Done:
    return inv("trace", "--lab", lab.name, "--from", source, "--packet", packet, *options)


def journey(lab: Lab, packet: str, *options: str, source: str = POD_0) -> dict[str, Any]:
    """The JSON, checked against the schema; the exit status must be the verdict's."""
    done = trace(lab, packet, "--json", "-", *options, source=source)
    assert done.out, str(done)
    told: dict[str, Any] = json.loads(done.out)
    SCHEMA.validate(told)
    assert told["request"]["packet"] == packet
    assert done.status == (0 if told["verdict"] == "delivered" else NOT_DELIVERED), str(done)
    return told


def places(told: dict[str, Any], direction: str = "request") -> list[str]:
    return list(dict.fromkeys(hop["place"] for hop in hops(told, direction)))


def decisions(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for hop in told["hops"] for one in hop["decisions"] if one["kind"] == kind]


def test_a_syn_to_a_pod_goes_the_way_of_any_request(two_subnet: Lab) -> None:
    told = journey(two_subnet, SYN)
    assert (told["verdict"], told["answered_by"]) == ("delivered", "namespace001/pod-3")
    assert (told["request"]["protocol"], told["request"]["port"]) == ("tcp", 8080)
    is_as_designed(two_subnet, told)
    assert all(hop["evidence"] == "captured" for hop in told["hops"])
    assert any("cali-INPUT" in one["text"] and one["evidence"] == "kernel" for one in decisions(told, "rule"))
    assert any("10.244.0.128/26" in one["text"] for one in decisions(told, "route"))


@pytest.mark.parametrize("source", [POD_0, "node-0"])
def test_a_syn_to_a_services_address_is_translated(two_subnet: Lab, source: str) -> None:
    told = journey(
        two_subnet, 'IP(dst="172.16.10.10")/TCP(dport=80, flags="S")', "--via", "namespace001/pod-3", source=source
    )
    assert (told["verdict"], told["answered_by"]) == ("delivered", "namespace001/pod-3")
    assert [one["name"] for one in told["endpoints"] if one["chosen"]] == ["namespace001/pod-3"]
    assert any("--to-destination 10.244.0.129:8080" in one["text"] for one in decisions(told, "nat"))


@pytest.mark.parametrize(
    ("packet", "protocol", "answer"),
    [
        ('IP(dst="10.244.0.129")/UDP(dport=8080)/b"hello"', "udp", " bytes from namespace001/pod-3"),
        ('IP(dst="10.244.0.129")/ICMP()/"hello"', "icmp", "5 bytes from namespace001/pod-3"),
        ('Ether()/IP(dst="10.244.0.129", id=7, chksum=0x6e10)/ICMP()', "icmp", ""),
        (
            'IP(dst="172.16.0.10")/UDP(dport=53)/DNS(rd=1, qd=DNSQR(qname="myapp.namespace001.svc.cluster.local"))',
            "udp",
            "NOERROR, 172.16.10.10 from kube-system/dns-",
        ),
    ],
)
def test_datagrams_echoes_and_questions_are_answered(two_subnet: Lab, packet: str, protocol: str, answer: str) -> None:
    if "chksum" in packet:  # a checksum that is as it is written is wrong here: the first node throws it away
        told = journey(two_subnet, packet)
        assert (told["verdict"], places(told)) == ("lost", [POD_0, "node-0"])
        assert "InHdrErrors" in told["lost"]["why"] or "InCsumErrors" in told["lost"]["why"], told["lost"]
        return
    done = trace(two_subnet, packet)
    assert f"delivered: {answer}" in done.ok() or answer in done.ok(), str(done)
    told = journey(two_subnet, packet)
    assert told["request"]["protocol"] == protocol
    assert hops(told, "request")[-1]["place"] == told["answered_by"]


@pytest.mark.parametrize("packet", ['IP(dst="203.0.113.80")/ICMP()', 'IP(dst="203.0.113.80")/UDP(dport=9)'])
def test_what_carries_nothing_is_known_again_behind_a_nat(two_subnet: Lab, packet: str) -> None:
    """node-0 and the gateway rewrite its source, and may rewrite its port or identifier."""
    told = journey(two_subnet, packet)
    assert places(told) == [POD_0, "node-0", "router", "gateway", "internet"]
    assert places(told, "reply") == ["internet", "gateway", "router", "node-0", POD_0]
    assert told["answered_by"] == "internet" or told["lost"]["place"] == "internet", told


def test_a_vxlan_packet_made_by_hand_is_taken_in_by_the_other_node(two_subnet: Lab) -> None:
    told = journey(two_subnet, TUNNELLED.format(""), source="node-0")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "namespace001/pod-3")
    first = hops(told, "request")[0]
    assert (first["place"], first["interface"], first["packet"]["outer"]["vni"]) == ("node-0", "eth0", 4096)
    assert (first["packet"]["src"], first["packet"]["outer"]["src"]) == ("10.244.0.0", "10.0.1.10")
    assert places(told) == ["node-0", "router", "node-2", "namespace001/pod-3"]
    assert "decapsulate" in [hop["stage"] for hop in told["hops"]]
    assert places(told, "reply")[-1] == "node-0"


@pytest.mark.parametrize(
    ("packet", "source", "ending", "why"),
    [
        ('IP(dst="10.244.0.129", proto=253)/b"x"', POD_0, ("refused", "namespace001/pod-3"), "takes IP protocol 253"),
        ('IP(dst="10.244.0.129")', POD_0, ("refused", "namespace001/pod-3"), "takes IP protocol 0"),
        ('IP(dst="10.244.0.129")/UDP(dport=9999)', POD_0, ("refused", "namespace001/pod-3"), "Nothing listens on udp"),
        ('IP(dst="10.244.0.129")/TCP(dport=8080, flags="A")', POD_0, ("refused", "namespace001/pod-3"), "TCP reset"),
        ('IP(dst="10.244.0.129")/"x"', POD_0, ("refused", "namespace001/pod-3"), "takes IP protocol 0"),
        ('IP(dst="10.244.0.129", ttl=2)/ICMP()', POD_0, ("refused", "node-2"), "sent with 2 hops to live"),
        ('IP(dst="10.244.0.200")/TCP(dport=80, flags="S")', POD_0, ("lost", "gateway"), "No pod, node or Service has"),
        ('IP(dst="10.244.0.129")/ICMP(type="echo-reply")', POD_0, ("lost", "node-0"), "belongs to no connection"),
        (TUNNELLED.format("vni=999"), "node-0", ("lost", "node-2"), "No device of node-2 has VXLAN number 999"),
        (
            'IP(dst="10.244.0.129")/UDP()/"' + "x" * 2000 + '"',
            POD_0,
            ("lost", POD_0),
            "eth0 of namespace001/pod-0, which",
        ),
        (
            'IP(dst="10.244.0.129", flags="MF")/UDP()/"' + "x" * 24 + '"',
            POD_0,
            ("lost", "node-0"),
            "a piece of a datagram",
        ),
        ('ARP(pdst="10.0.1.99")', "node-0", ("lost", "node-0"), "No node has 10.0.1.99"),
        ('IP(dst="10.244.0.129")/ICMP()', "internet", ("lost", "internet"), ""),
    ],
)
def test_what_no_place_accepts_ends_somewhere_for_a_reason(
    two_subnet: Lab, packet: str, source: str, ending: tuple[str, str], why: str
) -> None:
    told = journey(two_subnet, packet, source=source)
    lost = told["lost"]
    assert (told["verdict"], lost["place"]) == ending, lost
    assert why in lost["why"], lost
    assert lost["cause"] != "unknown", lost


def test_an_icmp_error_is_followed_as_well(two_subnet: Lab) -> None:
    quoted = 'IP(src="10.244.0.129", dst="10.244.0.2")/UDP(sport=8080, dport=7)'
    told = journey(two_subnet, f'IP(dst="10.244.0.129")/ICMP(type="dest-unreach", code=3)/{quoted}')
    assert (told["verdict"], places(told)[:2]) == ("lost", [POD_0, "node-0"])
    assert "belongs to no connection" in told["lost"]["why"], told["lost"]


def test_a_tunnel_with_nothing_in_it_is_followed_as_well(two_subnet: Lab) -> None:
    told = journey(two_subnet, 'IP(dst="10.244.0.129", proto=4)/b"x"')
    assert (told["request"]["protocol"], places(told)[:2]) == ("ipip", [POD_0, "node-0"])


def test_sctp_is_followed_as_well(two_subnet: Lab) -> None:
    """Whether the kernel takes it is the machine's: one without its module says that it does not."""
    told = journey(two_subnet, 'IP(dst="10.244.0.129")/SCTP(dport=9)/SCTPChunkInit(init_tag=1)')
    assert hops(told, "request")[-1]["place"] == "namespace001/pod-3"
    assert {hop["packet"]["protocol"] for hop in hops(told, "request")} == {"sctp"}
    assert hops(told, "reply")[-1]["place"] == POD_0


def test_who_has_an_address_is_asked_and_answered_by_arp(two_subnet: Lab) -> None:
    told = journey(two_subnet, 'ARP(pdst="10.0.1.11")', source="node-0")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "node-1")
    assert {hop["packet"]["protocol"] for hop in told["hops"]} == {"arp"}
    owner = LabMap.from_json(two_subnet.map()).by_name["node-1"].link("eth0")
    assert owner is not None
    assert f"it is at {owner.mac}" in trace(two_subnet, 'ARP(pdst="10.0.1.11")', source="node-0").ok()


def test_what_drops_it_is_named_and_mended(lab: LabFactory) -> None:
    one = lab("two-subnet")
    one.in_("node-2", f"iptables -I {' '.join(VXLAN_DROPPED)}")
    told = journey(one, SYN)
    lost = told["lost"]
    assert (told["verdict"], lost["place"], lost["cause"]) == ("lost", "node-2", "firewall-drop")
    assert lost["fix"][0]["command"] == "iptables -D INPUT -p udp -m udp --dport 4789 -j DROP"
    assert "mended: delivered by namespace001/pod-3" in trace(one, SYN, "--fix").ok()


def test_all_renderings_have_it(two_subnet: Lab, tmp_path: Path) -> None:
    page, packets = tmp_path / "page.html", tmp_path / "packets.pcapng"
    written = 'IP(dst="10.244.0.129")/TCP(sport=40123, dport=8080, flags="S")/"<b>&"'
    done = trace(two_subnet, written, "--verbose", "--html", str(page), "--pcap", str(packets))
    said = done.ok()
    assert f"{POD_0} sends {written}, lab {two_subnet.name}" in " ".join(said.split())
    assert "rule:" in said and "Every packet that was captured" in said
    assert "&lt;b&gt;&amp;" in page.read_text(encoding="utf-8")
    read = [packet for packet in PcapNgReader(str(packets)) if TCP in packet]
    assert any(packet[TCP].sport == 40123 and packet[TCP].flags == "S" for packet in read)
    lines = trace(two_subnet, written, "--minimal").ok().splitlines()
    assert lines[-1] == "verdict delivered namespace001/pod-3"


def test_a_wrong_packet_is_refused_where_the_mistake_is_and_nothing_is_sent(two_subnet: Lab) -> None:
    said = trace(two_subnet, 'IP(dst="10.244.0.129")/TCP(dprt=8080)').refused()
    assert "--packet:1:28: TCP has no field 'dprt'" in said
    assert "did you mean 'dport'?" in said
    said = trace(two_subnet, "__import__('os').system('touch /tmp/hoplab-evaluated')").refused()
    assert "--packet:1:17: unexpected '.'" in said
    assert not Path("/tmp/hoplab-evaluated").exists()
    assert "--packet:1:1: unknown layer '\\x1b" not in trace(two_subnet, "\x1b[31mIP()").refused()
    assert "\x1b" not in trace(two_subnet, "\x1b[31mIP()").refused()


@pytest.mark.parametrize("option", ["--to=pod-3", "--protocol=udp", "--size=10", "--follow"])
def test_what_the_packet_says_itself_is_not_said_twice(two_subnet: Lab, option: str) -> None:
    assert "--" in trace(two_subnet, SYN, option).refused()


def test_many_of_one_packet_are_told_in_figures(two_subnet: Lab) -> None:
    assert "namespace001/pod-3" in trace(two_subnet, 'IP(dst="10.244.0.129")/ICMP()', "--count", "3").ok()


def test_nothing_is_left_of_it(lab: LabFactory) -> None:
    one = lab("two-subnet")
    before = one.processes()
    trace(one, SYN).ok()
    trace(one, 'ARP(pdst="169.254.1.1")').ok()
    until(lambda: one.processes().keys() <= before.keys(), "its processes have ended")
    for place in (POD_0, "node-0", "node-2"):
        assert "hoplab" not in one.in_(place, "nft list tables")
    assert one.plan() == "# no changes"


def test_programs_have_it_too(two_subnet: Lab) -> None:
    told = RunningLab(two_subnet.name).trace_packet(POD_0, 'IP(dst="10.244.0.129")/ICMP(id=77)')
    assert (told.verdict, told.answered_by) == ("delivered", "namespace001/pod-3")
    captured = [one for one in told.seen if one.capture.place == "namespace001/pod-3"]
    assert captured[0].packet.sport == 77
    answer = RunningLab(two_subnet.name).place("pod-0").scapy.sr1(IP(dst="10.244.0.129") / ICMP(id=78))
    assert answer is not None


@pytest.mark.parametrize(
    "options",
    [("two-subnet-bridge",), ("two-subnet", "--set", "cni.plugin=flannel", "--set", "cni.encapsulation=VXLAN")],
)
def test_in_other_topologies(lab: LabFactory, options: tuple[str, ...]) -> None:
    one = lab(*options)
    labmap = LabMap.from_json(one.map())
    pods = [place for place in labmap.of_kind("pod") if not place.name.startswith("kube-system/")]
    source, target = pods[0], next(pod for pod in pods if pod.node != pods[0].node)
    told = journey(one, f'IP(dst="{target.address}")/ICMP()', source=source.name)
    assert (told["verdict"], told["answered_by"]) == ("delivered", target.name)
    is_as_designed(one, told)
