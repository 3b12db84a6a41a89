"""What /proc/net/snmp and netstat say, as numbers by name."""

from __future__ import annotations

from lab.trace.counters import Counted, _protocols

TEXT = b"""Ip: Forwarding DefaultTTL InReceives InAddrErrors
Ip: 1 64 509 2
TcpExt: SyncookiesSent IPReversePathFilter
TcpExt: 0 3
"""


def test_names_and_values_stand_in_two_lines() -> None:
    told = _protocols(TEXT)
    assert (told["Ip.InAddrErrors"], told["TcpExt.IPReversePathFilter"]) == (2, 3)


def test_what_did_not_grow_is_zero() -> None:
    counted = Counted("node-0", {"Ip.InAddrErrors": 2}, {"eth0": {"tx_dropped": 1}})
    assert (counted.grew("Ip.InAddrErrors"), counted.grew("Ip.FragFails")) == (2, 0)
    assert (counted.link("eth0", "tx_dropped"), counted.link("eth1", "tx_dropped")) == (1, 0)
