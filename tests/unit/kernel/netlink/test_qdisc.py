"""Queueing disciplines as the kernel's messages have them: what is written is what is read."""

from __future__ import annotations

import pytest

from lab.kernel.netlink.rtnetlink import qdisc
from lab.kernel.netlink.rtnetlink.tcmsg import HEADER, TCA_KIND, TCA_OPTIONS
from lab.kernel.netlink.transport import attributes
from lab.network.objects import Qdisc
from lab.network.objects.qdisc import fraction, shaped

NETEM = Qdisc(
    *("node-0", "eth0", "netem"),
    delay=20_000_000,
    jitter=5_000_001,
    loss=fraction(1),
    duplicate=fraction(2),
    reorder=fraction(25),
    corrupt=fraction(0.1),
    rate=1_250_000,
    limit=1000,
)


@pytest.mark.parametrize("wanted", [NETEM, Qdisc("node-0", "eth0", "netem", limit=1000)], ids=["all", "nothing"])
def test_a_netem_is_read_as_it_was_written(wanted: Qdisc) -> None:
    body = qdisc.add(wanted, {"eth0": 7}).body
    told = attributes(body, HEADER.size)
    assert bytes(told[TCA_KIND]) == b"netem\0"
    assert HEADER.unpack_from(body)[1] == 7
    assert qdisc._read("node-0", "eth0", "netem", told[TCA_OPTIONS]) == wanted


def test_a_bucket_is_read_as_it_was_written() -> None:
    wanted = shaped("node-0", "eth0", 1_250_000, 1500, "")
    told = attributes(qdisc.add(wanted, {"eth0": 7}).body, HEADER.size)
    assert qdisc._read("node-0", "eth0", "tbf", told[TCA_OPTIONS]) == wanted


def test_a_bucket_holds_a_frame_however_slow_it_is() -> None:
    assert shaped("node-0", "eth0", 125, 1500, "").burst >= 1514
    assert shaped("node-0", "eth0", 125, 9000, "").limit > 9014


def test_of_any_other_its_kind_is_known() -> None:
    assert qdisc._read("node-0", "eth0", "pfifo", memoryview(b"\x05\0\0\0")) == Qdisc("node-0", "eth0", "pfifo")
