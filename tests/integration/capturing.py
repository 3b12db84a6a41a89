"""What passes an interface of a lab, as scapy reads it, as it comes.

A packet socket of its own, neither the lab's capture nor tcpdump: that one changes its user, which the kernel refuses
in an ordinary user's lab, whatever -Z says.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.utils import PcapReader

from tests.integration.labs import PYTHON, Lab, until

__all__ = ["VXLAN", "Capture", "capture"]


# Everything that comes and goes on the device named, as a pcap file on standard output.
COPY = """
import socket, struct, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
    s.bind((sys.argv[1], 3))
    out = sys.stdout.buffer
    out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    print("listening", file=sys.stderr, flush=True)
    while True:
        data = s.recv(65535)
        out.write(struct.pack("=IIII", 0, 0, len(data), len(data)) + data)
        out.flush()
"""


class Capture:
    """What has been seen so far on one interface."""

    def __init__(self, process: subprocess.Popen[bytes], where: str) -> None:
        self._process = process
        self._where = where
        self.packets: list[Packet] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for packet in PcapReader(self._process.stdout):  # type: ignore[arg-type]  # any file will do
            self.packets.append(Ether(bytes(packet)))

    def wait_for(self, wanted: Callable[[Packet], bool], what: str) -> Packet:
        """The first packet that is as wanted, once it has come."""

        def found() -> list[Packet]:
            return [packet for packet in tuple(self.packets) if wanted(packet)]

        return until(found, f"{what} is seen on {self._where}")[0]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(20)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def capture(lab: Lab, place: str, device: str) -> Iterator[Capture]:
    """Capture on a device of a place for the block."""
    process = lab.start_exec(place, PYTHON, "-S", "-c", COPY, device)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == b"listening\n", said + process.stderr.read()
    seen = Capture(process, f"{place} {device}")
    try:
        yield seen
    finally:
        seen.stop()
