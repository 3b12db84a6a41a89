"""A pod's own connections, told from its packets: when they begin, and what became of them."""

from __future__ import annotations

from dataclasses import replace

from lab.map.place import Link, Place
from lab.trace.ask.exchange import ANSWERED, REFUSED, SILENT, UNREACHABLE
from lab.trace.ask.question import RESPONSE, ask
from lab.trace.follow.own_connections import SECONDS, Flows
from lab.trace.witness.filter.sample import sample
from lab.trace.witness.observation import Capture, Observation
from lab.trace.witness.packet import ACK, ECHO_REPLY, ECHO_REQUEST, PSH, RST, SYN, Packet

POD, PEER, DNS = "10.244.0.2", "10.244.0.129", "172.16.0.10"
SOURCE = Place("namespace001/pod-0", "pod", links=(Link("eth0", "veth", addresses=(f"{POD}/32",)),))
OUT = Packet("tcp", POD, 40000, PEER, 8080, seq=100, flags=SYN)
BACK = Packet("tcp", PEER, 8080, POD, 40000, seq=900, ack=101, flags=SYN | ACK)
LATE = int((SECONDS + 0.1) * 1e9)


def seen(*packets: Packet, t_ns: int = 1, place: str = SOURCE.name) -> list[Observation]:
    """What the pod sent goes out of it, all else comes in."""
    return [
        Observation(Capture(place, "eth0", "out" if packet.src == POD else "in", t_ns), packet) for packet in packets
    ]


def outcome(*packets: Packet) -> tuple[str, str]:
    flows = Flows(SOURCE)
    (flow,) = flows.take(seen(*packets))
    return flow.outcome


def test_a_connection_ends_with_the_first_of_its_answer() -> None:
    flows = Flows(SOURCE)
    (flow,) = flows.take(seen(OUT))
    assert flow.key == ("tcp", 40000, PEER, 8080)
    flows.take(seen(BACK, replace(OUT, seq=101, ack=901, flags=PSH | ACK, payload=b"GET /")))
    assert flows.ended(2) == [], "the server has not said anything yet"
    flows.take(seen(replace(BACK, seq=901, ack=106, flags=PSH | ACK, payload=b"HTTP/1.1 200 OK\r\nServer: x")))
    assert flows.ended(2) == [flow]
    assert flow.outcome == (ANSWERED, "HTTP/1.1 200 OK")
    flows.told(flow)
    assert (flows.ended(LATE), flows.oldest_ns) == ([], 0)


def test_another_address_of_the_pod_is_the_pods_own_and_what_stays_on_lo_is_not_told() -> None:
    flows = Flows(SOURCE)
    other = Observation(Capture(SOURCE.name, "eth0", "out", 1), replace(OUT, src="10.99.0.1"))
    (flow,) = flows.take([other])
    assert flow.exchange().address == "10.99.0.1"
    assert flows.take([Observation(Capture(SOURCE.name, "lo", "out", 2), replace(OUT, sport=40001, dst=POD))]) == []


def test_what_nobody_answers_ends_after_a_while() -> None:
    flows = Flows(SOURCE)
    (flow,) = flows.take(seen(OUT))
    assert flows.take(seen(OUT, t_ns=int(1e9))) == [], "the SYN sent again is the same connection"
    assert (flows.ended(int(1e9)), flows.ended(LATE)) == ([], [flow])
    assert flow.outcome == (SILENT, "no answer")


def test_the_same_port_again_is_another_connection() -> None:
    flows = Flows(SOURCE)
    assert len(flows.take(seen(OUT, replace(OUT, seq=5000)))) == 2


def test_a_connection_that_only_stays_open_is_no_loss() -> None:
    assert outcome(OUT, BACK) == (ANSWERED, "an open connection")


def test_a_request_that_is_never_acknowledged_is_one() -> None:
    assert outcome(OUT, BACK, replace(OUT, seq=101, flags=PSH | ACK, payload=b"large"))[0] == SILENT


def test_refusals() -> None:
    assert outcome(OUT, replace(BACK, flags=RST | ACK)) == (REFUSED, "connection refused")
    port = Packet("icmp", PEER, 0, POD, 0, icmp_type=3, icmp_code=3, cause=OUT)
    assert outcome(OUT, port) == (REFUSED, "port unreachable")
    assert outcome(OUT, replace(port, icmp_code=1)) == (UNREACHABLE, "host unreachable")
    assert outcome(OUT, replace(port, icmp_code=4))[0] == SILENT, "told to send smaller ones, a client goes on"


def test_what_others_begin_is_not_the_pods() -> None:
    flows = Flows(SOURCE)
    asked = Packet("udp", PEER, 50000, POD, 8080, payload=b"?")
    told = Packet("udp", POD, 8080, PEER, 50000, payload=b"!")
    assert flows.take(seen(asked, told)) == []
    assert flows.take(seen(replace(BACK, flags=SYN), replace(OUT, flags=SYN | ACK))) == []
    assert flows.take(seen(OUT, place="node-0")) == [], "seen elsewhere"


def test_an_echo_is_known_by_its_identifier() -> None:
    echo = Packet("icmp", POD, 77, PEER, 77, icmp_type=ECHO_REQUEST, payload=b"12345678")
    flows = Flows(SOURCE)
    (flow,) = flows.take(seen(echo, replace(echo, seq=2)))
    flows.take(seen(replace(echo, src=PEER, dst=POD, icmp_type=ECHO_REPLY)))
    assert flow.outcome == (ANSWERED, "8 bytes")
    assert flow.exchange().dport == 0


def answer(message: bytes, address: bytes = b"") -> bytes:
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4" + address if address else b""
    flags = RESPONSE.to_bytes(2, "big")
    return message[:2] + flags + message[4:6] + bytes([0, bool(address)]) + message[8:] + record


def test_a_question_to_dns_gives_the_address_its_name() -> None:
    message = ask(1, "myapp.namespace001")
    there = Packet("udp", POD, 41000, DNS, 53, payload=message)
    back = Packet("udp", DNS, 53, POD, 41000)
    flows = Flows(SOURCE)
    (flow,) = flows.take(seen(there))
    assert flow.resolution is not None
    assert (flow.resolution.name, flow.resolution.status) == ("myapp.namespace001", "no answer")
    flows.take(seen(replace(back, payload=answer(message))))
    assert not flow.has_ended, "that there is no IPv6 address says nothing of the others"
    flows.take(seen(replace(back, payload=answer(message, bytes((172, 16, 10, 10))))))
    assert flow.has_ended
    assert flow.resolution.addresses == ("172.16.10.10",)
    assert flows.names["172.16.10.10"].name == "myapp.namespace001"


def test_ports_are_forgotten_after_a_minute() -> None:
    flows = Flows(SOURCE)
    there = Packet("udp", POD, 41000, PEER, 514, payload=b"log")
    (flow,) = flows.take(seen(there))
    assert flows.owner(replace(there, src=PEER, sport=514, dst=POD, dport=41000)) is flow
    flows.told(flow)
    flows.forget(int(30e9))
    assert flows.take(seen(there, t_ns=int(30e9))) == []
    flows.forget(int(100e9))
    assert flows.owner(there) is None
    assert len(flows.take(seen(there, t_ns=int(100e9)))) == 1


def test_of_a_sample_only_its_connections_begin_and_those_that_were_seen_from_their_beginning() -> None:
    flows = Flows(SOURCE)
    flows.sample = sample(64, 7)
    mine, other = replace(OUT, seq=7 << 20), replace(OUT, sport=40002, seq=8 << 20)
    (flow,) = flows.take(seen(mine, other))
    assert (flow.key[1], flow.outcome) == (40000, (SILENT, "no answer"))
    flows.begin_again(since_ns=100)
    assert (flows.ended(LATE), flows.oldest_ns) == ([], 0), "of the larger sample, all was not seen"
    assert flows.take(seen(replace(mine, sport=40004), t_ns=99)) == []
    assert len(flows.take(seen(replace(mine, sport=40006), t_ns=100))) == 1


def test_of_a_sample_datagrams_begin_by_their_port() -> None:
    flows = Flows(SOURCE)
    flows.sample = sample(64, 7)
    datagrams = [Packet("udp", POD, sport, PEER, 514, payload=b"<13>hello") for sport in range(40000, 40128, 2)]
    assert [flow.key[1] for flow in flows.take(seen(*datagrams))] == [40078]
