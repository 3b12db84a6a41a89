"""Faults made by plain commands, which `trace --fix` mends by the commands that the trace named.

node-0 ──eth0── router ──eth1── node-2
pod-0                           pod-3
"""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Done, Lab, inv

NOT_DELIVERED = 3
FAULTS = {
    "a rule": ("node-2", "iptables -I INPUT 1 -p udp --dport 4789 -j DROP"),
    "a route": ("node-0", "ip route del 10.244.0.128/26"),
    "a sysctl": ("router", "sysctl -w net.ipv4.ip_forward=0"),
}


def fix(lab: Lab, *arguments: str, to: str = "myapp.namespace001") -> Done:
    return inv("trace", "--lab", lab.name, "--from", "namespace001/pod-0", "--to", to, "--fix", *arguments)


@pytest.mark.parametrize("name", FAULTS)
def test_mended(lab: LabFactory, name: str) -> None:
    broken = lab("two-subnet")
    place, command = FAULTS[name]
    broken.in_(place, command)
    said = fix(broken, "--via", "pod-3").ok().splitlines()
    assert any(line.startswith(f"$ ./inv exec {place} --lab {broken.name} -- ") for line in said), said
    assert said[-1].startswith("mended: delivered by namespace001/pod-3 in "), said
    assert broken.plan() == "# no changes", "what it was is what it is again"


def test_as_json_the_last_journey_is_told_and_nothing_else(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_(*FAULTS["a sysctl"])
    done = fix(broken, "--json", "-", to="pod-3")
    told = json.loads(done.ok())
    assert (told["schema"], told["verdict"]) == ("hoplab.trace/v2", "delivered")
    assert "mended: delivered by namespace001/pod-3" in done.err


def test_of_two_faults_the_second_is_named_then(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_(*FAULTS["a route"])
    broken.in_(*FAULTS["a rule"])
    done = fix(broken, to="pod-3")
    assert done.status == NOT_DELIVERED, str(done)
    assert "not mended: lost at node-2 (firewall), on the way there" in done.out, done.out
    assert "mended: delivered by namespace001/pod-3" in fix(broken, to="pod-3").ok()


def test_there_may_be_nothing_to_mend(two_subnet: Lab) -> None:
    assert fix(two_subnet, to="pod-3").ok().splitlines()[-1] == "nothing to mend: delivered by namespace001/pod-3"
    done = fix(two_subnet, to="pod-3:81")
    assert done.status == NOT_DELIVERED, str(done)
    assert "nothing to run: no command is known that mends it" in done.out


def test_it_does_not_go_with_repetition(two_subnet: Lab) -> None:
    assert "--fix" in fix(two_subnet, "--count", "3").refused()
