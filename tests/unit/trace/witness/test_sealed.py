"""Which of WireGuard's messages carries which packet, told by order, size and number."""

from __future__ import annotations

import struct

from lab.map.labmap import LabMap
from lab.trace.witness.observation import Capture, Observation, observed
from lab.trace.witness.sealed import BEGUN, SPEAKING, WAITING, speech
from tests.unit.map.test_path import address, mapped
from tests.unit.trace.frames import echo, ipv4, tcp, udp

LAB = mapped("two-subnet", "cni.wireguardEnabled=true")
PORT = 51820
NODE, NEAR, FAR = "10.0.1.10", "10.0.1.11", "10.0.2.10"
POD, POD_NEAR, POD_FAR = (address(LAB, pod) for pod in ("pod-0", "pod-2", "pod-3"))
BARE, ETHERNET = 65534, 1
ME, OTHER = b"\1\0\0\0", b"\2\0\0\0"


def data(length: int, counter: int, index: bytes = ME, to: str = FAR) -> bytes:
    """A message that carries a packet of that length."""
    padded = (length + 15) // 16 * 16
    return udp(NODE, PORT, to, PORT, b"\4\0\0\0" + index + struct.pack("<Q", counter) + bytes(padded + 16))


def initiation(index: bytes = ME, to: str = FAR) -> bytes:
    return udp(NODE, PORT, to, PORT, b"\1\0\0\0" + index + bytes(140))


def seen(*captures: tuple[str, str, str, bytes], labmap: LabMap = LAB) -> list[Observation]:
    """What is made of packets captured one after the other: place, interface, way, packet."""
    return observed(
        [
            Capture(place, interface, way, moment, _frame(interface, packet), 0, _hardware(interface))
            for moment, (place, interface, way, packet) in enumerate(captures)
        ],
        labmap,
    )


def _hardware(interface: str) -> int:
    return BARE if interface == "wireguard.cali" else ETHERNET


def _frame(interface: str, packet: bytes) -> bytes:
    return packet if interface == "wireguard.cali" else bytes(12) + b"\x08\0" + packet


def into(packet: bytes, node: str = "node-0") -> tuple[str, str, str, bytes]:
    return node, "wireguard.cali", "out", packet


def out(packet: bytes, node: str = "node-0") -> tuple[str, str, str, bytes]:
    return node, "eth0", "out", packet


def carried(one: Observation) -> str:
    """`tcp 40000 in wireguard`: what is known of the packet, and what is around it."""
    packet = one.packet
    return f"{packet.protocol} {packet.sport}{f' in {packet.outer.kind}' if packet.outer else ''}"


SYN = tcp(POD, 40000, POD_FAR, 8080)


def test_the_next_message_of_the_right_size_carries_it_wherever_it_passes() -> None:
    message = data(len(SYN), 7)
    found = seen(
        into(SYN),
        out(message),
        ("router", "eth0", "in", message),
        ("router", "eth1", "out", message),
        ("node-2", "eth0", "in", message),
        ("node-2", "wireguard.cali", "in", SYN),
    )
    assert [carried(one) for one in found] == ["tcp 40000", *["tcp 40000 in wireguard"] * 4, "tcp 40000"]
    outer = found[1].packet.outer
    assert outer is not None
    assert (outer.src, outer.dst, outer.dport, outer.length) == (NODE, FAR, PORT, 28 + 32 + 48)
    assert not outer.handshake


def test_what_others_send_meanwhile_is_theirs() -> None:
    small, large = echo(POD, POD_FAR, 9), udp(POD, 41000, POD_FAR, 53, bytes(300))
    found = seen(into(large), into(small), out(data(len(large), 1)), out(data(len(small), 2)))
    assert [carried(one) for one in found[2:]] == ["udp 41000 in wireguard", "icmp 9 in wireguard"]


def test_each_peer_has_its_own_order() -> None:
    near = tcp(POD, 42000, POD_NEAR, 8080)
    found = seen(into(near), into(SYN), out(data(len(SYN), 1)), out(data(len(near), 1, OTHER, NEAR)))
    assert [carried(one) for one in found[2:]] == ["tcp 40000 in wireguard", "tcp 42000 in wireguard"]


def test_keepalives_carry_nothing_and_unknown_messages_stay_what_they_are() -> None:
    keepalive = udp(NODE, PORT, FAR, PORT, b"\4\0\0\0" + ME + bytes(8) + bytes(16))
    found = seen(into(SYN), out(keepalive), out(data(900, 3)), out(data(len(SYN), 4)))
    assert [carried(one) for one in found[1:]] == [f"udp {PORT}", f"udp {PORT}", "tcp 40000 in wireguard"]


def test_what_is_larger_than_the_device_takes_goes_in_several() -> None:
    """TCP's segmentation is left to the device: it is seen there as one packet."""
    whole = ipv4(POD, POD_FAR, 6, struct.pack("!HHIIBBHHH", 43000, 8080, 1, 1, 0x50, 24, 0, 0, 0) + bytes(4000))
    found = seen(into(whole), out(data(1440, 1)), out(data(1440, 2)))
    assert [carried(one) for one in found] == ["tcp 43000", "tcp 43000 in wireguard", f"udp {PORT}"]


def test_while_nobody_answers_the_handshake_stands_for_what_waits_for_it() -> None:
    begun = initiation()
    found = seen(into(SYN), out(begun), ("node-2", "eth0", "in", begun))
    assert [carried(one) for one in found] == ["tcp 40000", *["tcp 40000 in wireguard"] * 2]
    assert all(one.packet.outer is not None and one.packet.outer.handshake for one in found[1:])

    early = initiation(OTHER)
    other = tcp(POD, 39999, POD_FAR, 8080)
    given_up = seen(into(other), out(early), into(SYN), out(begun))
    assert [carried(one) for one in given_up[1:]] == [f"udp {PORT}", "tcp 40000", "tcp 40000 in wireguard"]
    assert speech(given_up[:3], LAB) == WAITING, "who was asked for before is not the one that waits now"
    again = seen(into(SYN), out(begun), into(SYN))
    assert carried(again[1]) == "tcp 40000 in wireguard", "the same packet, sent once more"

    answered = seen(into(SYN), out(begun), out(data(len(SYN), 0)))
    assert [carried(one) for one in answered] == ["tcp 40000", f"udp {PORT}", "tcp 40000 in wireguard"]


def test_how_far_the_nodes_have_come_is_told_by_the_last_of_them() -> None:
    assert speech(seen(into(SYN)), LAB) == WAITING
    assert speech(seen(into(SYN), out(initiation(OTHER, NEAR))), LAB) == WAITING, "that is for another node"
    assert speech(seen(into(SYN), out(initiation())), LAB) == BEGUN
    assert speech(seen(into(SYN), out(initiation()), out(data(len(SYN), 0))), LAB) == SPEAKING
    assert speech(seen(("node-0", "eth0", "out", SYN)), LAB) == ""


def test_a_lab_without_such_devices_is_left_as_it_is() -> None:
    plain = mapped("two-subnet")
    found = seen(out(data(len(SYN), 1)), labmap=plain)
    assert [carried(one) for one in found] == [f"udp {PORT}"]
