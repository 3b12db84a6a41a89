"""What differs from the design is the suspect, its place and its cure are named, and the cure takes nothing away.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until

POD_0 = "namespace001/pod-0"
NFTABLES = ("--set", "services.proxy=nftables")
FRONT = "-d 172.16.10.10/32 -p tcp -j DNAT --to-destination 10.244.0.140:8080"

CHOOSER = "service-SV75TVR2-namespace001/myapp/tcp/http"
AMONG_NOBODY = (
    "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.140 . 8080, 1 : 10.244.0.140 . 8081 }"
)


@dataclass(frozen=True)
class Row:
    """What is done (place, command), what is asked, and what must be named: where it ended, the cause, the object."""

    name: str
    done: tuple[tuple[str, str], ...]
    ended: tuple[str, str]
    cause: str
    object_place: str
    object: str
    fix: str
    to: str = "myapp.namespace001"
    via: str = "pod-3"
    size: int = 0
    protocol: str = "tcp"
    options: tuple[str, ...] = ()


ROWS = (
    Row(
        "pods are not masqueraded: the set is empty",
        (("node-0", "ipset flush cali40masq-ipam-pools"),),
        ("gateway", "reply"),
        "masquerade-missing",
        "node-0",
        "set cali40masq-ipam-pools lacks 10.244.0.0/16",
        "ipset add cali40masq-ipam-pools 10.244.0.0/16",
        to="{web}",
        via="",
    ),
    Row(
        "a rule in front of kube-proxy's leads to no endpoint",
        (("node-0", f"iptables -t nat -I PREROUTING {FRONT}"),),
        ("node-2", "decapsulate"),
        "foreign-rule",
        "node-0",
        f"-A PREROUTING {FRONT}",
        f"iptables -t nat -D PREROUTING {FRONT}",
        via="",
    ),
    Row(
        "a rule in front of kube-proxy's leads to no endpoint, nftables",
        (
            ("node-0", "nft add table ip mesh"),
            ("node-0", "nft add chain ip mesh pre {{ type nat hook prerouting priority -110 ; }}"),
            ("node-0", "nft add rule ip mesh pre ip daddr 172.16.10.10 tcp dport 80 dnat to 10.244.0.140:8080"),
        ),
        ("node-2", "decapsulate"),
        "foreign-rule",
        "node-0",
        "ip daddr 172.16.10.10 tcp dport 80 dnat to 10.244.0.140:8080",
        "nft delete rule ip mesh pre handle",
        via="",
        options=NFTABLES,
    ),
    Row(
        "a Service's own chain leads to no endpoint, nftables",
        (
            ("node-0", f"nft flush chain ip kube-proxy {CHOOSER}"),
            ("node-0", f"nft add rule ip kube-proxy {CHOOSER} {AMONG_NOBODY.replace('{', '{{').replace('}', '}}')}"),
        ),
        ("node-2", "decapsulate"),
        "foreign-rule",
        "node-0",
        "map {{ 0 : 10.244.0.140 . 8080, 1 : 10.244.0.140 . 8081 }}",
        f"nft 'flush chain ip kube-proxy {CHOOSER}\nadd rule ip kube-proxy {CHOOSER} meta l4proto tcp dnat ip to",
        via="",
        options=NFTABLES,
    ),
    Row(
        "the nat table is flushed",
        (("node-0", "iptables -t nat -F"),),
        ("router", "forward"),
        "rules-missing",
        "node-0",
        "-j KUBE-SERVICES",
        "iptables-restore --noflush",
        to="172.16.10.10:80",
        via="",
    ),
    Row(
        "the whole nft table is gone",
        (("node-0", "nft delete table ip kube-proxy"),),
        ("gateway", "forward"),
        "rules-missing",
        "node-0",
        "table ip kube-proxy",
        "nft 'add table ip kube-proxy",
        to="172.16.10.10:80",
        via="",
        options=NFTABLES,
    ),
    Row(
        "a chain of kube-proxy's nft table is empty",
        (("node-0", "nft flush chain ip kube-proxy services"),),
        ("node-0", "firewall"),  # kube-proxy rejects what is for a ClusterIP and was not translated
        "rules-missing",
        "node-0",
        "chain services lacks ip daddr @cluster-ips ip saddr != 10.244.0.0/16 meta mark set",
        "nft 'flush chain ip kube-proxy services",
        to="172.16.10.10:80",
        via="",
        options=NFTABLES,
    ),
    Row(
        "an element of kube-proxy's map is gone",
        (("node-0", "nft delete element ip kube-proxy service-ips {{ 172.16.10.10 . tcp . 80 }}"),),
        ("node-0", "firewall"),
        "set-differs",
        "node-0",
        "map ip kube-proxy service-ips lacks 172.16.10.10 . tcp . 80",
        "nft 'add element ip kube-proxy service-ips",
        via="",
        options=NFTABLES,
    ),
    Row(
        "Calico's set of tunnel hosts lacks a node: the set is filled, Calico's own rule stays",
        (("node-2", "ipset del cali40all-vxlan-net 10.0.1.10"),),
        ("node-2", "firewall"),
        "set-differs",
        "node-2",
        "set cali40all-vxlan-net lacks 10.0.1.10",
        "ipset add cali40all-vxlan-net 10.0.1.10",
    ),
    Row(
        "Calico's rule that lets VXLAN in is gone",
        (("node-2", "iptables -D cali-INPUT 1"),),
        ("node-2", "firewall"),
        "rules-missing",
        "node-2",
        "Allow IPv4 VXLAN packets from allowed hosts",
        "iptables -I cali-INPUT 1",
    ),
    Row(
        "the tunnel's source is translated on the way",
        (("router", "iptables -t nat -A POSTROUTING -p udp -m udp --dport 4789 -j SNAT --to-source 10.0.2.1"),),
        ("node-2", "firewall"),
        "foreign-rule",
        "router",
        "-j SNAT --to-source 10.0.2.1",
        "iptables -t nat -D POSTROUTING",
    ),
    Row(
        "a rule of nft drops",
        (
            ("node-2", "nft add table inet firewalld"),
            ("node-2", "nft add chain inet firewalld filter_INPUT {{ type filter hook input priority 10 ; }}"),
            ("node-2", "nft add rule inet firewalld filter_INPUT udp dport 4789 drop"),
        ),
        ("node-2", "firewall"),
        "firewall-drop",
        "node-2",
        "udp dport 4789 drop",
        "nft delete rule inet firewalld filter_INPUT handle",
    ),
    Row(
        "the other node's address is held on the way",
        (("router", "ip addr add 10.0.2.10/32 dev lo"),),
        ("router", "route"),
        "address-taken",
        "router",
        "10.0.2.10/32 dev lo",
        "ip addr del 10.0.2.10/32 dev lo",
    ),
    Row(
        "a pod's MTU is raised by hand, at both ends of its cable",
        ((POD_0, "ip link set eth0 mtu 9000"), ("node-0", "ip link set {cali} mtu 9000")),
        ("node-0", "route"),
        "too-big",
        POD_0,
        "eth0 mtu 9000",
        "ip link set {cali} mtu 1450",
        to="pod-3:8080",
        via="",
        size=4000,
        protocol="udp",
    ),
)


def journey(lab: Lab, row: Row, names: dict[str, str]) -> dict[str, Any]:
    """What the public command says, as JSON."""
    via = ("--via", row.via) if row.via else ()
    size = ("--size", str(row.size)) if row.size else ()
    asked = ("--from", POD_0, "--to", row.to.format(**names), "--protocol", row.protocol, *via, *size)
    told: dict[str, Any] = json.loads(inv("trace", *asked, "--lab", lab.name, "--json", "-").out)
    return told


def names_of(lab: Lab) -> dict[str, str]:
    told = lab.map()
    pod = next(place for place in told["places"] if place["name"] == POD_0)
    return {"cali": pod["links"][0]["peer_name"], "web": f"{told['internet'][0]['address']}:80"}


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_differs_is_named_and_brought_back(lab: LabFactory, row: Row) -> None:
    broken = lab("two-subnet", *row.options)
    names = names_of(broken)
    for place, command in row.done:
        broken.exec_(place, *shlex.split(command.format(**names))).ok()
    lost = journey(broken, row, names)["lost"]
    assert lost, "the request was to be lost"
    told = json.dumps(lost, indent=1)
    assert (lost["cause"], lost["object_place"]) == (row.cause, row.object_place), told
    assert row.object.format(**names) in lost["object"], told
    assert (lost["place"], lost["stage"]) == row.ended, told
    assert any(row.fix.format(**names) in one["command"] for one in lost["fix"]), told
    for one in lost["fix"]:
        assert one["held_by"] is None, "nothing of it stands in the file"
        broken.exec_(one["place"], *shlex.split(one["command"])).ok()
    until(lambda: journey(broken, row, names)["verdict"] == "delivered", f"this has mended it: {lost['fix']}")
    left = [line for line in broken.plan(*row.options).splitlines() if "mesh" not in line]
    assert left == ["# no changes"], "the fix took nothing away that the cluster's components made"


def test_what_the_file_holds_is_told_with_its_line(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    rule = "-A FORWARD -p udp -m udp --dport 4789 -j DROP"
    blocked = two_subnet_text.replace("spec:\n", f"spec:\n  firewalls: [{{on: router, rules: ['{rule}']}}]\n", 1)
    line = next(number for number, text in enumerate(blocked.splitlines(), 1) if rule in text)
    path = file(blocked)
    broken = lab(path)
    row = ROWS[0]
    lost = journey(broken, Row("", (), row.ended, "", "", "", ""), {})["lost"]
    assert (lost["place"], lost["stage"], lost["object_place"]) == ("router", "firewall", "router")
    assert lost["object"] == rule
    held = f"{path.rpartition('/')[2]}:{line}"
    assert lost["fix"] == [{"place": "router", "command": f"iptables -D {rule[3:]}", "held_by": held}]
    assert "UDP 4789 is VXLAN" in lost["why"], "what else is lost by it"


def test_up_sees_and_mends_a_setting_of_one_device(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    broken.in_("node-2", "sysctl -w net/ipv4/conf/vxlan.calico/forwarding=0")
    assert "sysctl -qw net/ipv4/conf/vxlan.calico/forwarding=1" in broken.plan()
    assert "net/ipv4/conf/vxlan.calico/forwarding" in broken.up().ok()
    assert broken.plan() == "# no changes"
