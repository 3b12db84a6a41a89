"""`up` brings the kernel to the file's state, once: what is read back afterwards differs in nothing.

file ──► up ──► kernel ──► read back ──► no changes        (every topology that comes with Hoplab)
"""

from __future__ import annotations

import time

import pytest

from tests.effort import starting_python
from tests.integration.conftest import LabFactory
from tests.integration.labs import TOPOLOGIES

STARTS = 12  # so many times what it takes to start Python; on a quiet machine it is less than two


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_up_twice_changes_nothing_and_says_so(lab: LabFactory, topology: str) -> None:
    one = lab(topology)
    start = starting_python()
    began = time.monotonic()
    again = one.up().ok()
    took = time.monotonic() - began
    assert took < STARTS * max(start, starting_python()), f"{took:.2f} s"
    assert again.startswith(f"{one.name}: no changes"), again
    assert one.plan() == "# no changes"
    assert one.drift() == []


ENCAPSULATIONS = [
    ("cni.encapsulation=VXLAN", "10.244.0.64/26 via 10.244.0.64 dev vxlan.calico onlink"),
    ("cni.encapsulation=None", "10.244.0.64/26 via 10.0.1.11 dev eth0"),
    ("cni.encapsulation=VXLANCrossSubnet", "10.244.0.64/26 via 10.0.1.11 dev eth0"),
]


def test_another_encapsulation_is_reached_from_each_other_one(lab: LabFactory) -> None:
    """The same lab, taken from one to the next: what the old one had and the new one has not is gone."""
    one = lab("two-subnet")
    for setting, route in ENCAPSULATIONS:
        one.up("--set", setting).ok()
        assert route in one.in_("node-0", "ip route"), setting
        assert one.plan("--set", setting) == "# no changes", setting
        for pod in ("10.244.0.66", "10.244.0.129"):
            assert one.exec_("pod-0", "curl", "-sS", "--max-time", "5", f"http://{pod}:8080").ok(), f"{setting}: {pod}"
        assert ("vxlan.calico" in one.in_("node-0", "ip link")) == (setting != "cni.encapsulation=None"), setting
    fresh = lab("two-subnet")
    changing = ("iptables-save", "ip route", "bridge fdb show dev vxlan.calico", "ip neigh show nud permanent")
    for command in changing:
        assert _without_counters(one.in_("node-0", command)) == _without_counters(fresh.in_("node-0", command)), (
            f"{command}: a lab that went through all of them is not as one that is new"
        )


def _without_counters(text: str) -> list[str]:
    """Sorted, and without what is of the moment: packet counts, dates."""
    return sorted(line.split(" [")[0].rstrip() for line in text.splitlines() if not line.startswith("#"))
