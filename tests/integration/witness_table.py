"""Losses that only the kernel itself explains, made by plain commands, and what the trace must say of each."""

from __future__ import annotations

from dataclasses import dataclass

POD_0, POD_1, POD_2, POD_3 = (f"namespace001/pod-{number}" for number in range(4))


@dataclass(frozen=True)
class Row:
    """What is done (place, script), what is asked, and what the JSON has to say.

    `object` and `why` are parts of what is told. `undone` are the scripts that end it, where there is no command that
    mends it, or where it only hides it; `verdict` is "" where it may be either.
    """

    name: str
    done: tuple[tuple[str, str], ...]
    cause: str
    object_place: str
    object: str
    why: str = ""
    place: str = ""
    stage: str = ""
    to: str = "pod-3"
    protocol: str = "tcp"
    undone: tuple[tuple[str, str], ...] = ()
    mends: bool = True
    source: str = POD_0
    direction: str = "request"
    verdict: str = "lost"


def netdev(hook: str, device: str, rule: str, policy: str = "accept") -> str:
    chain = f"{{ type filter hook {hook} device {device} priority 0; policy {policy}; }}"
    return f"nft 'add table netdev odd; add chain netdev odd {hook} {chain}; add rule netdev odd {hook} {rule}'"


NETDEV_ENDS = "nft delete table netdev odd"
SHOT = "1,6 0 0 2,"
"""A filter in classic BPF that says TC_ACT_SHOT to everything."""
REFUSED = "refused"

# By the kernel's own answers, asked as the packet would ask.
ANSWERS = (
    Row(
        "an ip rule by source",
        (
            (
                "node-0",
                "ip route add default via 10.0.1.1 table 100; ip rule add from 10.244.0.0/26 lookup 100 pref 100",
            ),
        ),
        "policy-route",
        "node-0",
        "100: from 10.244.0.0/26 lookup 100",
        "sends it by default via 10.0.1.1 dev eth0 table 100",
        undone=(("node-0", "ip route flush table 100"),),
    ),
    Row(
        "an ip rule by mark, whose table is a blackhole",
        (
            (
                "node-0",
                "ip route add blackhole default table 100; "
                "iptables -t mangle -I PREROUTING 1 -p tcp -j MARK --set-xmark 0x5/0xf; "
                "ip rule add fwmark 0x5/0xf lookup 100 pref 100",
            ),
        ),
        "policy-route",
        "node-0",
        "100: from all fwmark 0x5/0xf lookup 100",
        "blackhole default table 100 drops everything",
        "node-0",
        "route",
        undone=(("node-0", "ip route flush table 100; iptables -t mangle -D PREROUTING 1"),),
    ),
    Row(
        "an ip rule by port, after a table that throws",
        (
            (
                "node-0",
                "ip route add throw default table 99; ip rule add from all lookup 99 pref 99; "
                "ip rule add ipproto tcp dport 8080 blackhole pref 100",
            ),
        ),
        "policy-route",
        "node-0",
        "100: from all ipproto tcp dport 8080 blackhole",
        "drops it without a word",
        undone=(("node-0", "ip rule del pref 99; ip route flush table 99"),),
    ),
    Row(
        "an ip rule that prohibits",
        # Before: the rule stands in the way of the node's answers to ARP as well.
        (
            ("namespace001/pod-0", "curl -sS -o /dev/null http://myapp"),
            ("node-0", "ip rule add from 10.244.0.0/26 prohibit pref 100"),
        ),
        "policy-route",
        "node-0",
        "100: from 10.244.0.0/26 prohibit",
        "answers that it is not allowed",
        verdict=REFUSED,
    ),
    Row(
        "an ip rule for the tunnel's packets",
        (("node-0", "ip rule add to 10.0.2.10 blackhole pref 100"),),
        "policy-route",
        "node-0",
        "100: from all to 10.0.2.10 blackhole",
        "what goes from 10.0.1.10 to 10.0.2.10 does not arrive",
        "node-0",
    ),
    Row(
        "an ip rule on the reply's way",
        (("node-2", "ip rule add to 10.244.0.0/26 blackhole pref 100"),),
        "policy-route",
        "node-2",
        "100: from all to 10.244.0.0/26 blackhole",
        place="node-2",
        direction="reply",
    ),
    Row(
        "the receiver holds the sender's address",
        (("node-2", "ip addr add {ip:namespace001/pod-0}/32 dev lo"),),
        "martian-source",
        "node-2",
        "{ip:namespace001/pod-0}/32 dev lo",
        "as a martian",
        "node-2",
        "route",
    ),
    Row(
        "docker0's subnet shadows the way",
        (
            (
                "node-0",
                "ip link add docker0 type bridge; ip addr add 10.244.0.140/28 dev docker0; ip link set docker0 up",
            ),
        ),
        "wrong-route",
        "node-0",
        "10.244.0.128/28 dev docker0 proto kernel",
        "shadows the way to namespace001/pod-3",
        "node-0",
        "route",
        undone=(("node-0", "ip link del docker0"),),
    ),
    Row(
        "a pod's address is its node's as well",
        (("node-1", "ip addr add {ip:namespace001/pod-2}/32 dev lo"),),
        "address-taken",
        "node-1",
        "{ip:namespace001/pod-2}/32 dev lo",
        "node-1 holds {ip:namespace001/pod-2} itself, which is the address of namespace001/pod-2",
        "node-1",
        to="pod-2",
        verdict=REFUSED,
    ),
    Row(
        "two places have one address, and the neighbours believe the wrong one",
        (
            ("router", "ip addr add 10.0.1.11/24 dev eth0"),
            ("node-0", "ip neigh replace 10.0.1.11 lladdr {mac:router/eth0} dev eth0 nud reachable"),
        ),
        "address-taken",
        "router",
        "10.0.1.11/24 dev eth0",
        "node-0 believes it",
        to="pod-2",
    ),
    Row(
        "a neighbour was learned wrongly",
        (("node-0", "ip neigh replace 10.0.1.1 lladdr 02:00:00:00:00:09 dev eth0 nud reachable"),),
        "wrong-neighbour",
        "node-0",
        "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:09",
        "eth0 of router has {mac:router/eth0}",
    ),
    Row(
        "a rule ends its time to live",
        (("node-0", "iptables -t mangle -I PREROUTING 1 -p tcp --dport 8080 -j TTL --ttl-set 1"),),
        "ttl-ended",
        "node-0",
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j TTL --ttl-set 1",
        place="node-0",
        stage="forward",
        verdict=REFUSED,
    ),
    Row(
        "a tunnel gives its packets no time to live",
        (("node-0", "ip link set vxlan.calico type vxlan ttl 1"),),
        "ttl-ended",
        "node-0",
        "vxlan.calico vxlan ttl 1",
        place="router",
        stage="forward",
    ),
    Row(
        "a pod gives all that it sends little time to live",
        ((POD_0, "sysctl -qw net.ipv4.ip_default_ttl=1"),),
        "ttl-ended",
        POD_0,
        "net.ipv4.ip_default_ttl = 1",
        place="node-0",
        verdict=REFUSED,
    ),
    Row(
        "a pod's queue lets nothing out, not even who has the gateway's address",
        ((POD_0, "tc qdisc add dev eth0 root blackhole; ip neigh flush dev eth0"),),
        "traffic-control",
        POD_0,
        "qdisc blackhole",
        "asks who has 169.254.1.1, and is not answered: the queue of eth0 in namespace001/pod-0 lets nothing out",
    ),
    Row(
        "who is asked for its MAC holds the address of who asks",
        (("router", "ip addr add 10.0.1.10/32 dev lo"), ("node-0", "ip neigh flush dev eth0")),
        "martian-source",
        "router",
        "10.0.1.10/32 dev lo",
        "it takes what node-0 asks for a martian, and does not answer",
        undone=(("node-0", "ip neigh flush dev eth0"),),
    ),
    Row(
        "a node answers for the gateway's address only while it has a way there itself",
        (("node-0", "ip route replace unreachable default"), (POD_0, "ip neigh flush dev eth0")),
        "blackhole-route",
        "node-0",
        "unreachable default",
        "asks who has 169.254.1.1, and node-0 does not answer for it",
        to="pod-1",
    ),
    Row(
        "a pod has lost its address, and a node port leads there",
        ((POD_0, "ip addr del {ip:namespace001/pod-0}/32 dev eth0"),),
        "address-missing",
        POD_0,
        "{ip:namespace001/pod-0}/32 dev eth0",
        to="node-0:30088",
        source=POD_2,
        verdict="",  # refused as soon as the node has given up asking
    ),
)

# In hooks that iptables does not show.
HOOKS = (
    Row(
        "netdev ingress",
        (("node-2", netdev("ingress", "eth0", "udp dport 4789 drop")),),
        "firewall-drop",
        "node-2",
        "udp dport 4789 drop",
        "chain ingress of netdev odd (ingress of eth0)",
        "node-2",
        "firewall",
        undone=(("node-2", NETDEV_ENDS),),
    ),
    Row(
        "netdev ingress, on the reply's way, by a jump, with a counter",
        (
            (
                "node-0",
                "nft 'add table netdev odd; add chain netdev odd deep; "
                "add rule netdev odd deep ip saddr 10.0.2.0/24 counter drop; "
                "add chain netdev odd i { type filter hook ingress device eth0 priority 0; }; "
                "add rule netdev odd i tcp dport 22 drop; add rule netdev odd i meta l4proto udp jump deep'",
            ),
        ),
        "firewall-drop",
        "node-0",
        "ip saddr 10.0.2.0/24 counter packets",
        place="node-0",
        stage="firewall",
        direction="reply",
        undone=(("node-0", NETDEV_ENDS),),
    ),
    Row(
        "netdev ingress, by its policy",
        (("router", netdev("ingress", "eth0", "ether type arp accept", policy="drop")),),
        "policy-drop",
        "router",
        "policy drop",
        place="router",
        stage="firewall",
        undone=(("router", NETDEV_ENDS),),
    ),
    Row(
        "netdev egress",
        (("node-0", netdev("egress", "eth0", "udp dport 4789 drop")),),
        "firewall-drop",
        "node-0",
        "udp dport 4789 drop",
        "egress of eth0",
        "node-0",
        "firewall",
        undone=(("node-0", NETDEV_ENDS),),
    ),
    Row(
        "arp",
        (
            (
                "node-1",
                "nft 'add table arp odd; add chain arp odd i { type filter hook input priority 0; }; "
                "add rule arp odd i drop'; ip neigh flush dev eth0",
            ),
            ("node-0", "ip neigh del 10.0.1.11 dev eth0 || true"),
        ),
        "firewall-drop",
        "node-1",
        "drop",
        "without which a neighbour is not found",
        to="pod-2",
        undone=(("node-1", "nft delete table arp odd"),),
    ),
    Row(
        "a filter of tc, coming in",
        (
            (
                "node-2",
                "tc qdisc add dev eth0 clsact; "
                f"tc filter add dev eth0 ingress protocol ip pref 1 bpf bytecode '{SHOT}' da",
            ),
        ),
        "traffic-control",
        "node-2",
        "filter protocol ip pref 1 bpf",
        "the ingress of eth0",
        "node-2",
        "firewall",
        undone=(("node-2", "tc qdisc del dev eth0 clsact"),),
    ),
    Row(
        "a filter of tc, going out",
        (
            (
                "node-0",
                "tc qdisc add dev vxlan.calico clsact; "
                f"tc filter add dev vxlan.calico egress pref 1 bpf bytecode '{SHOT}' da",
            ),
        ),
        "traffic-control",
        "node-0",
        "filter protocol all pref 1 bpf",
        "the egress of vxlan.calico",
        "node-0",
        "firewall",
        undone=(("node-0", "tc qdisc del dev vxlan.calico clsact"),),
    ),
    Row(
        "a queue that is too small",
        (("router", "tc qdisc add dev eth1 root tbf rate 1kbit burst 60 limit 60"),),
        "traffic-control",
        "router",
        "qdisc tbf",
        "The queue of eth1 in router dropped",
        "router",
    ),
    Row(
        "IPsec blocks what goes out",
        (("node-0", "ip xfrm policy add dst 10.0.2.10/32 dir out action block"),),
        "xfrm-policy",
        "node-0",
        "src 0.0.0.0/0 dst 10.0.2.10/32 dir out action block",
        "XfrmOutPolBlock",
        "node-0",
        "firewall",
    ),
    Row(
        "IPsec wants what comes in encrypted",
        (("node-2", "ip xfrm policy add src 10.0.1.10/32 proto udp dport 4789 dir in tmpl proto esp mode transport"),),
        "xfrm-policy",
        "node-2",
        "src 10.0.1.10/32 dst 0.0.0.0/0 proto udp dport 4789 dir in",
        "XfrmInTmplMismatch",
        "node-2",
        "firewall",
    ),
    Row(
        "IPsec blocks what is passed on",
        (("router", "ip xfrm policy add src 10.0.1.10/32 dir fwd action block"),),
        "xfrm-policy",
        "router",
        "dir fwd action block",
        place="router",
        stage="firewall",
    ),
    Row(
        "a queue that no program reads",
        (("node-2", "iptables -I FORWARD 1 -p tcp --dport 8080 -j NFQUEUE --queue-num 7"),),
        "queue-unheard",
        "node-2",
        "-A FORWARD -p tcp -m tcp --dport 8080 -j NFQUEUE --queue-num 7",
        "queue 7, which no program reads",
        "node-2",
        "firewall",
    ),
    Row(
        "REDIRECT where it arrives",
        ((POD_3, "iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 15006"),),
        "redirected",
        POD_3,
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 15006",
        "port 15006 of namespace001/pod-3 itself, where nothing listens",
        POD_3,
        "deliver",
        verdict=REFUSED,
    ),
    Row(
        "REDIRECT where it is sent",
        ((POD_0, "iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 15001"),),
        "redirected",
        POD_0,
        "-A OUTPUT -p tcp -j REDIRECT --to-ports 15001",
        "port 15001 of namespace001/pod-0 itself",
        POD_0,
        verdict=REFUSED,
    ),
)

# Addresses that nobody has: nothing is broken, and nothing mends it.
NOBODY = (
    Row(
        "in a node's block",
        (),
        "no-such-address",
        "node-2",
        "blackhole 10.244.0.128/26 proto 80",
        "No pod has 10.244.0.140: it is in node-2's block",
        "node-2",
        "route",
        to="10.244.0.140",
        mends=False,
    ),
    Row(
        "in no block",
        (),
        "no-such-address",
        "node-0",
        "default via 10.0.1.1 dev eth0",
        "no node has a block or a subnet with it",
        to="10.244.77.1",
        mends=False,
    ),
    Row(
        "in no block, by a datagram",
        (),
        "no-such-address",
        "node-0",
        "default via 10.0.1.1 dev eth0",
        to="10.244.77.1",
        protocol="udp",
        mends=False,
    ),
    Row(
        "in the nodes' subnet",
        (),
        "no-such-address",
        "node-0",
        "10.0.1.77 dev eth0",
        "No node has 10.0.1.77",
        to="10.0.1.77",
        mends=False,
    ),
)

BRIDGED = (
    Row(
        "in a bridge's subnet",
        (),
        "no-such-address",
        "node-2",
        "10.244.2.77 dev cni0",
        "No pod has 10.244.2.77: it is in the subnet of cni0 of node-2",
        "node-2",
        to="10.244.2.77",
        mends=False,
    ),
    Row(
        "in no bridge's subnet",
        (),
        "no-such-address",
        "node-0",
        "default via 10.0.1.1 dev eth0",
        to="10.244.77.1",
        mends=False,
    ),
    Row(
        "a port without hairpin",
        (("node-0", "bridge link set dev {port:namespace001/pod-0} hairpin off"),),
        "hairpin-off",
        "node-0",
        "{port:namespace001/pod-0} master cni0 hairpin off",
        "no pod there reaches itself through a Service",
        "node-0",
        "forward",
        to="self.namespace001",
    ),
    Row(
        "the bridge does not let the rules see",
        (("node-0", "sysctl -qw net.bridge.bridge-nf-call-iptables=0"),),
        "bridge-nf-off",
        "node-0",
        "net.bridge.bridge-nf-call-iptables = 0",
        "The reply came back with the address 10.244.0.",
        POD_0,
        to="other.namespace001",
        direction="reply",
    ),
    Row(
        "ports are isolated",
        (
            (
                "node-0",
                "for one in {port:namespace001/pod-0} {port:namespace001/pod-1}; do bridge link set dev $one isolated "
                "on; done",
            ),
        ),
        "bridge-port",
        "node-0",
        "{port:namespace001/pod-0} master cni0 isolated on",
        to="pod-1",
    ),
    Row(
        "the bridge's own family",
        (
            (
                "node-0",
                "nft 'add table bridge odd; add chain bridge odd f { type filter hook input priority 0; }; "
                "add rule bridge odd f ip protocol tcp drop'",
            ),
        ),
        "firewall-drop",
        "node-0",
        "ip protocol tcp drop",
        place="node-0",
        stage="firewall",
        undone=(("node-0", "nft delete table bridge odd"),),
    ),
    Row(
        "an ip rule by source",
        (("node-0", "ip rule add from 10.244.0.0/24 blackhole pref 100"),),
        "policy-route",
        "node-0",
        "100: from 10.244.0.0/24 blackhole",
        place="node-0",
        stage="route",
    ),
    Row(
        "netdev ingress",
        (("node-2", netdev("ingress", "eth0", "udp dport 8472 drop")),),
        "firewall-drop",
        "node-2",
        "udp dport 8472 drop",
        place="node-2",
        stage="firewall",
        undone=(("node-2", NETDEV_ENDS),),
    ),
    Row(
        "the receiver holds the sender's address",
        (("node-2", "ip addr add {ip:namespace001/pod-0}/32 dev lo"),),
        "martian-source",
        "node-2",
        "{ip:namespace001/pod-0}/32 dev lo",
    ),
    Row(
        "REDIRECT where it arrives",
        ((POD_3, "iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 15006"),),
        "redirected",
        POD_3,
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 15006",
        verdict=REFUSED,
    ),
    Row(
        "NOTRACK before the cluster's rules, between two ports of a bridge",
        (("node-0", "iptables -t raw -I PREROUTING 1 -s {ip:namespace001/pod-0} -j CT --notrack"),),
        "foreign-rule",
        "node-0",
        "-A PREROUTING -s {ip:namespace001/pod-0}/32 -j CT --notrack",
        "the request, and the reply is lost after that. So a rule in chain KUBE-FORWARD of filter drops the reply",
        "node-0",
        "firewall",
        to="pod-1",
        direction="reply",
    ),
    Row(
        "the reply goes through another node's tunnel, and comes untranslated",
        (("node-0", "ip neigh replace 10.244.1.0 lladdr {mac:node-2/flannel.1} dev flannel.1 nud permanent"),),
        "wrong-inner-mac",
        "node-0",
        "10.244.1.0 dev flannel.1 lladdr {mac:node-2/flannel.1}",
        source=POD_2,
        to="datagrams.namespace001",
        protocol="udp",
        direction="reply",
    ),
    Row(
        "a more specific route inside of a pod, on the reply's way",
        ((POD_1, "ip route add unreachable 10.244.0.0/30"),),
        "blackhole-route",
        POD_1,
        "unreachable 10.244.0.0/30",
        "the route to namespace001/pod-0 ({ip:namespace001/pod-0}) answers that there is no way",
        to="pod-1",
        protocol="udp",
        direction="reply",
    ),
    Row(
        "a route in place of the one to the pod's own subnet",
        ((POD_1, "ip route replace prohibit 10.244.0.0/24"),),
        "blackhole-route",
        POD_1,
        "prohibit 10.244.0.0/24",
        "the route to namespace001/pod-0 ",
        to="pod-1",
        protocol="udp",
        direction="reply",
    ),
    Row(
        "the bridge is down, and both pods are at it",
        (("node-0", "ip link set cni0 down"),),
        "interface-down",
        "node-0",
        "cni0 state DOWN",
        to="pod-1",
    ),
)
