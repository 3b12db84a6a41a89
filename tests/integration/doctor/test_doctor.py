"""What is wrong with a lab is found without being asked about a request; a healthy one has no finding.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

from tests.integration.labs import ROOT, Lab, finish, inv, standing, start, until

FOUND = 3
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "doctor-v1.schema.json").read_text(encoding="utf-8")))
# Fault, place, and the first finding's cause and place.
CASES = (
    ("vxlan-blocked", "router", "firewall-drop", "router"),
    ("wrong-vtep-mac", "node-1", "wrong-inner-mac", "node-1"),
    ("ip-forward-off", "node-2", "ip-forward-off", "node-2"),
    ("gateway-down", "gateway", "interface-down", "gateway"),
    ("server-dead", "namespace001/pod-2", "nobody-listens", "namespace001/pod-2"),
    ("kube-proxy-dead", "node-0", "component-stopped", "node-0"),
)


@pytest.fixture(scope="module")
def broken() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def examined(lab: Lab, *options: str) -> dict[str, Any]:
    """The JSON, checked against the schema; the exit status must be the verdict's."""
    done = inv("doctor", "--json", "-", *options, "--lab", lab.name)
    assert done.out, str(done)
    told: dict[str, Any] = json.loads(done.out)
    SCHEMA.validate(told)
    assert done.status == (0 if told["healthy"] else FOUND), str(done)
    return told


def test_a_healthy_lab_has_no_finding(two_subnet: Lab) -> None:
    told = examined(two_subnet)
    assert told["findings"] == []
    assert told["asked"] == told["possible"] > 20
    said = inv("doctor", "--lab", two_subnet.name).ok()
    assert said.startswith(f"lab {two_subnet.name} is healthy: {told['asked']} requests answered")


@pytest.mark.parametrize("topology", ["minimal", "two-subnet-bridge", "three-subnet", "single-node"])
def test_other_healthy_labs_have_none_either(topology: str) -> None:
    with standing(topology) as one:
        assert examined(one)["findings"] == []


@pytest.mark.parametrize(("fault", "place", "cause", "where"), CASES)
def test_what_was_broken_is_the_first_finding(broken: Lab, fault: str, place: str, cause: str, where: str) -> None:
    inv("fault.inject", fault, "--on", place, "--lab", broken.name).ok()
    try:
        told = examined(broken)
        assert told["findings"], f"{fault} on {place}: nothing was found"
        first = told["findings"][0]
        assert (first["cause"], first["places"]) == (cause, [where]), first
    finally:
        inv("fault.clear", "--lab", broken.name).ok()
    until(lambda: examined(broken)["healthy"], f"{fault} has left nothing")
    assert broken.plan() == "# no changes"


def test_what_no_request_shows_yet_is_found_and_mended(broken: Lab, tmp_path: Path) -> None:
    broken.in_("node-1", "ip route add blackhole 10.99.0.0/16")
    broken.in_("node-1", "ipset del cali40all-vxlan-net 10.0.2.10")
    said = inv("doctor", "--fix", "--json", str(tmp_path / "found.json"), "--lab", broken.name)
    assert said.status == 0, str(said)
    assert "10.99.0.0/16" in said.out
    assert "is healthy" in said.out.splitlines()[-1]
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["healthy"]
    assert broken.plan() == "# no changes"


def test_it_watches_until_ctrl_c_and_tells_what_breaks_and_heals(broken: Lab) -> None:
    process = start("doctor", "--watch", "--lab", broken.name)
    assert process.stdout is not None
    assert "is healthy" in process.stdout.readline().decode()
    broken.in_("node-1", "ip route add blackhole 10.99.0.0/16")
    assert process.stdout.readline().decode().startswith("broken  drift at node-1: route 10.99.0.0/16")
    broken.in_("node-1", "ip route del blackhole 10.99.0.0/16")
    assert process.stdout.readline().decode().startswith("healed  drift at node-1: route 10.99.0.0/16")
    process.send_signal(signal.SIGINT)
    assert finish(process).status == 130


def test_what_goes_on_by_itself_takes_no_file(two_subnet: Lab) -> None:
    assert "--watch goes on by itself" in inv("doctor", "--watch", "--fix", "--lab", two_subnet.name).refused()
