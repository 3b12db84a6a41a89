"""What can be built and is likely to be a mistake is said, with where it stands."""

from __future__ import annotations

import pytest

from lab.topology import load_topology

HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: x}\nspec:\n"


def warnings(spec: str) -> tuple[str, ...]:
    return load_topology(HEAD + spec, "x.yaml", lambda name: name).warnings


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("  cni: {mtu: 1500}\n", "pods have an MTU of 1500, and their nodes' tunnels 1450"),
        ("  cni: {plugin: flannel, mtu: 1460}\n", "pods have an MTU of 1460, and their nodes' tunnels 1450"),
        ("  cni: {mtu: 9000}\n", "pods have an MTU of 9000, and the nodes' interfaces only 1500"),
        ("  cni: {encapsulation: None, mtu: 1501}\n", "pods have an MTU of 1501, and the nodes' interfaces only 1500"),
        ("  cni: {encapsulation: IPIP, mtu: 1500}\n", "a packet has up to 1520 bytes, the nodes' interfaces have 1500"),
    ],
)
def test_packets_that_do_not_fit(spec: str, told: str) -> None:
    (found,) = warnings(spec)
    assert found.startswith("x.yaml:5: ")
    assert told in found
    assert "; leave mtu out for 1" in found


@pytest.mark.parametrize(
    "spec",
    [
        "  dns: {replicas: 1}\n",
        "  cni: {mtu: 1450}\n",
        "  cni: {mtu: 1400}\n",
        "  cni: {encapsulation: None, mtu: 1500}\n",
        "  cni: {mtu: 8950}\n  underlayMTU: 9000\n",
    ],
)
def test_packets_that_fit_are_not_spoken_of(spec: str) -> None:
    assert warnings(spec) == ()


def test_a_mode_that_kubernetes_has_deprecated_is_spoken_of() -> None:
    (found,) = warnings("  services: {proxy: ipvs}\n")
    assert found == ("x.yaml:5: Kubernetes has deprecated kube-proxy's ipvs mode since 1.35; nftables is its successor")


def test_a_scheduler_without_ipvs_has_no_effect() -> None:
    (found,) = warnings("  services: {ipvs: {scheduler: lc}}\n")
    assert "scheduler has no effect: with services.proxy iptables" in found
