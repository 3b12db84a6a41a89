"""A node and a router that are like real machines, by what these printed: held, seen, obeyed, told with file and line.

subnet-a: node-0 (pod-0, client) ─── node-1 (pod-2) ─── router ─── subnet-b: node-2 (pod-3)
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Lab, inv, standing

FILES = {
    # By Calico's own route what is for node-1's pods is not wrapped in its own subnet.
    "node-0.routes": (
        "default via 10.0.1.1 dev eth0 proto dhcp src 10.0.1.10 metric 100 \n"
        "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.10 \n"
        "10.8.0.0/24 dev tun0 scope link \n"
        "10.244.0.64/26 via 10.244.0.64 dev vxlan.calico proto static onlink \n"
        "10.90.0.0/16 proto bgp metric 20 \n"
        "\tnexthop via 10.0.1.1 dev eth0 weight 1 \n"
        "\tnexthop via 10.0.1.11 dev eth0 weight 5 \n"
        "unreachable 10.91.0.0/16 metric 4278198272 \n"
        "prohibit 10.92.0.0/16 \n"
        "10.93.0.1 dev eth0 scope link mtu 1400 \n"
        "10.94.0.0/16 via 10.93.0.1 dev eth0 \n"
        "default via 10.0.1.11 dev eth0 table 100 \n"
        "local default dev lo table 2004 scope host \n"
    ),
    "node-0.rules": (
        "0:\tfrom all lookup local\n"
        "9:\tfrom all fwmark 0x200/0xf00 lookup 2004\n"
        "100:\tfrom 10.244.0.0/16 to 198.51.100.0/24 ipproto tcp dport 1000-2000 lookup 100\n"
        "101:\tfrom 192.0.2.0/24 prohibit\n"
        "102:\tfrom all fwmark 0/0x10000 iif eth0 goto 200\n"
        "200:\tfrom all nop\n"
        "32764:\tfrom all lookup main suppress_prefixlength 0\n"
        "32766:\tfrom all lookup main\n"
        "32767:\tfrom all lookup default\n"
    ),
    "node-0.neigh": (
        "10.0.1.77 dev eth0 lladdr 02:00:00:00:00:77 PERMANENT \n10.0.1.1 dev eth0 lladdr 02:00:00:00:00:01 STALE \n"
    ),
    "node-0.fdb": (
        "33:33:00:00:00:01 dev eth0 self permanent\n66:00:00:00:00:78 dev vxlan.calico dst 10.0.2.78 self permanent\n"
    ),
    "node-0.sysctl": (
        "net.core.rmem_max = 212992\n"
        "net.core.somaxconn = 1024\n"
        "net.ipv4.conf.default.rp_filter = 2\n"
        "net.ipv4.conf.eth0.arp_notify = 1\n"
        "net.ipv4.conf.eth0.rp_filter = 2\n"
        "net.ipv4.conf.vxlan/calico.accept_local = 1\n"
        "net.ipv4.ip_forward = 1\n"
        "net.ipv4.ip_local_port_range = 20000\t60999\n"
        "net.ipv4.tcp_mtu_probing = 1\n"
    ),
    "router.routes": '[{"dst":"10.95.0.0/16","gateway":"10.0.2.10","dev":"eth1","protocol":"bgp","metric":20}]\n',
}
MACHINES = """\
  machines:
    - on: node-0
      routesFile: node-0.routes
      policyRulesFile: node-0.rules
      neighboursFile: node-0.neigh
      fdbFile: node-0.fdb
      sysctlFile: node-0.sysctl
    - {on: router, routesFile: router.routes}
"""
ROUTES = (
    "10.244.0.64/26 via 10.244.0.64 dev vxlan.calico proto static onlink",
    "unreachable 10.91.0.0/16 metric 4278198272",
    "prohibit 10.92.0.0/16",
    "10.93.0.1 dev eth0 scope link mtu 1400",
    "10.94.0.0/16 via 10.93.0.1 dev eth0",
    "default via 10.0.1.1 dev eth0 proto dhcp src 10.0.1.10 metric 100",
    "local default dev lo table 2004 scope host",
)
SETTINGS = {
    "net/ipv4/conf/eth0/arp_notify": "1",
    "net/ipv4/conf/eth0/rp_filter": "2",
    "net/ipv4/conf/vxlan.calico/accept_local": "1",
    "net/ipv4/conf/default/rp_filter": "2",
    "net/ipv4/ip_local_port_range": "20000 60999",
    "net/core/somaxconn": "1024",
}
INSIDE = ("myapp.namespace001", "--via", "pod-3")
BY_HAND = (
    "ip route del 10.92.0.0/16",
    "ip route del 10.90.0.0/16",
    "ip route add default via 10.0.1.1 metric 5",
    "ip rule del pref 100",
    "ip rule add pref 7 from 10.9.9.9 to 10.8.8.8 lookup main",
    "ip neigh del 10.0.1.77 dev eth0",
    "bridge fdb del 66:00:00:00:00:78 dev vxlan.calico dst 10.0.2.78",
    "sysctl -w net.ipv4.conf.eth0.arp_notify=0",
    "sysctl -w net.ipv4.tcp_mtu_probing=0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, two_subnet_text: str) -> Path:
    made = tmp_path_factory.mktemp("machines")
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="ascii")
    text = two_subnet_text.replace("spec:\n", f"spec:\n{MACHINES}", 1)
    (made / "machines.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    with standing(str(folder / "machines.yaml")) as one:
        yield one


@pytest.fixture
def again(lab: Lab, folder: Path) -> Iterator[Lab]:
    """The lab, whose files a test may change: they are as before afterwards."""
    yield lab
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="ascii")
    lab.up().ok()


def traced(lab: Lab, to: str, *options: str) -> dict[str, Any]:
    done = inv("trace", "--from", "pod-0", "--to", to, *options, "--json", "-", "--lab", lab.name)
    told: dict[str, Any] = json.loads(done.out)
    return told


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_machine_prints_what_its_files_say(lab: Lab) -> None:
    routes = lines(lab.in_("node-0", "ip route show table all"))
    assert not {*ROUTES} - {*routes}
    assert "10.90.0.0/16 proto bgp metric 20" in routes
    assert "nexthop via 10.0.1.11 dev eth0 weight 5" in routes
    assert len([line for line in routes if line.startswith("default") and "table" not in line]) == 1, "the file's alone"
    rules = lines(lab.in_("node-0", "ip rule"))
    assert rules == lines(FILES["node-0.rules"])
    permanent = lines(lab.in_("node-0", "ip neigh show nud permanent"))
    assert "10.0.1.77 dev eth0 lladdr 02:00:00:00:00:77 PERMANENT" in permanent
    assert "66:00:00:00:00:78 dst 10.0.2.78 self permanent" in lines(
        lab.in_("node-0", "bridge fdb show dev vxlan.calico")
    )
    for name, value in SETTINGS.items():
        assert lab.in_("node-0", f"sysctl -n {name}").split() == value.split(), name
    assert "10.95.0.0/16 via 10.0.2.10 dev eth1 proto bgp metric 20" in lines(lab.in_("router", "ip route"))


def test_a_second_up_has_nothing_to_do_and_says_what_is_left_out(lab: Lab) -> None:
    assert lab.plan() == "# no changes"
    done = lab.up()
    assert "no changes" in done.ok()
    assert "node-0.routes: 1 route left out (of interfaces that node-0 has not), in line 3: 10.8.0.0/24 dev" in done.err
    assert "node-0.neigh: 1 neighbour left out (not PERMANENT), in line 2" in done.err


def test_the_files_route_decides_and_the_trace_names_its_line(lab: Lab) -> None:
    told = traced(lab, "myapp.namespace001", "--via", "pod-2")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "namespace001/pod-2")
    sent = [one for hop in told["hops"] if hop["phase"] == "data" for one in hop["decisions"] if one["kind"] == "route"]
    saved = {(one["text"], one["intent"].partition(",")[0]) for one in sent if "saved" in one["intent"]}
    assert saved == {
        (ROUTES[0], "saved route of node-0 (node-0.routes:4)"),
    }
    wrapped = [hop for hop in told["hops"] if hop["phase"] == "data" and hop["packet"]["outer"]]
    assert {hop["direction"] for hop in wrapped} == {"request"}, "node-1 answers as Calico has it"


def test_what_is_changed_by_hand_is_seen_and_mended(again: Lab) -> None:
    for command in BY_HAND:
        again.in_("node-0", command)
    planned = again.plan()
    for line in (
        "ip -n node-0 route add prohibit 10.92.0.0/16",
        "proto 186 metric 20 nexthop via 10.0.1.1 dev eth0 weight 1 nexthop via 10.0.1.11 dev eth0 weight 5",
        "ip -n node-0 route del default via 10.0.1.1 dev eth0 metric 5",
        "rule add pref 100 from 10.244.0.0/16 to 198.51.100.0/24 ipproto tcp dport 1000-2000 lookup 100",
        "rule del pref 7 from 10.9.9.9 to 10.8.8.8 lookup main",
        "saved setting of node-0 (node-0.sysctl:4): value is 0, should be 1",
        "saved neighbour of node-0 (node-0.neigh:1)",
        "saved entry of node-0 (node-0.fdb:2)",
    ):
        assert line in planned
    again.up().ok()
    assert again.plan() == "# no changes"
    assert lines(again.in_("node-0", "ip rule")) == lines(FILES["node-0.rules"])


@pytest.mark.parametrize(
    ("name", "added", "cause", "asked"),
    [
        ("node-0.routes", "blackhole 10.244.0.128/26 proto 80 \n", "blackhole-route", INSIDE),
        ("node-0.neigh", "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT \n", "wrong-neighbour", INSIDE),
        # node-1 passes it on, and sees no answer: the next packet belongs to no connection that it knows.
        ("node-0.routes", "203.0.113.0/24 via 10.0.1.11 dev eth0 proto static \n", "wrong-route", ("www.example.com",)),
    ],
)
def test_a_loss_that_a_file_is_to_blame_for_names_it_and_its_fix_mends(
    again: Lab, folder: Path, name: str, added: str, cause: str, asked: tuple[str, ...]
) -> None:
    (folder / name).write_text(FILES[name] + added, encoding="ascii")
    again.up().ok()
    lost = traced(again, *asked)["lost"]
    held = f"{name}:{FILES[name].count(chr(10)) + 1}"
    assert (lost["cause"], lost["object_place"]) == (cause, "node-0"), lost
    assert {one["held_by"] for one in lost["fix"]} == {held}
    assert f"The topology's author wants it so: {held}." in lost["why"]
    for one in lost["fix"]:
        again.exec_(one["place"], *shlex.split(one["command"])).ok()
    assert traced(again, *asked)["verdict"] == "delivered"


def test_a_policy_rule_of_the_file_that_refuses_is_named(again: Lab, folder: Path) -> None:
    rules = FILES["node-0.rules"].replace("100:", "90:\tfrom 10.244.0.0/26 to 10.244.0.128/26 prohibit\n100:", 1)
    (folder / "node-0.rules").write_text(rules, encoding="ascii")
    again.up().ok()
    lost = traced(again, "myapp.namespace001", "--via", "pod-3")["lost"]
    assert lost["cause"] == "policy-route", lost
    assert "an ip rule of the topology's author answers that it is not allowed" in lost["why"]
    (fix,) = lost["fix"]
    assert fix["held_by"] == "node-0.rules:3"
    assert fix["command"] == "ip rule del pref 90 from 10.244.0.0/26 to 10.244.0.128/26 prohibit"


def test_forwarding_that_a_file_takes_away_comes_back_with_it(again: Lab, folder: Path) -> None:
    without = FILES["node-0.sysctl"].replace("ip_forward = 1", "ip_forward = 0")
    (folder / "node-0.sysctl").write_text(without, encoding="ascii")
    again.up().ok()
    assert again.plan() == "# no changes"
    assert again.in_("node-0", "sysctl -n net.ipv4.conf.eth0.forwarding").strip() == "0"
    (folder / "node-0.sysctl").write_text(FILES["node-0.sysctl"], encoding="ascii")
    again.up().ok()
    assert again.plan() == "# no changes"
    assert again.in_("node-0", "sysctl -n net.ipv4.conf.eth0.forwarding").strip() == "1"


def test_mistakes_are_told_by_up_and_validate_alike_and_nothing_changes(again: Lab, folder: Path) -> None:
    (folder / "node-0.neigh").write_bytes(b"10.0.1.77 dev eth0 lladdr 02:00:00:00:00:77 PERMANENT\r\n")
    (folder / "node-0.routes").write_text("10.1.0.0/16 via 10.0.1.1 dev eth0 \n10.2.0.0/16 via 10.", encoding="ascii")
    for said in (again.up().refused(2), inv("validate", "--topology", str(folder / "machines.yaml")).refused(2)):
        assert "node-0.neigh:1:1: the line ends as on Windows, with a carriage return" in said
        assert "node-0.routes:2:1: the last line has no end: the file is cut off here" in said
    assert ROUTES[0] in lines(again.in_("node-0", "ip route"))


def test_a_setting_that_the_kernel_does_not_take_is_told_before_anything_is_done(again: Lab, folder: Path) -> None:
    text = f"{FILES['node-0.sysctl']}net.ipv4.ip_default_ttl = 99999\n"
    (folder / "node-0.sysctl").write_text(text, encoding="ascii")
    said = again.up().refused(1)
    assert "node-0.sysctl:10: net.ipv4.ip_default_ttl = 99999: invalid argument" in said
    assert again.in_("node-0", "sysctl -n net.ipv4.ip_default_ttl").strip() == "64"
