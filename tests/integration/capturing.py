"""tcpdump in a place of a lab, and its packets as scapy reads them, as they come."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.utils import PcapReader

from tests.integration.labs import Lab, until

__all__ = ["VXLAN", "Capture", "capture"]


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
        for packet in PcapReader(self._process.stdout):  # type: ignore[no-untyped-call]
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
def capture(lab: Lab, place: str, device: str, only: str) -> Iterator[Capture]:
    """Capture on a device of a place for the block; `only` is a filter as tcpdump takes it."""
    # -Z root: tcpdump changes its user otherwise, and there is only one in an ordinary user's lab.
    options = ("-Z", "root", "-i", device, "-U", "--immediate-mode", "-s", "0", "-w", "-")
    process = lab.start_exec(place, "tcpdump", *options, only)
    assert process.stderr is not None
    said = b""
    while b"listening on" not in said:
        line = process.stderr.readline()
        assert line, f"tcpdump ended: {said.decode()}"
        said += line
    seen = Capture(process, f"{place} {device}")
    try:
        yield seen
    finally:
        seen.stop()
