"""SCTP through Services. Few kernels have its sockets, but rules and conntrack know it: one real packet is enough.

client (node-0) ──INIT──► 172.16.30.11:80 or a node's port 30091 ──► far (node-1), port 8080
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kernel.host.packages import find
from tests.integration.labs import Lab, finish, standing
from tests.integration.service_kinds import NODE_0, PODS, SERVICES, TOPOLOGY, TUNNEL_0

PORT = 8080
MODES = [
    "iptables",
    pytest.param("nftables", marks=pytest.mark.skipif(not find("nft"), reason="this machine has no nft")),
]

# An INIT chunk: type 1, 20 bytes; tag, window, streams out and in, first sequence number. Checksum: CRC-32C.
SEND = """
import socket, struct, sys
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
host, port, own = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65535, 1, 1, 1)
head = struct.pack("!HHI", own, port, 0)
packet = head + struct.pack("<I", crc32c(head + b"\\0\\0\\0\\0" + chunk)) + chunk
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as s:
    s.settimeout(float(sys.argv[4]))
    s.connect((host, 0))
    s.send(packet)
    try:
        s.recv(1)
    except OSError as error:
        print(type(error).__name__)
"""
# Who sent the first INIT for the port.
RECEIVE = """
import socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as s:
    s.settimeout(15)
    print("listening", flush=True)
    while True:
        data, (client, _) = s.recvfrom(65535)
        at = (data[0] & 15) * 4
        if struct.unpack_from("!H", data, at + 2)[0] == int(sys.argv[1]) and data[at + 12] == 1:
            print(client, flush=True)
            break
"""


@pytest.fixture(scope="module", params=MODES)
def streams(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path: Path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(TOPOLOGY + PODS + SERVICES, encoding="utf-8")
    with standing(str(path), "--set", f"services.proxy={request.param}") as one:
        yield one


def send(lab: Lab, place: str, host: str, port: int, own: int, seconds: float) -> str:
    """What came of an INIT from the port `own`, within the time: "" for some answer, or the error's name."""
    return lab.exec_(place, "python3", "-S", "-c", SEND, host, str(port), str(own), str(seconds)).ok().strip()


@pytest.mark.parametrize(
    ("place", "host", "port", "seen"),
    [
        ("client", "172.16.30.11", 80, "10.244.0.2"),
        ("node-0", "172.16.30.11", 80, TUNNEL_0),
        ("client", NODE_0, 30091, TUNNEL_0),
        ("router", NODE_0, 30091, TUNNEL_0),
    ],
    ids=["a pod keeps its address", "a node is masqueraded", "node port, from a pod", "node port, from outside"],
)
def test_the_packet_reaches_the_endpoint(streams: Lab, place: str, host: str, port: int, seen: str) -> None:
    receiver = streams.start_exec("far", "python3", "-S", "-u", "-c", RECEIVE, str(PORT))
    assert receiver.stdout is not None
    assert receiver.stdout.readline() == b"listening\n"
    send(streams, place, host, port, 40000 + port % 1000, 0.1)
    assert finish(receiver).ok().strip() == seen


@pytest.mark.parametrize(("place", "host", "port"), [("client", "172.16.30.7", 80), ("router", NODE_0, 30087)])
def test_without_endpoints_it_is_refused(streams: Lab, place: str, host: str, port: int) -> None:
    assert send(streams, place, host, port, 41000, 5) == "ConnectionRefusedError"
