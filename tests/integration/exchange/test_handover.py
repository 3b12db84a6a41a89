"""A lab in which much was done by hand is written down, comes up again as it was, and a bundle of it says the same.

    up ──▶ objects, rules and routes by hand, faults ──▶ export ──▶ up of another lab ──▶ the same export and traces

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

from tests.integration.labs import ROOT, Lab, inv, standing

FOUND = 3
CAUSE = "firewall-reject"
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "bundle-v1.schema.json").read_text(encoding="utf-8")))
OBJECTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: namespace001}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: namespace001}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
BY_HAND = (
    ("node-0", "ip route replace 10.244.0.64/26 via 10.0.1.11 dev eth0 proto 80 mtu 1400 onlink"),
    ("node-1", "ip route add blackhole 192.0.2.0/24"),
    ("node-2", "ip link set eth0 mtu 1480"),
    ("router", "iptables -A FORWARD -p tcp --dport 9999 -j DROP"),
    ("node-2", "iptables -t nat -D KUBE-POSTROUTING 1"),
)
ASKED = (
    ("namespace001/pod-0", "myapp.namespace001", "namespace001/pod-2"),
    ("namespace001/pod-0", "myapp.namespace001", "namespace001/pod-3"),
    ("namespace001/pod-3", "namespace001/pod-0", ""),
    ("router", "node-2:9999", ""),
)


@pytest.fixture(scope="module")
def worked_on() -> Iterator[Lab]:
    """A lab in which somebody was busy, and broke it."""
    with standing("two-subnet") as one:
        inv("apply", "--file", "-", "--lab", one.name, given=OBJECTS).ok()
        for place, command in BY_HAND:
            one.in_(place, command)
        inv("impair", "node-0/eth0", "--rate", "1gbit", "--lab", one.name).ok()
        inv("fault.inject", "wrong-vtep-mac", "--on", "node-0", "--lab", one.name).ok()
        inv("fault.inject", "dns-upstream-dead", "--on", "kube-system/dns-0", "--hidden", "--lab", one.name).ok()
        inv("fault.inject", "firewalld", "--on", "node-1", "--hidden", "--lab", one.name).ok()
        yield one


@pytest.fixture(scope="module")
def refusing() -> Iterator[Lab]:
    """One rule by hand: one of myapp's pods refuses, at once, for silence takes long."""
    with standing("two-subnet") as one:
        one.in_("node-2", "iptables -I FORWARD -p tcp --dport 8080 -d 10.244.0.129 -j REJECT --reject-with tcp-reset")
        yield one


def traces(lab: Lab) -> list[str]:
    """As lines to be compared: none has a time or a client's port in it."""
    told = []
    for source, to, via in ASKED:
        through = ("--via", via) if via else ()
        told.append(inv("trace", "--from", source, "--to", to, *through, "--minimal", "--lab", lab.name).out)
    return told


def test_an_exported_lab_comes_up_as_it_was(worked_on: Lab, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    inv("export", "--output", str(file), "--lab", worked_on.name).ok()
    drift = worked_on.drift()
    assert len(drift) >= len(BY_HAND), "what was done by hand is told as such"
    with standing(str(file)) as again:
        assert inv("export", "--lab", again.name).ok() == file.read_text(encoding="utf-8")
        assert traces(again) == traces(worked_on)
        told = again.inspect()
        assert all(line in told for line in drift), told
        assert "its spec.drift; `up` keeps it" in told
        assert "firewalld" not in told, "a hidden fault is told to nobody"
        for what in (("pods", "-o", "wide"), ("services",)):
            columns = [[row.split()[:6] for row in lab.get(*what).splitlines()] for lab in (worked_on, again)]
            assert [[word for word in row if word[-1] not in "smh"] for row in columns[0]] == [
                [word for word in row if word[-1] not in "smh"] for row in columns[1]
            ]
        assert "no changes" in again.up(topology=str(file)).ok(), "a second `up` keeps it"
        again.in_("node-1", "ip route del blackhole 192.0.2.0/24")
        again.up(topology=str(file)).ok()
        assert "192.0.2.0/24" in again.in_("node-1", "ip route"), "`up` brings back what the file has"
        again.up(topology="two-subnet").ok()
        assert "192.0.2.0/24" not in again.in_("node-1", "ip route"), "and takes it with a file that has it not"


def test_a_bundle_is_read_without_the_lab_and_replayed(refusing: Lab, tmp_path: Path) -> None:
    file = tmp_path / "bug.tar.gz"
    done = inv("bundle", str(file), "--trace", "node-0,node-2:4444", "--lab", refusing.name).ok()
    assert "findings" in done
    members = unpacked(file)
    told = json.loads(members["manifest.json"])
    SCHEMA.validate(told)
    why = {one["why"] for one in told["journeys"]}
    assert why == {"expected", "found", "asked"}
    lost = next(one for one in told["journeys"] if one["name"] == "other subnet")
    assert (lost["seen"]["verdict"], lost["seen"]["cause"]) == ("refused", CAUSE)
    assert all(name in members for one in told["journeys"] for name in one["files"].values())
    assert json.loads(members["doctor.json"])["schema"] == "hoplab.doctor/v1"
    page, report = members["index.html"].decode(), members["report.md"].decode()
    assert CAUSE in page
    assert CAUSE in report
    assert "<script" not in page
    assert "default-src 'none'" in page
    again = Lab("", f"{refusing.name}-again")
    try:
        done_again = inv("replay", str(file), "--lab", again.name)
        assert "the same is seen again" in done_again.ok(), str(done_again)
        assert "runs already" in inv("replay", str(file), "--lab", again.name).refused()
    finally:
        again.end()
    other = tmp_path / "other.tar.gz"
    other.write_bytes(mended(members))
    try:
        differs = inv("replay", str(other), "--lab", again.name)
        assert differs.status == FOUND, str(differs)
        assert "differs other subnet: it was refused at node-2: firewall-reject; now delivered" in differs.out
    finally:
        again.end()


def unpacked(file: Path) -> dict[str, bytes]:
    with tarfile.open(file, "r:gz") as archive:
        found = {one.name: archive.extractfile(one) for one in archive.getmembers()}
        return {name: stream.read() for name, stream in found.items() if stream is not None}


def mended(members: dict[str, bytes]) -> bytes:
    """A bundle of a lab that is well, with the same findings and only one journey."""
    told: dict[str, Any] = json.loads(members["manifest.json"])
    told["journeys"] = [one for one in told["journeys"] if one["name"] == "other subnet"]
    given = {
        "manifest.json": json.dumps(told).encode(),
        "lab.yaml": (ROOT / "topologies" / "two-subnet.yaml").read_bytes(),
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, data in given.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def test_what_cannot_be_is_refused_and_nothing_is_built(tmp_path: Path) -> None:
    file = tmp_path / "no.tar.gz"
    file.write_bytes(b"nothing")
    assert "no bundle" in inv("replay", str(file)).refused()
    assert "cannot be read" in inv("replay", str(tmp_path / "none.tar.gz")).refused()
    assert "names no request" in inv("bundle", str(tmp_path / "x.tar.gz"), "--trace", "pod-0").refused()
    assert not (tmp_path / "x.tar.gz").exists()
