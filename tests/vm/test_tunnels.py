"""Tunnels that only other kernels have, each with its journey explained, and what is said when a firewall ends it.

The kernel has ipip, gre and sit loaded, so every place has devices that nobody asked for.
"""

from __future__ import annotations

import pytest

from tests.vm.labs import InMachine

FALLBACK = ("tunl0", "gre0", "sit0", "erspan0")


def test_devices_that_nobody_asked_for_are_no_matter(machine: InMachine) -> None:
    machine.up().ok()
    there = machine.exec_("node-0", "ip", "-br", "link").ok()

    assert [name for name in FALLBACK if name in there] == list(FALLBACK), "this kernel was to have them all loaded"
    assert "no changes" in machine.up().ok()
    assert machine.trace("pod-0", "myapp", "--via", "pod-3")["verdict"] == "delivered"


@pytest.mark.parametrize("mode", ["IPIP", "IPIPCrossSubnet"])
def test_ipip_is_delivered_explained_and_lost_by_name(machine: InMachine, mode: str) -> None:
    chosen = ("--set", f"cni.encapsulation={mode}")
    machine.up(*chosen).ok()
    assert "no changes" in machine.up(*chosen).ok(), "what is there is what was asked for"

    journey = machine.trace("pod-0", "myapp", "--via", "pod-3")
    assert journey["verdict"] == "delivered"
    outers = [hop["packet"]["outer"] for hop in journey["hops"] if hop["packet"]["outer"]]
    assert {(each["kind"], each["src"], each["dst"]) for each in outers} == {
        ("ipip", "10.0.1.10", "10.0.2.10"),
        ("ipip", "10.0.2.10", "10.0.1.10"),
    }
    near = machine.trace("pod-0", "myapp", "--via", "pod-2")
    wrapped = any(hop["packet"]["outer"] for hop in near["hops"])
    assert wrapped == (mode == "IPIP"), "to the same subnet it goes unwrapped only where that is so chosen"

    machine.exec_("node-2", "iptables", "-I", "INPUT", "-p", "4", "-j", "DROP").ok()
    lost = machine.trace("pod-0", "myapp", "--via", "pod-3")["lost"]
    assert (lost["place"], lost["stage"], lost["cause"]) == ("node-2", "firewall", "firewall-drop"), lost
    assert "-p ipencap -j DROP" in lost["object"], lost
    machine.exec_("node-2", "iptables", "-D", "INPUT", "-p", "4", "-j", "DROP").ok()
