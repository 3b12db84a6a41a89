"""The kernel's list of IPVS as it prints it."""

from __future__ import annotations

from lab.trace.explain.queries.ipvs import Real, Virtual, read

LISTED = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  AC100A0A:0050 rr persistent 10800 FFFFFFFF
  -> 0AF40042:1F90      Masq    1      2          0
  -> 0AF40081:1F90      Masq    0      0          1
FWM  00000001 rr
  -> 0AF40042:0035      Masq    1      0          0
UDP  AC10000A:0035 lc
TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 rr
"""


def test_virtual_and_real_servers_are_read() -> None:
    web, dns = read(LISTED.splitlines())

    assert web == Virtual(
        "tcp",
        "172.16.10.10",
        80,
        "rr",
        "persistent 10800 FFFFFFFF",
        (Real("10.244.0.66:8080", "Masq", 1), Real("10.244.0.129:8080", "Masq", 0)),
    )
    assert (dns.title, dns.real) == ("UDP 172.16.0.10:53 lc", ())


def test_a_kernel_without_ipvs_lists_nothing() -> None:
    assert list(read(())) == []
