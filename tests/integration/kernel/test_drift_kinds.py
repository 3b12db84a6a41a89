"""Every kind of object: in a lab that two `up`s found right, what somebody changes by hand the third names and mends.

That `up` reads only the places of which the kernel has told something since, or whose fingerprint is another. What
needs another kernel is in tests/vm: virtual servers (test_ipvs.py) and WireGuard (test_wireguard.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

import pytest

from lab.agent.design.blueprint import read_design
from lab.kernel.host.packages import find
from lab.network.objects import (
    Listener,
    Network,
    Object,
    Process,
    RealServer,
    RoutingRule,
    Sysctl,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.plan.commands import sysctl_path
from lab.plan.summary import object_name
from lab.tasks import topologies
from tests.integration.kernel.test_drift import CALI_POD_0, DAMAGES, SANDBOX, Damage, require_named
from tests.integration.labs import Lab, standing

Up = Callable[[], str]

IN_VM = {VirtualServer, RealServer, WireguardDevice, WireguardPeer}
ENDING = {Listener, Process}
"""Nobody's hand changes them: they end, and are begun again (test_outliving.py, test_killed.py)."""
LINKS = "  links: [{on: node-2/eth0, offload: off}, {on: node-0/eth0, rate: 10mbit}]\n"
TUNNEL, REMOTE, REMOTE_MAC = "vxlan.calico", "10.244.0.128", "66:c0:93:2e:56:2c"
PORT = "$(ls /sys/class/net/cni0/brif | head -n 1)"
GRO_ON = """python3 -c "
import array, fcntl, socket, struct
value = array.array('B', struct.pack('II', 0x2c, 1))
fcntl.ioctl(socket.socket(), 0x8946, struct.pack('16sQ16x', b'%s', value.buffer_info()[0]))
" """
"""What `ethtool -K DEVICE gro on` does, which few machines have."""


def setting(place: str, name: str, value: str) -> Damage:
    """It gets that value, which is not the design's."""
    written = f"echo {value} > /proc/sys/{sysctl_path(name)}"
    return Damage(f"{name} in {place}", place, (written,), (f"{place}: sysctl {name}",))


def typed(place: str, command: str, named: str) -> Damage:
    return Damage(f"{command.splitlines()[0]} in {place}", place, (command,), (f"{place}: {named}",))


CALICO = (
    setting("underlay", "net.ipv6.conf.default.disable_ipv6", "0"),
    setting("underlay", "net.bridge.bridge-nf-call-iptables", "1"),
    *(setting(place, "net.ipv6.conf.default.disable_ipv6", "0") for place in ("node-0", "router", "internet")),
    setting("node-2", "net.bridge.bridge-nf-call-iptables", "1"),
    setting("node-2", "net.ipv4.conf.all.route_localnet", "0"),
    setting("node-2", "net.ipv4.conf.all.rp_filter", "1"),
    setting("gateway", "net.ipv4.ip_forward", "0"),
    setting("gateway", "net.ipv4.conf.eth1.rp_filter", "1"),
    setting("node-0", f"net.ipv4.conf.{CALI_POD_0}.forwarding", "0"),
    setting("node-0", f"net.ipv4.conf.{CALI_POD_0}.rp_filter", "1"),
    setting("node-0", f"net.ipv4.conf.{CALI_POD_0}.proxy_arp", "0"),
    setting("node-0", f"net.ipv4.conf.{CALI_POD_0}.route_localnet", "0"),
    setting("node-0", f"net.ipv4.neigh.{CALI_POD_0}.proxy_delay", "70"),
    setting("namespace001/pod-0", "net.ipv6.conf.eth0.addr_gen_mode", "0"),
    typed("node-0", f"ip neigh change {REMOTE} dev {TUNNEL} nud stale", f"neighbour {TUNNEL} {REMOTE}"),
    typed(
        "node-0",
        f"ip neigh replace {REMOTE} lladdr 66:00:00:00:00:01 dev {TUNNEL} nud reachable",
        f"neighbour {TUNNEL} {REMOTE}",
    ),
    *(
        typed("node-0", f"bridge fdb {entry} self {state}", f"fdb {TUNNEL} {entry.split()[1]}")
        for state in ("permanent", "static", "dynamic")
        for entry in (
            f"replace {REMOTE_MAC} dev {TUNNEL} dst 10.0.1.11",
            f"add 66:00:00:00:00:01 dev {TUNNEL} dst 10.0.1.11",
        )
    ),
    typed("node-0", f"ip link set {TUNNEL} type vxlan df set", f"link {TUNNEL}"),
    typed("node-0", f"ip link set {CALI_POD_0} name renamed", "link renamed"),
    typed("underlay", "bridge link set dev node-0.eth0 hairpin on", "link node-0.eth0: port of subnet-a"),
    typed("underlay", "ip address add 192.0.2.1/24 dev subnet-a", "address subnet-a 192.0.2.1/24: not in the file"),
    typed("node-2", "ip rule add pref 5 lookup 77", "rule 5 from all lookup 77: not in the file"),
    typed("node-2", "ipset swap cali40all-vxlan-net cali40masq-ipam-pools", "ipset cali40masq-ipam-pools"),
    Damage(
        "a DNS server's root folder leads elsewhere",
        SANDBOX,
        ("ln -sfn /elsewhere /run/hoplab/kube-system.dns-0/rootfs/lib",),
        ("kube-system/dns-0: symlink /run/hoplab/kube-system.dns-0/rootfs/lib",),
    ),
)
FLANNEL = (
    typed("node-0", f"ip link set {PORT} nomaster", "link veth"),
    typed("node-0", f"bridge link set dev {PORT} hairpin off", "link veth"),
    setting("node-0", "net.bridge.bridge-nf-call-iptables", "0"),
    typed("node-0", "ip neigh change 10.244.1.0 dev flannel.1 nud stale", "neighbour flannel.1 10.244.1.0"),
)
NFTABLES = (
    typed("node-0", "nft add chain ip kube-proxy mine", "nft chain kube-proxy mine: not in the file"),
    typed("node-0", "nft add element ip kube-proxy cluster-ips { 192.0.2.1 }", "nft set kube-proxy cluster-ips"),
    typed("node-0", "nft flush map ip kube-proxy service-ips", "nft map kube-proxy service-ips"),
    typed("node-0", "nft delete table ip kube-proxy", "nft table kube-proxy"),
)
IMPAIRED = (
    typed("node-2", GRO_ON % "eth0", "offload eth0"),
    typed("underlay", GRO_ON % "node-2.eth0", "offload node-2.eth0"),
    typed("node-0", "tc qdisc replace dev eth0 root tbf rate 1mbit burst 10kb latency 50ms", "qdisc eth0"),
    typed("node-0", "tc qdisc del dev eth0 root", "qdisc eth0"),
    typed("node-1", "tc qdisc add dev eth0 root tbf rate 1mbit burst 10kb latency 50ms", "qdisc eth0"),
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A lab, and what is done to it. `spec` is added to its topology."""

    name: str
    topology: str
    damages: tuple[Damage, ...]
    settings: tuple[str, ...] = ()
    spec: str = ""

    @property
    def text(self) -> str:
        return topologies.find(self.topology).text.replace("spec:\n", f"spec:\n{self.spec}", 1)

    @property
    def network(self) -> Network:
        return read_design(self.text, self.name, self.settings).network


SETUPS = (
    Setup("calico", "two-subnet", CALICO),
    Setup("flannel", "two-subnet-bridge", FLANNEL),
    Setup("nftables", "two-subnet", NFTABLES, ("services.proxy=nftables",)),
    Setup("impaired", "two-subnet", IMPAIRED, spec=LINKS),
)


@pytest.fixture(scope="module")
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Up]]:
    """The lab of the setup that the test names, and what brings it to its file again and tells what that was."""
    setup: Setup = request.param
    if setup.name == "nftables" and not find("nft"):
        pytest.skip("this machine has no nft")
    file = tmp_path_factory.mktemp("drift") / f"{setup.name}.yaml"
    file.write_text(setup.text, encoding="utf-8")
    options = [word for value in setup.settings for word in ("--set", value)]
    with standing(str(file), *options) as one:
        yield one, lambda: one.up(*options).ok()


CASES = [pytest.param(setup, damage, id=f"{setup.name}: {damage}") for setup in SETUPS for damage in setup.damages]


@pytest.mark.parametrize(("up", "damage"), CASES, indirect=["up"])
def test_the_third_up_names_and_mends_it(up: tuple[Lab, Up], damage: Damage) -> None:
    lab, again = up
    assert "no changes" in again(), "it is as designed, and was so when it was looked at"
    for command in damage.commands:
        if damage.place == SANDBOX:
            lab.in_sandbox(command)
        else:
            lab.exec_(damage.place, "sh", "-c", command).ok()
    said = again()
    assert "no changes" not in said
    if "steps)" not in said:  # of very many it tells only how many
        require_named([line.strip().partition(" ")[2].strip() for line in said.splitlines()], damage.named)
    assert lab.drift() == [], said
    assert "no changes" in again(), said


def kind_of(item: Object) -> str:
    """As it is named: `route`, `nft map`, `sysctl proxy_delay`."""
    if isinstance(item, Sysctl):
        return f"sysctl {item.name.rpartition('.')[2]}"
    name = object_name(item).split()
    return " ".join(name[:2] if name[0] == "nft" else name[:1])


def test_no_kind_of_object_and_no_setting_is_left_out() -> None:
    designed = [item for setup in SETUPS for item in setup.network]
    assert {type(item) for item in designed} | IN_VM | {RoutingRule} == set(get_args(Object))
    named = [line for damage in DAMAGES for line in damage.named]
    named += [line for setup in SETUPS for damage in setup.damages for line in damage.named]
    told = [line.partition(": ")[2] for line in named]
    for kind in {kind_of(item) for item in designed if type(item) not in ENDING}:
        noun, _, rest = kind.partition(" ")
        assert any(one.split()[0] == noun and rest in one for one in told), f"{kind} is in no table"
