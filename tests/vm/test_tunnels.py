"""Tunnels that only other kernels have, each with its journey explained, and what is said when a firewall ends it.

The kernel has ipip, gre and sit loaded, so every place has devices that nobody asked for.
"""

from __future__ import annotations

import json

import pytest

from tests.integration.labs import inv
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
    outers = [hop["packet"]["outer"] for hop in journey["hops"] if hop["phase"] == "data" and hop["packet"]["outer"]]
    assert {(each["kind"], each["src"], each["dst"]) for each in outers} == {
        ("ipip", "10.0.1.10", "10.0.2.10"),
        ("ipip", "10.0.2.10", "10.0.1.10"),
    }
    near = machine.trace("pod-0", "myapp", "--via", "pod-2")
    wrapped = any(hop["packet"]["outer"] for hop in near["hops"] if hop["phase"] == "data")
    assert wrapped == (mode == "IPIP"), "to the same subnet it goes unwrapped only where that is so chosen"

    machine.exec_("node-2", "iptables", "-I", "INPUT", "-p", "4", "-j", "DROP").ok()
    lost = machine.trace("pod-0", "myapp", "--via", "pod-3")["lost"]
    assert (lost["place"], lost["stage"], lost["cause"]) == ("node-2", "firewall", "firewall-drop"), lost
    assert "-p ipencap -j DROP" in lost["object"], lost
    machine.exec_("node-2", "iptables", "-D", "INPUT", "-p", "4", "-j", "DROP").ok()


def test_calicoctl_has_the_mesh_of_ipip_and_tries_it(machine: InMachine) -> None:
    """Asked from outside, and on nodes inside; node-1 is cut off, whose address is less than node-2's: it is called."""
    machine.up("--set", "cni.encapsulation=IPIP").ok()
    on_node = ("calicoctl", "--lab", machine.name, "--on", "node-2", "--")
    told = inv(*on_node, "node", "status").ok()
    assert told.count("| node-to-node mesh | up ") == told.count("| Established |") == 2, told
    assert machine.exec_("node-2", "calicoctl", "node", "status").ok() == told

    machine.exec_("node-1", "iptables", "-I", "INPUT", "-p", "tcp", "--dport", "179", "-j", "DROP").ok()
    told = inv(*on_node, "node", "status").ok()
    states = {line.split()[1]: line.split()[-2] for line in told.splitlines() if "mesh" in line}
    assert states == {"10.0.1.10": "Established", "10.0.1.11": "Connect"}
    assert machine.exec_("node-1", "calicoctl", "node", "status").ok().count("| Passive ") == 1
    machine.exec_("node-1", "iptables", "-D", "INPUT", "-p", "tcp", "--dport", "179", "-j", "DROP").ok()

    nodes = json.loads(inv(*on_node, "get", "nodes", "-o", "json").ok())["items"]
    held = {one["metadata"]["name"]: one["spec"]["bgp"]["ipv4IPIPTunnelAddr"] for one in nodes}
    assert f" {held['node-2']}/32 " in machine.exec_("node-2", "ip", "-4", "-o", "addr", "show", "dev", "tunl0").ok()
