"""calicoctl, asked from outside and on nodes, of labs that really stand."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, Done, Lab, finish, inv, standing, until

LabFactory = Callable[..., Lab]

NODES = ("node-0", "node-1", "node-2")
PAGE = (ROOT / "docs" / "calicoctl.md").read_text(encoding="utf-8")
# What differs from one run to the next: ids, and times of day.
DIFFERENT = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b\d\d:\d\d:\d\d\b")
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")


def calicoctl(lab: Lab, typed: str, on: str = "") -> Done:
    return inv("calicoctl", "--lab", lab.name, *(("--on", on) if on else ()), "--", *typed.split())


def within(lab: Lab, node: str, typed: str) -> Done:
    return lab.exec_(node, "calicoctl", *typed.split())


def peers(told: str) -> dict[str, tuple[str, str]]:
    """STATE and INFO of each peer, by its address."""
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in told.splitlines() if line[:1] == "|"]
    return {row[0]: (row[2], row[4]) for row in rows[1:] if row[0]}


def in_mode(file: Callable[[str], str], text: str, encapsulation: str) -> str:
    """two-subnet with that encapsulation, as a file."""
    assert "encapsulation: VXLANCrossSubnet" in text
    return file(text.replace("encapsulation: VXLANCrossSubnet", f"encapsulation: {encapsulation}"))


def test_a_node_says_what_is_said_from_outside(two_subnet: Lab) -> None:
    for node in NODES:
        for typed in (
            "node status",
            "get wep -a -o wide",
            "get nodes -o yaml",
            "ipam show --show-blocks",
            "ipam check",
        ):
            outside, inside = calicoctl(two_subnet, typed, on=node), within(two_subnet, node, typed)
            assert outside.ok() == inside.ok()
    for typed in ("get nope", "nope", "apply -f x", "ipam show --ip=nope"):
        outside, inside = calicoctl(two_subnet, typed), within(two_subnet, "node-1", typed)
        assert (outside.status, outside.out) == (inside.status, inside.out) == (1, outside.out)
        assert outside.err.splitlines()[0] == inside.err.splitlines()[0] if outside.err else not inside.err


def test_what_is_said_is_what_the_kernel_holds(two_subnet: Lab) -> None:
    """Interfaces and the addresses of tunnels and pods are really there, and no others are said to be in use."""
    known = json.loads(calicoctl(two_subnet, "get wep -A -o json").ok())["items"]
    assert len(known) == 6
    used = set()
    for one in known:
        spec, pod = one["spec"], f"{one['metadata']['namespace']}/{one['spec']['pod']}"
        two_subnet.in_(spec["node"], f"ip link show {spec['interfaceName']}")
        address = spec["ipNetworks"][0]
        assert f" {address} " in two_subnet.in_(pod, "ip -4 -o addr show dev eth0")
        used.add(address.partition("/")[0])
    for one in json.loads(calicoctl(two_subnet, "get nodes -o json").ok())["items"]:
        spec, node = one["spec"], one["metadata"]["name"]
        held = two_subnet.in_(node, "ip -o -d addr show dev vxlan.calico")
        assert f" {spec['ipv4VXLANTunnelAddr']}/32 " in held
        assert spec["vxlanTunnelMACAddr"] in two_subnet.in_(node, "ip -o link show dev vxlan.calico")
        assert f" {spec['bgp']['ipv4Address']} " in two_subnet.in_(node, "ip -4 -o addr show dev eth0")
        used.add(spec["ipv4VXLANTunnelAddr"])
    for address in used:
        assert f"IP {address} is in use\n" in calicoctl(two_subnet, f"ipam show --ip={address}").ok()
    told = calicoctl(two_subnet, "ipam check").ok()
    assert f"IPAM blocks record {len(used)} allocations.\n" in told
    assert told.endswith("Check complete; found 0 problems.\n")


def test_an_own_program_of_that_name_is_not_the_machines(two_subnet: Lab) -> None:
    """It is there for nodes alone, as a program, and the other programs of that folder are there as well."""
    assert two_subnet.exec_("node-0", "sh", "-c", "command -v calicoctl").ok().strip() == "/usr/local/bin/calicoctl"
    there = set(two_subnet.in_("node-0", "ls /usr/local/bin").split())
    machines = {path.name for path in Path("/usr/local/bin").iterdir()}
    assert there == machines | {"calicoctl"}
    if "calicoctl" not in machines:
        assert two_subnet.exec_("router", "calicoctl", "version").status == 127
        assert two_subnet.exec_("namespace001/pod-0", "calicoctl", "version").status == 127


@pytest.mark.parametrize(
    ("on", "status"), [("node-9", 2), ("router", 2)], ids=["a node that there is not", "a place that is no node"]
)
def test_only_nodes_can_be_asked(two_subnet: Lab, on: str, status: int) -> None:
    assert f"there is no node '{on}'" in calicoctl(two_subnet, "node status", on=on).refused(status)


def test_a_lab_that_there_is_not_is_told_as_elsewhere() -> None:
    assert "no lab" in inv("calicoctl", "--lab", "nowhere-to-be-found", "--", "version").refused()


def test_flannel_has_something_else(lab: LabFactory, file: Callable[[str], str], two_subnet_text: str) -> None:
    one = lab(in_mode(file, two_subnet_text.replace("plugin: calico", "plugin: flannel"), "VXLAN"))
    for found in (calicoctl(one, "get nodes"), within(one, "node-0", "get nodes")):
        assert found.status == 1
        assert "the lab's network is flannel's" in found.err
    assert " vxlan " in one.in_("node-0", "ip -d link show flannel.1"), "which is what the hint says"


@contextmanager
def cut_off(lab: Lab, node: str) -> Iterator[None]:
    """For the block nothing of TCP's port 179 arrives at the node."""
    rule = "INPUT -p tcp --dport 179 -j DROP"
    lab.in_(node, f"iptables -I {rule}")
    try:
        yield
    finally:
        lab.in_(node, f"iptables -D {rule}")


def listening(lab: Lab, node: str) -> str:
    return lab.in_(node, "ss -Hltn sport = :179")


def require_a_mesh_that_is_tried(one: Lab) -> None:
    """Every peer is up; one whose node is cut off is not, seen from both sides; all others are."""
    addresses = {"node-0": "10.0.1.10", "node-1": "10.0.1.11", "node-2": "10.0.2.10"}
    for node in NODES:
        found = peers(calicoctl(one, "node status", on=node).ok())
        others = {address for name, address in addresses.items() if name != node}
        assert others <= set(found)
        assert set(found.values()) == {("up", "Established")}
    with cut_off(one, "node-1"):
        # Of two nodes the one with the greater address begins: node-2 finds nobody, and node-1 waits for it.
        assert peers(within(one, "node-2", "node status").ok())["10.0.1.11"] == ("start", "Connect")
        found = peers(within(one, "node-1", "node status").ok())
        assert (found["10.0.2.10"], found["10.0.1.10"]) == (("start", "Passive"), ("up", "Established"))
        assert peers(within(one, "node-0", "node status").ok())["10.0.2.10"] == ("up", "Established")
    one.in_("node-1", "ip link set eth0 down")
    assert {state for state, _ in peers(within(one, "node-1", "node status").ok()).values()} == {"start"}
    assert peers(within(one, "node-0", "node status").ok())["10.0.1.11"] == ("start", "Passive")
    one.up().ok()
    assert peers(within(one, "node-1", "node status").ok())["10.0.2.10"] == ("up", "Established")
    assert [listening(one, node) for node in NODES] == ["", "", ""], "it was for the question alone"
    assert one.drift() == []


def test_without_a_tunnel_bgp_has_a_mesh_and_the_routers(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    one = lab(in_mode(file, two_subnet_text, "None"))
    found = peers(calicoctl(one, "node status", on="node-2").ok())
    assert set(found) == {"10.0.1.10", "10.0.1.11", "10.0.2.1"}
    require_a_mesh_that_is_tried(one)
    refused = "INPUT -p tcp --dport 179 -j REJECT --reject-with tcp-reset"
    one.in_("node-0", f"iptables -I {refused}")
    told = within(one, "node-1", "node status").ok()
    assert peers(told)["10.0.1.10"] == ("start", "Active Socket: Connection"), told


def kernel_has_ipip() -> bool:
    inside = ("unshare", "--user", "--map-root-user", "--net", "ip", "link", "add", "probe", "type", "ipip")
    ends = ("local", "10.0.0.1", "remote", "10.0.0.2")
    return subprocess.run([*inside, *ends], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not kernel_has_ipip(), reason="this kernel has no IPIP: `./inv check`")
@pytest.mark.parametrize(("encapsulation", "mode"), [("IPIP", "Always"), ("IPIPCrossSubnet", "CrossSubnet")])
def test_with_ipip_every_node_is_a_peer_of_every_other(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str, encapsulation: str, mode: str
) -> None:
    one = lab(in_mode(file, two_subnet_text, encapsulation))
    assert set(peers(calicoctl(one, "node status", on="node-2").ok())) == {"10.0.1.10", "10.0.1.11"}
    require_a_mesh_that_is_tried(one)
    assert re.search(rf" true +{mode} +Never ", calicoctl(one, "get ippools -o wide").ok())
    for node in json.loads(calicoctl(one, "get nodes -o json").ok())["items"]:
        address = node["spec"]["bgp"]["ipv4IPIPTunnelAddr"]
        assert f" {address}/32 " in one.in_(node["metadata"]["name"], "ip -4 -o addr show dev tunl0")


def test_what_comes_and_goes_is_followed(lab: LabFactory, file: Callable[[str], str], two_subnet_text: str) -> None:
    """A pod that is deleted gives its address back; a node that goes takes its block along, and nothing keeps it."""
    one = lab(file(two_subnet_text))
    assert "IP 10.244.0.129 is in use" in within(one, "node-2", "ipam show --ip=10.244.0.129").ok()
    inv("delete", "--lab", one.name, "--file", "-", given=POD_3).ok()
    assert within(one, "node-2", "ipam show --ip=10.244.0.129").ok() == "10.244.0.129 is not assigned\n"
    held = sockets(one)
    without = re.sub(r"^ +- \{?name: node-2,.*\n", "", two_subnet_text, flags=re.M)
    without = without.replace("nodeName: node-2", "nodeName: node-1")
    one.up(topology=file(without)).ok()
    assert "node-2" not in calicoctl(one, "get nodes").ok()
    assert sockets(one) == held - 1, "the socket in node-2, which would keep its network namespace"


POD_3 = "apiVersion: v1\nkind: Pod\nmetadata: {name: pod-3, namespace: namespace001}\n"


def sockets(one: Lab) -> int:
    """How many nodes the agent listens in for calicoctl."""
    found = set()
    for path in Path(f"/proc/{one.pid()}/fd").iterdir():
        try:
            found.add(path.readlink().name)
        except FileNotFoundError:
            continue
    return len([link for link in found if link.startswith("socket:")])


HOSTILE = """\
import socket, sys
held = []
for number in range(int(sys.argv[1])):
    one = socket.socket(socket.AF_UNIX)
    try:
        one.connect("\\0hoplab/calicoctl")
        one.send(b"[" * 1000)
    except OSError:
        continue
    held.append(one)
print("held", len(held), flush=True)
sys.stdin.read()
"""


def test_who_asks_without_end_keeps_nobody_from_asking_elsewhere(lab: LabFactory) -> None:
    """A program on node-1 holds what connections it can; the lab, and the other nodes once it has gone, answer."""
    one = lab()
    hostile = one.start_exec("node-1", "python3", "-c", HOSTILE, "500")
    assert hostile.stdout is not None
    assert hostile.stdout.readline().startswith(b"held ")
    assert within(one, "node-0", "version").status in (0, 1), "an answer, or that there is none"
    calicoctl(one, "get nodes").ok()
    assert one.get("nodes").count("Ready") == 3
    finish(hostile)
    until(lambda: within(one, "node-0", "version").status == 0, "node-0 is answered again")


@pytest.mark.parametrize("typed", [("\udcff",), ("get", "\x1b[2Jx"), ("get", "…" * 3000), ("",), ("get", "")])
def test_whatever_is_typed_has_a_sentence_and_the_status_1(two_subnet: Lab, typed: tuple[str, ...]) -> None:
    outside = inv("calicoctl", "--lab", two_subnet.name, "--", *typed)
    inside = two_subnet.exec_("node-0", "calicoctl", *typed)
    for done in (outside, inside):
        assert done.status == 1, str(done)
        assert "Traceback" not in done.err
        assert done.out or done.err
    assert "\x1b" not in outside.err


def fenced() -> list[tuple[str, str]]:
    """The commands of docs/calicoctl.md with the output that it shows for them, lab by lab."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [(text, shown) for (kind, text), (mark, shown) in pairwise(found) if kind == "sh" and mark == "text"]


def comparable(output: str) -> list[str]:
    return [DATE.sub("DATE", DIFFERENT.sub("…", line)).rstrip() for line in output.rstrip().splitlines()]


def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    told = fenced()
    assert len(told) > 5, "the page has lost its outputs"
    program = shlex.join((sys.executable, str(ROOT / "tasks.py")))
    (tmp_path / "inv").write_text(f'#!/bin/sh\nexec {program} "$@"\n', encoding="utf-8")
    (tmp_path / "inv").chmod(0o755)
    with standing("two-subnet") as one:
        for commands, shown in told:
            done = subprocess.run(
                ["sh", "-c", commands],
                cwd=tmp_path,
                env={**os.environ, "HOPLAB_LAB": one.name, "NO_COLOR": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            assert comparable(done.stdout) == comparable(shown), f"this is what came of\n{commands}\n{done.stdout}"
