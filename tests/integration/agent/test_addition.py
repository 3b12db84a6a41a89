"""A file that adds little: what is new is built, and all else is still looked at.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2, and pod-4 when it is added)
                            │
                          router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv

FileWriter = Callable[[str], str]

POD_4 = """---
apiVersion: v1
kind: Pod
metadata: {name: pod-4, namespace: namespace001, labels: {app: myapp}}
spec:
  nodeName: node-1
  containers: [{name: server, image: built-in, ports: [{containerPort: 8080}]}]
"""
OTHER = """---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: namespace001}
spec: {selector: {app: myapp}, ports: [{port: 80, targetPort: 8080}]}
"""
ANSWERS = ("curl", "-sS", "--max-time", "5")


def phases(lab: Lab, folder: Path, *options: str) -> list[str]:
    """The phases of this `up`, in the order in which they began."""
    file = folder / "profile.json"
    lab.up("--profile", str(file), *options).ok()
    events = json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
    timed = [event for event in events if event["ph"] == "X" and event["pid"] == 2]
    return [event["name"] for event in sorted(timed, key=lambda event: float(event["ts"]))]


def is_addition(names: list[str]) -> bool:
    """Whether the lab was looked at before anything was designed: otherwise all of the network is, first."""
    return names.index("observe") < names.index("design")


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_little_is_added_and_all_of_it_is_as_designed(
    lab: LabFactory, file: FileWriter, two_subnet_text: str, tmp_path: Path, mode: str
) -> None:
    proxy = ("--set", f"services.proxy={mode}")
    one = lab(file(two_subnet_text), *proxy)
    file(two_subnet_text + POD_4)
    assert is_addition(phases(one, tmp_path, *proxy))
    assert one.drift() == [], "read afresh, and compared with the whole design"
    assert one.exec_("pod-0", *ANSWERS, "http://pod-4.namespace001:8080").status != 0, "a pod has no such name"
    answered = {one.exec_("pod-0", *ANSWERS, "http://myapp").ok().split()[0] for _ in range(40)}
    assert answered == {"pod-2", "pod-3", "pod-4"}
    file(two_subnet_text + POD_4 + OTHER)
    assert is_addition(phases(one, tmp_path, *proxy)), "also from what was added"
    assert one.drift() == []
    assert one.exec_("pod-0", *ANSWERS, "http://other").ok()
    assert one.plan(*proxy) == "# no changes"
    file(two_subnet_text)
    assert not is_addition(phases(one, tmp_path, *proxy)), "whoever goes may leave more behind"
    assert one.drift() == []


@pytest.mark.parametrize(
    ("place", "damage"),
    [
        ("node-0", "ip route del 10.244.0.128/26"),
        ("node-1", "ip route add 10.99.0.0/24 via 10.0.1.1"),
        ("node-1", "iptables -I INPUT 1 -p udp --dport 4789 -j DROP"),
        ("node-2", "iptables -t nat -F KUBE-SERVICES"),
        ("node-2", "ipset flush cali40all-ipam-pools"),
        ("pod-0", "ip addr add 10.244.0.99/32 dev eth0"),
        ("router", "sysctl -qw net.ipv4.ip_forward=0"),
    ],
)
def test_what_somebody_changed_meanwhile_is_mended_by_the_same_up(
    lab: LabFactory, file: FileWriter, two_subnet_text: str, tmp_path: Path, place: str, damage: str
) -> None:
    one = lab(file(two_subnet_text))
    one.in_(place, damage)
    file(two_subnet_text + POD_4)
    assert not is_addition(phases(one, tmp_path))
    assert one.drift() == []
    assert one.exec_("pod-0", *ANSWERS, "http://10.244.0.67:8080").ok().startswith("pod-4\n")


def test_after_changes_by_the_api_their_places_are_read(
    lab: LabFactory, file: FileWriter, two_subnet_text: str, tmp_path: Path
) -> None:
    one = lab(file(two_subnet_text))
    applied = tmp_path / "other.yaml"
    applied.write_text(OTHER, encoding="utf-8")
    inv("apply", "--file", str(applied), "--lab", one.name).ok()
    file(two_subnet_text + POD_4)
    assert is_addition(phases(one, tmp_path))
    assert one.drift() == []
    inv("delete", "--file", str(applied), "--lab", one.name).ok()
    one.in_("node-2", "iptables -t nat -F KUBE-POSTROUTING")
    file(two_subnet_text + POD_4.replace("pod-4", "pod-5"))
    assert not is_addition(phases(one, tmp_path))
    assert one.drift() == []
