"""What a cable or a limit of a node is like, as a topology asks for it, where veths and namespaces would hide it.

pod-0 (node-0, subnet-a) asks pod-3 (node-2, subnet-b); the switch's port for node-2 passes 1,400 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until

PORT, SMALLER = "node-2.eth0", "1400"
ASKED = """\
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], 8080, timeout=1.5)
connection.request("GET", f"/{sys.argv[2]}")
print(len(connection.getresponse().read()))
"""
HOLDING = """\
import socket, sys
held = []
for number in range(4):
    one = socket.socket()
    one.settimeout(1)
    try:
        one.connect((sys.argv[1], 8080))
        held.append(one)
    except TimeoutError:
        break
print(len(held))
"""


def asked(lab: Lab, address: str, size: int) -> bool:
    """Whether pod-3 answers pod-0 with so many bytes."""
    done = lab.exec_("namespace001/pod-0", "python3", "-c", ASKED, address, str(size))
    return done.status == 0 and int(done.out) >= size


def address_of(lab: Lab, place: str) -> str:
    (found,) = (one for one in lab.map()["places"] if one["name"] == place)
    return str(next(link["addresses"][0] for link in found["links"] if link["name"] == "eth0").partition("/")[0])


def test_a_transfer_hangs_on_a_smaller_path_mtu_only_where_offload_is_off(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    one = lab("two-subnet")
    address = address_of(one, "namespace001/pod-3")
    one.in_("underlay", f"ip link set {PORT} mtu {SMALLER}")
    assert asked(one, address, 100_000), "a super-frame passes the port"

    cut = two_subnet_text.replace("spec:\n", "spec:\n  links: [{on: node-2/eth0, offload: off}]\n", 1)
    one.up(topology=file(cut)).ok()
    assert one.plan(topology=file(cut)) == "# no changes"
    assert asked(one, address, 100_000), "nothing is too small any more"
    one.in_("underlay", f"ip link set {PORT} mtu {SMALLER}")
    assert asked(one, address, 10), "the handshake, and what is small"
    assert not asked(one, address, 100_000), "whole packets do not pass the port"

    asking = ("trace", "--from", "pod-0", "--to", f"{address}:8080", "--size", "100000")
    told = inv(*asking, "--json", "-", "--lab", one.name)
    journey = json.loads(told.out)
    assert journey["verdict"] == "lost", str(told)
    assert journey["lost"]["direction"] == "reply", journey["lost"]

    one.up().ok()
    one.in_("underlay", f"ip link set {PORT} mtu {SMALLER}")
    assert asked(one, address, 100_000), "offload is on again"


def test_pods_with_the_underlays_mtu_come_up_and_their_tunnel_has_what_the_kernel_allows(lab: LabFactory) -> None:
    one = lab("two-subnet", up=False)
    said = one.up("--set", "cni.mtu=1500", "--set", "cni.natOutgoing=false")
    assert "pods have an MTU of 1500, and their nodes' tunnels 1450, the most that the kernel allows" in said.err, str(
        said
    )
    assert said.status == 0, str(said)
    assert one.plan("--set", "cni.mtu=1500", "--set", "cni.natOutgoing=false") == "# no changes"
    assert " mtu 1450 " in one.in_("node-0", "ip -o link show vxlan.calico")
    assert " mtu 1500 " in one.in_("namespace001/pod-0", "ip -o link show eth0")
    other_subnet, same_subnet = address_of(one, "namespace001/pod-3"), address_of(one, "namespace001/pod-2")
    assert until(lambda: learned_mtu(one, other_subnet) == 1450, "the node has told the tunnel's MTU")
    assert learned_mtu(one, same_subnet) == 1500
    assert asked(one, other_subnet, 100_000)

    traced = inv("trace", "--from", "pod-0", "--to", "www.example.com", "--json", "-", "--lab", one.name)
    assert json.loads(traced.out)["verdict"] == "lost", "a pod leaves with its own address, which nobody outside knows"


def learned_mtu(lab: Lab, address: str) -> int:
    """The path's MTU after a datagram of 1,500 bytes that may not be cut."""
    told = lab.exec_("namespace001/pod-0", "python3", "-c", LEARNED, address).ok()
    return int(told)


LEARNED = """\
import select, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
    one.connect((sys.argv[1], 8080))
    try:
        one.send(bytes(1472))
        select.select([one], [], [], 0.5)
    except OSError:
        pass  # what was learned before
    print(one.getsockopt(socket.IPPROTO_IP, 14))  # IP_MTU
"""


def test_a_limit_of_connections_stands_in_for_a_full_conntrack_table(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    rule = "-I FORWARD -p tcp --dport 8080 -m connlimit --connlimit-above 2 --connlimit-mask 0 -j DROP"
    limited = two_subnet_text.replace("spec:\n", f"spec:\n  firewalls: [{{on: node-2, rules: ['{rule}']}}]\n", 1)
    one = lab(file(limited))
    assert one.plan() == "# no changes"
    address = address_of(one, "namespace001/pod-3")
    assert one.exec_("namespace001/pod-0", "python3", "-c", HOLDING, address).ok().strip() == "2"
