"""A lab, taken for a real cluster: its scripts collect it, import makes a lab of that, and the same is seen there.

subnet-a: node-0 (pod-0, client) ─── node-1 (pod-2) ─── router ─── subnet-b: node-2 (pod-3)
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kubectls import HOW_TO_GET_ONE, found
from tests.integration.labs import PATIENCE_SECONDS, Lab, environment, inv, standing
from tests.integration.living import kubeconfig

NODES = ("node-0", "node-1", "node-2")
VIA = ("--from", "pod-0", "--to", "172.16.10.10", "--via")
BY_HAND = {
    "node-0": (
        "sysctl -w net.ipv4.conf.eth0.rp_filter=2",
        "ip rule add pref 50 from 10.244.0.3 prohibit",
        "ip neigh add 10.0.1.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
    ),
    "node-1": ("ip route replace blackhole 10.244.0.128/26 proto 80",),
    "node-2": (
        "ipset create mine hash:ip",
        "ipset add mine 192.0.2.1",
        "iptables -A FORWARD -m set --match-set mine src -j DROP",
        "iptables -I INPUT 1 -p udp --dport 4789 -j DROP",
    ),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def collect(cluster: Lab, folder: Path) -> None:
    """Both scripts, as people run them: kubectl outside, a shell on each node."""
    folder.mkdir()
    programs = found()
    if not programs:
        pytest.skip(HOW_TO_GET_ONE)
    tools = folder.parent / f"{folder.name}-tools"
    tools.mkdir()
    (tools / "kubectl").symlink_to(next(reversed(programs.values())))
    inherited = environment()
    given = {
        **inherited,
        "KUBECONFIG": str(kubeconfig(cluster)),
        "PATH": f"{tools}:{inherited['PATH']}",
        "HOME": str(tools),
    }
    script = inv("collect", "--cluster").ok()
    done = subprocess.run(("sh", "-s", "--", "-"), input=script.encode(), capture_output=True, env=given, check=True)
    (folder / "cluster.tar.gz").write_bytes(done.stdout)
    script = inv("collect", "--node").ok()
    for node in NODES:
        process = cluster.start_exec(node, "sh", "-s", "--", "-")
        archive, said = process.communicate(script.encode(), timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, said.decode()
        (folder / f"{node}.tar.gz").write_bytes(archive)


def brought_up(folder: Path) -> tuple[Lab, str]:
    """The lab that import makes of a folder, and what it said."""
    output = folder.parent / f"{folder.name}-lab"
    said = inv("import", str(folder), "--output", str(output))
    assert said.ok().startswith("import: 3 of 3 nodes in 2 subnets, 4 of 6 pods, 1 of 3 Services"), str(said)
    return Lab(str(output / "topology.yaml")), said.err


def traced(lab: Lab, *asked: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(inv("trace", *asked, "--json", "-", "--lab", lab.name).out)
    return told


def way(told: dict[str, Any]) -> list[tuple[str, ...]]:
    """Where the packets were seen, between which addresses, and in which tunnel."""
    return [
        (
            hop["place"],
            hop["interface"],
            hop["way"],
            hop["packet"]["src"],
            hop["packet"]["dst"],
            str(hop["packet"]["outer"]),
        )
        for hop in told["hops"]
        if hop["phase"] == "data"
    ]


@contextmanager
def imported(cluster: Lab, folder: Path) -> Iterator[tuple[Lab, str]]:
    collect(cluster, folder)
    lab, said = brought_up(folder)
    try:
        lab.up().ok()
        yield lab, said
    finally:
        lab.end()


def test_what_was_collected_of_a_lab_is_that_lab(cluster: Lab, tmp_path: Path) -> None:
    with imported(cluster, tmp_path / "dump") as (lab, said):
        assert said == "", "nothing is missing"
        assert lab.plan() == "# no changes"
        for pod in ("pod-2", "pod-3"):
            there, here = traced(cluster, *VIA, pod), traced(lab, *VIA, pod)
            assert (here["verdict"], here["answered_by"]) == ("delivered", f"namespace001/{pod}")
            assert way(here) == way(there)


def test_what_was_broken_by_hand_is_found_in_the_imported_lab(cluster: Lab, tmp_path: Path) -> None:
    for node, commands in BY_HAND.items():
        for command in commands:
            cluster.in_(node, command)
    with imported(cluster, tmp_path / "dump") as (lab, _):
        assert lab.plan() == "# no changes"
        other = ("--from", "pod-2", "--to", "namespace001/pod-3")
        for asked, cause, place in (((*VIA, "pod-3"), "firewall-drop", "node-2"), (other, "blackhole-route", "node-1")):
            there, here = traced(cluster, *asked)["lost"], traced(lab, *asked)["lost"]
            for name in ("place", "stage", "cause", "object", "object_place", "direction"):
                assert here[name] == there[name], name
            assert (here["cause"], here["object_place"]) == (cause, place)
        assert "node-2.iptables:2" in traced(lab, *VIA, "pod-3")["lost"]["fix"][0]["held_by"]
        assert lab.in_("node-0", "sysctl -n net.ipv4.conf.eth0.rp_filter").strip() == "2"
        assert "50:\tfrom 10.244.0.3 prohibit" in lab.in_("node-0", "ip rule")
        assert "lladdr 02:00:00:00:00:77 PERMANENT" in lab.in_("node-0", "ip neigh show 10.0.1.77")
        assert "192.0.2.1" in lab.in_("node-2", "ipset list mine")


def test_nothing_is_written_where_something_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"no archive" * 200)
    output = str(tmp_path / "lab")
    assert "is no archive of tar" in inv("import", str(tmp_path / "x.tar"), "--output", output).refused()
    assert "is there already, and not empty" in inv("import", "x", "--output", str(tmp_path)).refused()
    assert "--output is missing" in inv("import", "x").refused()
    assert "one of --cluster and --node" in inv("collect").refused()
    assert not Path(output).exists()
