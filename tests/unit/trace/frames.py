"""IPv4 packets as bytes, and the kernel's two filters run on them as it would run them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from socket import inet_aton

from lab.kernel.netlink.socketfilter import Instruction
from lab.kernel.netlink.transport import NLA_TYPE_MASK, attributes
from lab.trace.witness.filter.match import ICMP, TCP, UDP

NODE, FAR = "10.0.1.10", "10.0.2.10"
SYN, RST, PSH, ACK = 2, 4, 8, 16
ETHERNET, IPIP_DEVICE = 1, 768
_BASES = {1: 0, 2: 20}  # network header, transport header
_NETWORK, _ANCILLARY, _HARDWARE = 0xFFF00000, 0xFFFFF000, 28
_SIZES = {0x20: 4, 0x28: 2, 0x30: 1}


def ipv4(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    return header + inet_aton(src) + inet_aton(dst) + body


def tcp(src: str, sport: int, dst: str, dport: int, flags: int = SYN, seq: int = 1, ack: int = 0) -> bytes:
    return ipv4(src, dst, TCP, struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 0, 0, 0))


def udp(src: str, sport: int, dst: str, dport: int, payload: bytes = b"") -> bytes:
    return ipv4(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def echo(src: str, dst: str, identifier: int, kind: int = 8) -> bytes:
    return ipv4(src, dst, ICMP, struct.pack("!BBHHH", kind, 0, 0, identifier, 1))


def vxlan(inner: bytes, port: int = 4789) -> bytes:
    return udp(NODE, 50000, FAR, port, b"\x08\0\0\0\0\x10\0\0" + bytes(12) + b"\x08\0" + inner)


def ipip(inner: bytes) -> bytes:
    return ipv4(NODE, FAR, 4, inner)


def error(to: str, about: bytes) -> bytes:
    return ipv4(NODE, to, ICMP, bytes([3, 3, 0, 0, 0, 0, 0, 0]) + about[:28])


def met(rule: bytes, packet: bytes) -> bool:
    """Whether a packet meets all that a rule of nftables compares."""
    register = b""
    for name, data in _expressions(rule):
        if name == "payload":
            start = _BASES[_number(data, 2)] + _number(data, 3)
            register = packet[start : start + _number(data, 4)]
            if len(register) < _number(data, 4):
                return False
        elif name == "bitwise":
            mask = bytes(attributes(data[4])[1])
            register = bytes(one & other for one, other in zip(register, mask, strict=True))
        elif name == "cmp":
            equal = register == bytes(attributes(data[3])[1])
            if equal != (_number(data, 2) == 0):
                return False
    return True


def kept(program: Sequence[Instruction], packet: bytes, hardware: int = ETHERNET, protocol: int = 0x0800) -> bool:
    """Whether a program of the classic packet filter keeps a frame with the packet in it."""
    frame = (bytes(12) + protocol.to_bytes(2, "big") if hardware == ETHERNET else b"") + packet
    start = len(frame) - len(packet)
    register, at = 0, 0
    while True:
        code, true, false, operand = program[at]
        at += 1
        if code == 0x06:
            return operand > 0
        if code == 0x05:
            at += operand
        elif code == 0x15:
            at += true if register == operand else false
        elif code == 0x54:
            register &= operand
        elif operand >= _ANCILLARY:
            register = hardware if operand - _ANCILLARY == _HARDWARE else protocol
        else:
            offset = operand - _NETWORK + start if operand >= _NETWORK else operand
            found = frame[offset : offset + _SIZES[code]]
            if len(found) < _SIZES[code]:
                return False
            register = int.from_bytes(found, "big")


def _expressions(rule: bytes) -> Iterator[tuple[str, dict[int, memoryview]]]:
    offset = 0
    while offset < len(rule):
        size, kind = struct.unpack_from("=HH", rule, offset)
        assert kind & NLA_TYPE_MASK == 1
        found = attributes(rule[offset + 4 : offset + size])
        yield bytes(found[1]).rstrip(b"\0").decode(), attributes(found[2])
        offset += (size + 3) & ~3


def _number(data: dict[int, memoryview], kind: int) -> int:
    return int.from_bytes(data[kind], "big")
