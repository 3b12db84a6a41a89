"""Faults as people make them, by plain commands, and what a trace must say of each."""

from __future__ import annotations

from dataclasses import dataclass

PLAIN, WRAPPED = "pod-2", "pod-3"  # in the client's subnet, and in the other one
NODE_OF = {PLAIN: "node-1", WRAPPED: "node-2"}


@dataclass(frozen=True)
class Fault:
    """What is done (place, command), what is asked, and the place, cause and part of the object to be named."""

    name: str
    done: tuple[tuple[str, str], ...]
    place: str
    cause: str
    object: str
    to: str = "myapp.namespace001"
    via: str = WRAPPED
    protocol: str = "tcp"
    size: int = 0
    direction: str = "request"
    source: str = "namespace001/pod-0"
    mends: bool = True


# Names of the lab two-subnet are made from hashes of the places: they are the same in every lab.
CALI_0, CALI_2, CALI_3 = "{cali:namespace001/pod-0}", "{cali:namespace001/pod-2}", "{cali:namespace001/pod-3}"
IP_2, IP_3 = "{ip:namespace001/pod-2}", "{ip:namespace001/pod-3}"
MAC_0, MAC_1, MAC_2 = "{vtep:node-0}", "{vtep:node-1}", "{vtep:node-2}"
REBUILD = (
    "ip link del vxlan.calico",
    "ip link add vxlan.calico address " + MAC_2 + " mtu 1450 type vxlan id {vni} local 10.0.2.10 dev eth0 "
    "dstport {port} nolearning",
    "ip addr add 10.244.0.128/32 dev vxlan.calico",
    "ip link set vxlan.calico up",
    "ip neigh replace 10.244.0.0 lladdr " + MAC_0 + " dev vxlan.calico nud permanent",
    "bridge fdb replace " + MAC_0 + " dev vxlan.calico dst 10.0.1.10 self permanent",
    "ip route replace 10.244.0.0/26 via 10.244.0.0 dev vxlan.calico onlink",
)


def _rebuilt(vni: int, port: int) -> tuple[tuple[str, str], ...]:
    return tuple(("node-2", line.replace("{vni}", str(vni)).replace("{port}", str(port))) for line in REBUILD)


VXLAN, VXLAN_SAVED = "-p udp --dport 4789", "-p udp -m udp --dport 4789"
BLOCK = {WRAPPED: "10.244.0.128/26", PLAIN: "10.244.0.64/26"}

FAULTS: tuple[Fault, ...] = (
    # no route, in both kinds of path; the default route takes it elsewhere
    *(
        Fault(
            f"route to the block is gone, {via}",
            (("node-0", f"ip route del {block}"),),
            "node-0",
            "no-route",
            block,
            via=via,
        )
        for via, block in BLOCK.items()
    ),
    *(
        Fault(
            f"the block is a blackhole, {via}",
            (("node-0", f"ip route replace blackhole {block}"),),
            "node-0",
            "blackhole-route",
            f"blackhole {block}",
            via=via,
        )
        for via, block in BLOCK.items()
    ),
    *(
        Fault(
            f"one pod is a blackhole, {via}",
            (("node-0", f"ip route add blackhole {address}"),),
            "node-0",
            "blackhole-route",
            f"blackhole {address}",
            via=via,
        )
        for via, address in ((WRAPPED, IP_3), (PLAIN, IP_2))
    ),
    *(
        Fault(
            f"the route points to a wrong node, {via}",
            (("node-0", f"ip route replace {block} via 10.0.1.1 dev eth0"),),
            "node-0",
            "wrong-route",
            f"{block} via 10.0.1.1 dev eth0",
            via=via,
        )
        for via, block in BLOCK.items()
    ),
    Fault(
        "the reply's route is gone",
        (("node-2", "ip route del 10.244.0.0/26"),),
        "node-2",
        "no-route",
        "10.244.0.0/26 via 10.244.0.0 dev vxlan.calico",
        direction="reply",
    ),
    Fault(
        "the node lost the route to its own pod",
        (("node-2", f"ip route del {IP_3}"),),
        "node-2",
        "no-route",
        f"{IP_3} dev {CALI_3}",
    ),
    Fault(
        "the pod has no default route",
        (("namespace001/pod-0", "ip route del default"),),
        "namespace001/pod-0",
        "no-route",
        "default via 169.254.1.1",
        to="pod-3:8080",
        via="",
    ),
    Fault(
        "the endpoint has no default route",
        (("namespace001/pod-3", "ip route del default"),),
        "namespace001/pod-3",
        "no-route",
        "default via 169.254.1.1",
        direction="reply",
    ),
    # the wires between the places: a switch's ports
    Fault(
        "a port of the wires is down",
        (("underlay", "ip link set node-2.eth0 down"),),
        "underlay",
        "interface-down",
        "node-2.eth0 state DOWN",
        to="pod-3:8080",
        via="",
    ),
    Fault(
        "a port of the wires has a smaller MTU",
        (("underlay", "ip link set node-2.eth0 mtu 1400"),),
        "underlay",
        "too-big",
        "node-2.eth0 mtu 1400",
        to="pod-3:8080",
        via="",
        protocol="udp",
        size=1400,
    ),
    # forwarding and reverse path filter
    *(
        Fault(
            f"forwarding is off at {place}, {via}",
            ((place, "sysctl -w net.ipv4.ip_forward=0"),),
            place,
            "ip-forward-off",
            "net.ipv4.ip_forward = 0",
            via=via,
        )
        for place, via in (("router", WRAPPED), ("node-1", PLAIN), ("node-2", WRAPPED))
    ),
    Fault(
        "forwarding is off on one interface",
        (("node-2", "sysctl -w net/ipv4/conf/vxlan.calico/forwarding=0"),),
        "node-2",
        "ip-forward-off",
        "net/ipv4/conf/vxlan.calico/forwarding = 0",
    ),
    Fault(
        "strict rp_filter with an asymmetric path",
        (
            ("node-1", "ip route replace 10.244.0.0/26 via 10.244.0.0 dev vxlan.calico onlink"),
            ("node-1", "sysctl -w net.ipv4.conf.eth0.rp_filter=1"),
        ),
        "node-1",
        "rp-filter",
        "net.ipv4.conf.eth0.rp_filter = 1",
        via=PLAIN,
    ),
    # the tunnel's entries
    Fault(
        "no FDB entry",
        (("node-0", f"bridge fdb del {MAC_2} dev vxlan.calico"),),
        "node-0",
        "no-fdb-entry",
        f"{MAC_2} dev vxlan.calico dst 10.0.2.10",
    ),
    Fault(
        "the reply has no FDB entry",
        (("node-2", f"bridge fdb del {MAC_0} dev vxlan.calico"),),
        "node-2",
        "no-fdb-entry",
        f"{MAC_0} dev vxlan.calico dst 10.0.1.10",
        direction="reply",
    ),
    Fault(
        "wrong VTEP",
        (("node-0", f"bridge fdb replace {MAC_2} dev vxlan.calico dst 10.0.1.11 self permanent"),),
        "node-0",
        "wrong-vtep",
        f"{MAC_2} dev vxlan.calico dst 10.0.1.11",
    ),
    Fault(
        "a VTEP that nobody has",
        (("node-0", f"bridge fdb replace {MAC_2} dev vxlan.calico dst 10.0.2.99 self permanent"),),
        "node-0",
        "wrong-vtep",
        f"{MAC_2} dev vxlan.calico dst 10.0.2.99",
    ),
    Fault(
        "wrong inner MAC",
        (
            ("node-0", "ip neigh replace 10.244.0.128 lladdr 66:00:00:00:00:01 dev vxlan.calico nud permanent"),
            ("node-0", "bridge fdb add 66:00:00:00:00:01 dev vxlan.calico dst 10.0.2.10 self permanent"),
        ),
        "node-0",
        "wrong-inner-mac",
        "10.244.0.128 dev vxlan.calico lladdr 66:00:00:00:00:01",
    ),
    Fault(
        "stale inner MAC that no FDB entry knows",
        (("node-0", "ip neigh replace 10.244.0.128 lladdr 66:00:00:00:00:01 dev vxlan.calico nud permanent"),),
        "node-0",
        "wrong-inner-mac",
        "10.244.0.128 dev vxlan.calico lladdr 66:00:00:00:00:01",
    ),
    Fault(
        "no neighbour entry",
        (("node-0", "ip neigh del 10.244.0.128 dev vxlan.calico"),),
        "node-0",
        "no-neighbour",
        "10.244.0.128 dev vxlan.calico",
    ),
    Fault(
        "the tunnel device has another MAC",
        (("node-2", "ip link set vxlan.calico address 66:00:00:00:00:02"),),
        "node-2",
        "wrong-inner-mac",
        "vxlan.calico link/ether 66:00:00:00:00:02",
    ),
    Fault("another VXLAN number on one node", _rebuilt(77, 4789), "node-2", "vni-mismatch", "vxlan.calico vxlan id 77"),
    Fault(
        "another VXLAN port on one node",
        _rebuilt(4096, 8472),
        "node-2",
        "port-mismatch",
        "vxlan.calico vxlan dstport 8472",
    ),
    # interfaces and neighbours
    Fault(
        "the pod's interface is down",
        (("namespace001/pod-3", "ip link set eth0 down"),),
        "namespace001/pod-3",
        "interface-down",
        "eth0",
    ),
    Fault(
        "the node's end of the pod's cable is down",
        (("node-1", f"ip link set {CALI_2} down"),),
        "node-1",
        "interface-down",
        CALI_2,
        via=PLAIN,
    ),
    Fault(
        "the tunnel device is down",
        (("node-0", "ip link set vxlan.calico down"),),
        "node-0",
        "interface-down",
        "vxlan.calico",
    ),
    Fault("the router's interface is down", (("router", "ip link set eth1 down"),), "router", "interface-down", "eth1"),
    Fault(
        "proxy_arp is off",
        (
            ("node-0", f"sysctl -w net/ipv4/conf/{CALI_0}/proxy_arp=0"),
            ("namespace001/pod-0", "ip neigh flush dev eth0"),
        ),
        "node-0",
        "no-neighbour",
        "proxy_arp = 0",
        to="pod-3:8080",
        via="",
    ),
    Fault(
        "a wrong neighbour",
        (("node-1", f"ip neigh replace {IP_2} lladdr 02:00:00:00:00:09 dev {CALI_2} nud permanent"),),
        "node-1",
        "wrong-neighbour",
        IP_2,
        via=PLAIN,
    ),
    Fault(
        "the node lost its address",
        (("node-2", "ip addr del 10.0.2.10/24 dev eth0"),),
        "node-2",
        "address-missing",
        "10.0.2.10/24 dev eth0",
    ),
    # firewalls
    Fault(
        "the node's INPUT drops VXLAN",
        (("node-2", f"iptables -I INPUT 1 {VXLAN} -j DROP"),),
        "node-2",
        "firewall-drop",
        f"-A INPUT {VXLAN_SAVED} -j DROP",
    ),
    Fault(
        "the reply's VXLAN is dropped",
        (("node-0", f"iptables -I INPUT 1 {VXLAN} -j DROP"),),
        "node-0",
        "firewall-drop",
        f"-A INPUT {VXLAN_SAVED} -j DROP",
        direction="reply",
    ),
    Fault(
        "the node's OUTPUT drops VXLAN",
        (("node-0", f"iptables -I OUTPUT 1 {VXLAN} -j DROP"),),
        "node-0",
        "firewall-drop",
        f"-A OUTPUT {VXLAN_SAVED} -j DROP",
    ),
    Fault(
        "the router's FORWARD drops VXLAN",
        (("router", f"iptables -I FORWARD 1 {VXLAN} -j DROP"),),
        "router",
        "firewall-drop",
        f"-A FORWARD {VXLAN_SAVED} -j DROP",
    ),
    Fault(
        "a node rejects",
        (("node-1", "iptables -I FORWARD 1 -p tcp --dport 8080 -j REJECT"),),
        "node-1",
        "firewall-reject",
        "-j REJECT",
        via=PLAIN,
    ),
    Fault(
        "a pod rejects what it gets",
        (("namespace001/pod-3", "iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset"),),
        "namespace001/pod-3",
        "firewall-reject",
        "--reject-with tcp-reset",
    ),
    Fault(
        "a pod drops what it sends",
        (("namespace001/pod-0", "iptables -A OUTPUT -p tcp -j DROP"),),
        "namespace001/pod-0",
        "firewall-drop",
        "-A OUTPUT -p tcp -j DROP",
        to="pod-3:8080",
        via="",
    ),
    *(
        Fault(
            f"policy of FORWARD, {via}",
            ((place, "iptables -P FORWARD DROP"), (place, "iptables -F FORWARD")),
            place,
            "policy-drop",
            "-P FORWARD DROP",
            via=via,
            source=source,
        )
        for place, via, source in (("router", WRAPPED, "namespace001/pod-0"),)
    ),
    Fault(
        "policy of INPUT",
        (("namespace001/pod-2", "iptables -P INPUT DROP"),),
        "namespace001/pod-2",
        "policy-drop",
        "-P INPUT DROP",
        via=PLAIN,
    ),
    Fault(
        "iptables-legacy drops VXLAN",
        (("node-2", f"iptables-legacy -I INPUT 1 {VXLAN} -j DROP"),),
        "node-2",
        "firewall-drop",
        f"-A INPUT {VXLAN_SAVED} -j DROP",
    ),
    Fault(
        "DNS is dropped",
        (("node-0", "iptables -I FORWARD 1 -p udp --dport 53 -j DROP"),),
        "node-0",
        "firewall-drop",
        "--dport 53 -j DROP",
    ),
    Fault(
        "fragments are dropped on the router",
        (("router", "iptables -I FORWARD 1 -p udp -m length --length 1400:65535 -j DROP"),),
        "router",
        "firewall-drop",
        "--length 1400:65535",
        to="pod-3:8080",
        via="",
        protocol="udp",
        size=1400,
    ),
    # sizes
    Fault(
        "a node's MTU is too small",
        (("node-2", "ip link set eth0 mtu 1400"),),
        "node-2",
        "too-big",
        "eth0 mtu 1400",
        to="pod-3:8080",
        via="",
        protocol="udp",
        size=1400,
    ),
    Fault(
        "a pod's MTU is too small",
        (("namespace001/pod-2", "ip link set eth0 mtu 1300"),),
        "namespace001/pod-2",
        "too-big",
        "eth0 mtu 1300",
        to="pod-2:8080",
        via="",
        protocol="udp",
        size=1400,
    ),
    Fault(
        "a small MTU behind a tunnel that must not be fragmented",
        (("router", "ip link set eth1 mtu 1400"), ("node-0", "ip link set dev vxlan.calico type vxlan df set")),
        "router",
        "too-big",
        "eth1 mtu 1400",
        to="pod-3:8080",
        via="",
        protocol="udp",
        size=1400,
        mends=False,
    ),
    # the outside
    Fault(
        "masquerade is missing",
        (("node-0", "iptables -t nat -F cali-nat-outgoing"),),
        "node-0",
        "masquerade-missing",
        "-j MASQUERADE",
        to="{web}",
        via="",
        direction="reply",
    ),
    Fault(
        "the gateway does not masquerade",
        (("gateway", "iptables -t nat -F POSTROUTING"),),
        "gateway",
        "masquerade-missing",
        "-j MASQUERADE",
        to="{web}",
        via="",
    ),
    # the ends
    Fault(
        "nobody listens, tcp",
        (),
        "namespace001/pod-3",
        "nobody-listens",
        "tcp port 81",
        to="pod-3:81",
        via="",
        mends=False,
    ),
    Fault(
        "nobody listens, udp",
        (),
        "namespace001/pod-2",
        "nobody-listens",
        "udp port 81",
        to="pod-2:81",
        via="",
        protocol="udp",
        mends=False,
    ),
    Fault(
        "the Service has no such port",
        (),
        "node-0",
        "no-such-port",
        "port 81",
        to="myapp.namespace001:81",
        via="",
        mends=False,
    ),
)

NODE_PORT_FAULTS: tuple[Fault, ...] = tuple(
    Fault(
        f"a node's firewall blocks the node port, {chain} of {table}, {node}, {via}",
        ((node, f"iptables -t {table} -I {chain} 1 {match} -j DROP"),),
        node,
        "firewall-drop",
        f"-A {chain} {saved} -j DROP",
        to=f"{node}:30080",
        via=via,
    )
    # INPUT never sees a node port: the packet has been translated to an endpoint's address before, and is forwarded.
    # What blocks it are the tables that come before the translation, or FORWARD by the port that was asked.
    for table, chain, match, saved in (
        ("raw", "PREROUTING", "-p tcp --dport 30080", "-p tcp -m tcp --dport 30080"),
        ("mangle", "PREROUTING", "-p tcp --dport 30080", "-p tcp -m tcp --dport 30080"),
        ("filter", "FORWARD", *("-p tcp -m conntrack --ctorigdstport 30080",) * 2),
    )
    for node, via in (("node-1", WRAPPED), ("node-1", PLAIN), ("node-2", PLAIN), ("node-2", WRAPPED))
    if table != "mangle" or (node, via) == ("node-2", PLAIN)
)
"""Of the lab two-subnet whose Service answers on node port 30080."""
