"""The file that `--pcap` writes is read by tshark and by scapy: places as interface names, nanoseconds, comments."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader

from lab.trace.show.wireshark import record
from lab.trace.witness.observation import Capture
from lab.trace.witness.pcapng import Writer
from tests.unit.trace.recordings import journey

TUNNEL_DEVICE_WITHOUT_ETHERNET = 768


def packets(stream: io.BytesIO) -> list[tuple[bytes, Any]]:
    """What has been written so far, as scapy reads it."""
    reader: Any = RawPcapNgReader
    return list(reader(io.BytesIO(stream.getvalue())))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "journey.pcapng"
    with path.open("wb") as stream:
        record(journey("delivered-vxlan"), stream)
    return path


def test_scapy_reads_every_packet_back(file: Path) -> None:
    assert [data for data, _ in packets(io.BytesIO(file.read_bytes()))] == [
        one.capture.frame for one in journey("delivered-vxlan").seen
    ]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_places_nanoseconds_ways_and_comments(file: Path) -> None:
    fields = ("frame.interface_name", "frame.time_epoch", "frame.packet_flags_direction", "frame.comment")
    argv = ["tshark", "-r", str(file), "-T", "fields", *(word for field in fields for word in ("-e", field))]
    read = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    told = journey("delivered-vxlan")
    assert len(read) == len(told.seen)
    hop = next(hop for hop in told.hops if hop.place == "router")
    place, time, way, comment = next(line.split("\t") for line in read if "step 4, forward" in line)
    assert place == "router/eth0"
    assert time == f"{hop.t_ns / 1e9:.9f}"
    assert way == "0x00000001", "inbound"
    assert comment == f"hop {hop.seq}: data request, step 4, forward"


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_finds_the_inner_packet_of_the_tunnel(file: Path) -> None:
    argv = ["tshark", "-r", str(file), "-Y", 'vxlan.vni == 4096 && frame.interface_name == "router/eth0"']
    read = subprocess.run([*argv, "-T", "fields", "-e", "tcp.dstport"], capture_output=True, text=True, check=True)
    assert "8080" in read.stdout.split()


def test_the_file_is_whole_after_every_packet() -> None:
    stream = io.BytesIO()
    writer = Writer(stream)
    for number in range(3):
        writer.write(Capture("node-0", "eth0", "in", number, b"\0" * (14 + number), 14 + number))
        assert len(packets(stream)) == number + 1


def test_a_device_without_ethernet_has_an_interface_of_its_own_kind() -> None:
    stream = io.BytesIO()
    writer = Writer(stream)
    writer.write(Capture("node-0", "eth0", "in", 1, b"\0" * 14, 14))
    writer.write(Capture("node-0", "tunl0", "out", 2, b"\x45" + b"\0" * 19, 20, TUNNEL_DEVICE_WITHOUT_ETHERNET))
    assert [metadata.linktype for _, metadata in packets(stream)] == [1, 101], "Ethernet, and raw IP"
