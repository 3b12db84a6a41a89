"""Tunnels that only other kernels have, each with its journey explained, and what is said when a firewall ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.labs import Lab

LabFactory = Callable[..., Lab]
FALLBACK = ("tunl0", "gre0", "sit0", "erspan0")


@pytest.mark.parametrize("mode", ["IPIP", "IPIPCrossSubnet"])
def test_ipip_is_delivered_explained_and_lost_by_name(lab: LabFactory, mode: str) -> None:
    one = lab("two-subnet", "--set", f"cni.encapsulation={mode}")
    assert "no changes" in one.up("--set", f"cni.encapsulation={mode}").ok(), "what is there is what was asked for"

    journey = one.trace("pod-0", "myapp", "--via", "pod-3")
    assert journey["verdict"] == "delivered"
    outers = [hop["packet"]["outer"] for hop in journey["hops"] if hop["packet"]["outer"]]
    assert {(each["kind"], each["src"], each["dst"]) for each in outers} == {
        ("ipip", "10.0.1.10", "10.0.2.10"),
        ("ipip", "10.0.2.10", "10.0.1.10"),
    }
    near = one.trace("pod-0", "myapp", "--via", "pod-2")
    wrapped = any(hop["packet"]["outer"] for hop in near["hops"])
    assert wrapped == (mode == "IPIP"), "to the same subnet it goes unwrapped only where that is so chosen"

    one.exec("node-2", "iptables", "-I", "INPUT", "-p", "4", "-j", "DROP").ok()
    lost = one.trace("pod-0", "myapp", "--via", "pod-3")["lost"]
    assert (lost["place"], lost["stage"], lost["cause"]) == ("node-2", "firewall", "firewall-drop"), lost
    assert "-p ipencap -j DROP" in lost["object"], lost


def test_devices_that_nobody_asked_for_are_no_matter(lab: LabFactory) -> None:
    one = lab("two-subnet")
    there = one.exec("node-0", "ip", "-br", "link").ok()

    assert [name for name in FALLBACK if name in there] == list(FALLBACK), "this kernel was to have them all loaded"
    assert "no changes" in one.up().ok()
    assert one.trace("pod-0", "myapp", "--via", "pod-3")["verdict"] == "delivered"
