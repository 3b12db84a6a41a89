"""Every kind of object as the line that a person would type, added, changed and removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    File,
    Interface,
    Ipip,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    Object,
    Offload,
    Process,
    Qdisc,
    RealServer,
    Reply,
    Route,
    Rule,
    Symlink,
    Sysctl,
    VirtualServer,
    Vxlan,
)
from lab.network.objects.qdisc import fraction, shaped
from lab.network.place_names import UNDERLAY
from lab.plan.commands import commands, sysctl_path
from lab.plan.steps import Action, ChainChange, RuleStep, Step

GOLDEN = Path(__file__).parents[2] / "golden" / "plan" / "commands.txt"
ACTIONS: tuple[Action, ...] = ("add", "change", "remove")

OBJECTS: tuple[Object, ...] = (
    Namespace("node-0", "node"),
    Namespace("namespace001/pod-0", "pod"),
    Interface(UNDERLAY, "subnet-a", "bridge", "02:00:00:00:00:01", 1500),
    Interface(UNDERLAY, "node-0", "veth", "", 1500, master="subnet-a", peer_place="node-0", peer_name="eth0"),
    Interface("node-0", "eth0", "veth", "02:00:00:00:00:02", 1500, primary=False),
    Interface("node-0", "veth1", "veth", "", 1450, master="cni0", hairpin=True, primary=False),
    Interface(
        "node-0", "vxlan.calico", "vxlan", "66:00:00:00:00:01", 1450, vxlan=Vxlan(4096, 4789, "10.0.1.10", "eth0")
    ),
    Interface(
        "node-0",
        "flannel.1",
        "vxlan",
        "66:00:00:00:00:01",
        1450,
        vxlan=Vxlan(1, 8472, "10.0.1.10", "eth0", learning=True, df="set"),
    ),
    Interface("node-0", "tunl0", "ipip", "", 1480, ipip=Ipip()),
    Interface("node-0", "kube-ipvs0", "dummy", "", 1500, up=False),
    Sysctl("node-0", "net.ipv4.conf.vxlan.calico.rp_filter", "0"),
    Offload("node-0", "eth0"),
    Qdisc("node-0", "eth0", "netem", delay=20_000_000, jitter=5_000_000, loss=fraction(1), limit=1000),
    shaped(UNDERLAY, "node-0.eth0", 1_250_000, 1500, ""),
    Address("namespace001/pod-0", "eth0", "10.244.0.2/32"),
    Route("node-0", "10.244.0.128/26", via="10.244.0.128", device="vxlan.calico", onlink=True),
    Route("node-0", "10.244.0.0/26", type="blackhole", proto="80"),
    Route("namespace001/pod-0", "169.254.1.1/32", device="eth0", scope="link", src="10.244.0.2"),
    Neighbour("node-0", "vxlan.calico", "10.244.0.128", "66:00:00:00:00:02"),
    FdbEntry("node-0", "vxlan.calico", "66:00:00:00:00:02", "10.0.2.10"),
    IpSet("node-0", "pools", "hash:net", ("10.244.0.0/16", "10.245.0.0/16")),
    VirtualServer("node-0", "udp", "172.16.0.10", 53, "lc", 10800),
    VirtualServer("node-0", "tcp", "172.16.10.10", 80, "mh"),
    RealServer("node-0", "tcp", "172.16.10.10", 80, "10.244.0.66:8080"),
    File("namespace001/pod-0", "/etc/netns/namespace001.pod-0/hosts", "127.0.0.1 localhost\n"),
    Symlink("kube-system/dns-0", "/run/hoplab/kube-system.dns-0/rootfs/bin", "usr/bin"),
    Listener("namespace001/pod-0", "tcp", 8080, "pod-0"),
    Listener(
        "node-0", "tcp", 32100, "kube-proxy", address="10.0.1.10", reply=Reply(503, "X-A: 1\r\nX-B: 2", '{"n":\t0}')
    ),
    Process("namespace001/pod-1", "program", ("sh", "-c", "echo 'two words'; sleep 9")),
)
CHAIN = Chain("node-0", "filter", "MINE", (Rule("-p tcp -j DROP"),))


def before(item: Object) -> Object:
    """What is there in its stead; of a set, one that lacks a member and has another."""
    return replace(item, members=(*item.members[:1], "192.0.2.0/24")) if isinstance(item, IpSet) else item


def told() -> str:
    lines = []
    for item in OBJECTS:
        for action in ACTIONS:
            if action != "change" or not isinstance(item, Namespace | Address):
                lines.append(f"# {action} {' '.join(item.key)}\n{commands(Step(action, item, before(item)))}\n")
    step = RuleStep("node-0", (ChainChange("add", CHAIN), ChainChange("remove", CHAIN, CHAIN)))
    return "\n".join([*lines, f"# rules\n{commands(step)}\n"])


def test_as_a_person_would_type_it() -> None:
    """To accept a change: write what `told()` gives into the golden file, and read the difference."""
    assert told() == GOLDEN.read_text(encoding="utf-8")


def test_a_device_keeps_the_dots_of_its_name() -> None:
    assert sysctl_path("net.ipv4.conf.vxlan.calico.rp_filter") == "net/ipv4/conf/vxlan.calico/rp_filter"
    assert sysctl_path("net.ipv4.neigh.cali1.proxy_delay") == "net/ipv4/neigh/cali1/proxy_delay"
    assert sysctl_path("net.ipv4.ip_forward") == "net/ipv4/ip_forward"
