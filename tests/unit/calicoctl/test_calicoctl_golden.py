"""Golden files: what calicoctl prints of labs with each kind of tunnel, space by space.

Write them anew with HOPLAB_WRITE_GOLDEN=1, then read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.calicoctl.labs import encrypted, pooled, said, see, tunnelled
from tests.unit.network.small_labs import Lab

GOLDEN = Path(__file__).parents[2] / "golden" / "calicoctl"

USUAL = (
    "node status",
    "get ippools",
    "get ippools -o wide",
    "get nodes",
    "get nodes -o wide",
    "get workloadendpoints -A",
    "get node node-0 -o yaml",
    "ipam show",
    "ipam show --show-blocks",
    "ipam check",
    "version",
)
FURTHER = (
    "get workloadendpoints",
    "get wep -n namespace001 -o wide",
    "get weps --all-namespaces -o custom-columns=NAME,ORCHESTRATOR",
    "get wep -n namespace001 node--0-k8s-pod--0-eth0 -o yaml",
    "get wep -n namespace001 node--1-k8s-pod--2-eth0 -o json",
    "get nodes -o json",
    "get ippool default-ipv4-ippool -o yaml --export",
    "get pools -oyaml",
    "ipam show --ip=10.244.0.0",
    "ipam show --ip 10.244.0.2",
    "ipam show --ip 10.244.0.9",
    "ipam show --ip fe80::1",
    "ipam show --show-borrowed",
    "ipam show --show-configuration",
    "ipam check --show-all-ips",
    "version --client",
    "--version",
)
LABS: dict[str, tuple[Callable[[], Lab], tuple[str, ...]]] = {
    "vxlan-cross-subnet": (lambda: tunnelled("VXLANCrossSubnet"), (*USUAL, *FURTHER)),
    "ipip": (lambda: tunnelled("IPIP"), (*USUAL, "ipam show --ip=10.244.0.0", "get ippools -o json")),
    "ipip-cross-subnet": (lambda: tunnelled("IPIPCrossSubnet"), ("node status", "get ippools -o wide")),
    "wireguard": (encrypted, ("get node node-0 -o yaml", "ipam show --ip=10.244.0.1", "ipam check")),
    "none": (lambda: tunnelled("None"), USUAL),
    "pools": (pooled, ("node status", "get ippools -o wide", "ipam show --show-blocks")),
}


@pytest.mark.parametrize("name", LABS)
def test_every_command_prints_what_the_golden_file_says(name: str) -> None:
    make, commands = LABS[name]
    there = see(make())
    told = ""
    for command in commands:
        found = said(there, command)
        assert (found.err, found.status) == ("", 0), command
        told += f"$ calicoctl {command}\n{found.out}" + ("" if found.out.endswith("\n") else "\n")
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")
