"""What the files of /proc/net say, as numbers by name."""

from __future__ import annotations

from lab.trace.witness.counters import Counted, _protocols

TEXT = b"""Ip: Forwarding DefaultTTL InReceives InAddrErrors
Ip: 1 64 509 2
TcpExt: SyncookiesSent IPReversePathFilter
TcpExt: 0 3
"""
PROCESSORS = b"""entries  clashres insert_failed drop
00000001  00000000 00000010 00000001
00000001  00000000 00000001 00000002
"""


def test_names_and_values_stand_in_two_lines() -> None:
    told = _protocols({"snmp": TEXT})
    assert (told["Ip.InAddrErrors"], told["TcpExt.IPReversePathFilter"]) == (2, 3)


def test_what_did_not_grow_is_zero() -> None:
    counted = Counted("node-0", {"Ip.InAddrErrors": 2}, {"eth0": {"tx_dropped": 1}})
    assert (counted.grew("Ip.InAddrErrors"), counted.grew("Ip.FragFails")) == (2, 0)
    assert (counted.link("eth0", "tx_dropped"), counted.link("eth1", "tx_dropped")) == (1, 0)


def test_transformations_and_connections_have_their_own_files() -> None:
    told = _protocols(
        {"xfrm_stat": b"XfrmInError             \t0\nXfrmInTmplMismatch      \t2\n", "stat/nf_conntrack": PROCESSORS}
    )
    assert told["Xfrm.InTmplMismatch"] == 2
    assert (told["Conntrack.insert_failed"], told["Conntrack.drop"]) == (17, 3), "of all processors"
