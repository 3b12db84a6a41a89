"""Faults that few people make, each of a kind of its own, and what a trace must say of them."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE = ("namespace001/pod-0", "myapp.namespace001", "--via", "pod-3")
POD_3 = ("namespace001/pod-0", "namespace001/pod-3")
SEP = "$(iptables-save -t nat | grep -- '--to-destination 10.244.0.129:8080' | cut -d' ' -f2)"


@dataclass(frozen=True)
class Rare:
    """What is done (place, shell command), who asks what, and what is named: place, cause, parts of the object."""

    name: str
    done: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]
    place: str
    cause: str
    words: tuple[str, ...]
    why: str = ""
    mends: bool = True
    leaves: bool = False  # something is left of it that harms nobody
    topology: str = "two-subnet"
    options: tuple[str, ...] = ()


NAMES = (
    Rare(
        "no name server: a program asks its own machine",
        (("namespace001/pod-0", ": > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf names no server",),
        "asks 127.0.0.1 for names",
    ),
    Rare(
        "another name server",
        (("namespace001/pod-0", "echo nameserver 172.16.0.11 > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf: nameserver 172.16.0.11",),
        "by its design it asks 172.16.0.10",
    ),
    Rare(
        "no search list",
        (("namespace001/pod-0", "echo nameserver 172.16.0.10 > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf lacks search namespace001.svc.cluster.local",),
    ),
    Rare(
        "a line of the hosts file",
        (("namespace001/pod-0", "echo 127.0.0.1 myapp.namespace001 >> /etc/hosts"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/hosts: 127.0.0.1 myapp.namespace001",),
    ),
    Rare(
        "nobody listens on the loopback",
        (),
        ("namespace001/pod-0", "0.0.0.0:81"),
        "namespace001/pod-0",
        "nobody-listens",
        ("tcp port 81",),
        mends=False,
    ),
)
FOREIGN = (
    Rare(
        "a comment that a shell would run",
        (("node-2", 'iptables -I FORWARD -d 10.244.0.129 -m comment --comment "it\'s \\$(id) \\`id\\` end" -j DROP'),),
        POD_3,
        "node-2",
        "firewall-drop",
        ("-A FORWARD -d 10.244.0.129/32", "$(id)"),
    ),
    Rare(
        "the same rule five times",
        (("node-2", "for i in 1 2 3 4 5; do iptables -I FORWARD -d 10.244.0.129 -j DROP; done"),),
        POD_3,
        "node-2",
        "firewall-drop",
        ("-A FORWARD -d 10.244.0.129/32 -j DROP",),
    ),
    Rare(
        "another rule in place of an endpoint's",
        (
            (
                "node-0",
                f"S={SEP}; iptables -t nat -F $S; iptables -t nat -A $S -p tcp -j DNAT --to-destination 10.244.0.77",
            ),
        ),
        (*SERVICE[:2],),
        "node-0",
        "foreign-rule",
        ("-A KUBE-SEP-", "--to-destination 10.244.0.77"),
    ),
)


def _nft(hook: str, rule: str, *, family: str = "ip", priority: int = -5) -> str:
    chain = f"{{ type filter hook {hook} priority {priority}; }}"
    return f"nft add table {family} t; nft add chain {family} t c '{chain}'; nft add rule {family} t c {rule}"


def _rewritten(name: str, place: str, command: str, asked: tuple[str, ...], *words: str, topology: str = "") -> Rare:
    return Rare(name, ((place, command),), asked, place, "foreign-rule", words, topology=topology or "two-subnet")


REWRITTEN = (
    _rewritten(
        "another address is written into it",
        "node-0",
        _nft("forward", "tcp dport 8080 ip daddr set 10.244.0.77"),
        SERVICE[:2],
        "ip daddr set 10.244.0.77",
    ),
    _rewritten(
        "another port is written into it",
        "node-2",
        _nft("forward", "tcp dport 8080 tcp dport set 9999"),
        SERVICE,
        "tcp dport set 9999",
    ),
    _rewritten(
        "another source is written into it",
        "node-0",
        _nft("forward", "tcp dport 8080 ip saddr set 10.244.0.99"),
        SERVICE[:2],
        "ip saddr set 10.244.0.99",
    ),
    _rewritten(
        "another tunnel number is written into it",
        "router",
        _nft("forward", "udp dport 4789 @th,96,24 set 0x000007"),
        POD_3,
        "@th,96,24 set 0x7",
    ),
    _rewritten(
        "another port is written into the tunnel's packet",
        "router",
        _nft("forward", "udp dport 4789 udp dport set 4790"),
        POD_3,
        "udp dport set 4790",
    ),
    _rewritten(
        "another port is written into it at a device",
        "node-2",
        _nft("ingress device vxlan.calico", "tcp dport 8080 tcp dport set 81", family="netdev"),
        POD_3,
        "tcp dport set 81",
    ),
    _rewritten(
        "another MAC is written into it at a bridge",
        "node-0",
        _nft("postrouting", "ip daddr 10.244.0.4 ether daddr set 02:00:00:00:00:01", family="bridge", priority=300),
        ("namespace001/pod-0", "namespace001/pod-1"),
        "ether daddr set 02:00:00:00:00:01",
        topology="two-subnet-bridge",
    ),
    _rewritten(
        "the Services' addresses are mapped elsewhere",
        "node-0",
        "iptables -t nat -I PREROUTING -d 172.16.10.0/24 -j NETMAP --to 10.99.1.0/24",
        SERVICE[:2],
        "-j NETMAP",
    ),
    _rewritten(
        "an endpoint's rule leads to another port",
        "node-0",
        f"S={SEP}; iptables -t nat -F $S; iptables -t nat -A $S -p tcp -j DNAT --to-destination 10.244.0.129:9999",
        SERVICE,
        "--to-destination 10.244.0.129:9999",
    ),
    _rewritten(
        "a proxy for handshakes",
        "node-2",
        _nft("forward", "tcp dport 8080 synproxy mss 1400 wscale 7"),
        POD_3,
        "synproxy mss 1400",
    ),
    Rare(
        "a drop before netfilter reports",
        (("node-2", _nft("prerouting", "ip daddr 10.244.0.129 drop", priority=-500)),),
        POD_3,
        "node-2",
        "firewall-drop",
        ("ip daddr 10.244.0.129 drop",),
    ),
    _rewritten(
        "sent out of another device",
        "node-2",
        _nft("ingress device eth0", "udp dport 4789 fwd to lo", family="netdev"),
        POD_3,
        "fwd to",
    ),
)
INTERNET = ("namespace001/pod-0", "203.0.113.80")
FORGET = ("namespace001/pod-0", "ip neigh flush all")
CALI_0 = "$(ip -o route get 10.244.0.2 | sed 's/.* dev //;s/ .*//')"
CALI_3 = "$(ip -o route get 10.244.0.129 | sed 's/.* dev //;s/ .*//')"


def _one(
    name: str, place: str, command: str, asked: tuple[str, ...], cause: str, *words: str, leaves: bool = False
) -> Rare:
    return Rare(name, ((place, command),), asked, place, cause, words, leaves=leaves)


UNANSWERED = (
    Rare(
        "no default route: the node answers no more for 169.254.1.1",
        (("node-0", "ip route del default"), FORGET),
        SERVICE,
        "node-0",
        "no-route",
        ("default via 10.0.1.1 dev eth0",),
        "node-0 does not answer for it",
    ),
    Rare(
        "an ip rule that refuses the default route",
        (
            ("node-0", "ip rule add pref 100 lookup main suppress_prefixlength 24; ip rule add pref 101 blackhole"),
            FORGET,
        ),
        INTERNET,
        "node-0",
        "policy-route",
        ("101: from all blackhole",),
        leaves=True,  # the other rule, which is harmless
    ),
    Rare(
        "who is asked has no way back by that interface",
        (
            ("router", "sysctl -w net/ipv4/conf/all/rp_filter=1; ip route add 10.0.1.10/32 dev eth1"),
            ("node-0", "ip neigh flush all"),
        ),
        POD_3,
        "router",
        "rp-filter",
        ("rp_filter = 1",),
    ),
    _one(
        "a pod's device does not forward: nobody answers for 169.254.1.1",
        "node-2",
        f"sysctl -w net/ipv4/conf/{CALI_3}/forwarding=0",
        POD_3,
        "ip-forward-off",
        "forwarding = 0",
    ),
    _one(
        "an interface in a bridge that nobody designed",
        "node-2",
        "ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0",
        POD_3,
        "drift",
        "eth0",
        "master br0",
        leaves=True,
    ),
)
POLICIES = (
    _one(
        "an ip rule about the port behind the translation",
        "node-0",
        "ip rule add pref 100 ipproto tcp dport 8080 prohibit",
        SERVICE,
        "policy-route",
        "100: from all ipproto tcp dport 8080 prohibit",
    ),
    _one(
        "an ip rule about the tunnel's packets",
        "node-0",
        "ip rule add pref 100 ipproto udp dport 4789 blackhole",
        POD_3,
        "policy-route",
        "100: from all ipproto udp dport 4789 blackhole",
    ),
    _one(
        "an ip rule about a type of service",
        "node-0",
        "ip rule add pref 100 tos 0x10 blackhole; iptables -t mangle -A PREROUTING -p tcp -j TOS --set-tos 0x10",
        POD_3,
        "policy-route",
        "100: from all tos 0x10 blackhole",
        leaves=True,
    ),
    _one(
        "a mark on what is in the tunnel",
        "node-0",
        _nft("prerouting", "ip saddr 10.244.0.129 meta mark set 9", priority=-150)
        + "; ip rule add fwmark 9 unreachable",
        POD_3,
        "policy-route",
        "from all fwmark 0x9 unreachable",
    ),
)
QUEUES = tuple(
    _one(
        f"a queue without room at {device} of {place}",
        place,
        f"tc qdisc add dev {device} root pfifo limit 0",
        POD_3,
        "traffic-control",
        "pfifo",
        "limit 0p",
    )
    for place, device in (
        ("node-2", "vxlan.calico"),
        ("node-2", CALI_3),
        ("router", "eth1"),
        ("namespace001/pod-3", "eth0"),
    )
)
LIFETIMES = (
    _one(
        "a node gives its tunnel's packets one hop",
        "node-0",
        "sysctl -w net/ipv4/ip_default_ttl=1",
        POD_3,
        "ttl-ended",
        "net.ipv4.ip_default_ttl = 1",
    ),
)
ADDRESSES = (
    Rare(
        "a broadcast address",
        (),
        ("namespace001/pod-0", "10.0.1.255:80"),
        "node-0",
        "no-such-address",
        ("broadcast 10.0.1.255 dev eth0",),
        "nobody is asked for its MAC",
        mends=False,
    ),
    Rare(
        "a multicast address",
        (),
        ("namespace001/pod-0", "224.0.0.1:80"),
        "namespace001/pod-0",
        "no-such-address",
        ("224.0.0.1",),
        "a multicast address",
        mends=False,
    ),
    Rare(
        "everybody's address",
        (),
        ("namespace001/pod-0", "255.255.255.255:80"),
        "namespace001/pod-0",
        "no-such-address",
        ("255.255.255.255",),
        "",
        mends=False,
    ),
    Rare(
        "a node is asked from the internet",
        (),
        ("internet", "node-0:80"),
        "internet",
        "no-route",
        ("10.0.1.10",),
        "a private address",
        mends=False,
    ),
    Rare(
        "a pod is asked from the router",
        (),
        ("router", "pod-3"),
        "gateway",
        "no-route",
        ("10.244.0.129",),
        "known to nodes only",
        mends=False,
    ),
)
UPSTREAM = Rare(
    "the resolver outside is not reached, nor when it is asked again",
    (("gateway", "iptables -I FORWARD -p udp --dport 53 -j DROP"),),
    ("namespace001/pod-0", "www.example.com"),
    "gateway",
    "firewall-drop",
    ("-A FORWARD -p udp -m udp --dport 53 -j DROP",),
    "asks 203.0.113.53 in its turn",
    leaves=True,  # a chain of the gateway's own, empty again
)
SETTINGS = (
    _one(
        "the loopback is down",
        "namespace001/pod-0",
        "ip link set lo down",
        ("namespace001/pod-0", "127.0.0.1:8080"),
        "interface-down",
        "lo state DOWN",
    ),
    _one(
        "all of a pod's ports are reserved",
        "namespace001/pod-0",
        "sysctl -w net/ipv4/ip_local_reserved_ports=1-65535",
        SERVICE,
        "wrong-setting",
        "ip_local_reserved_ports = 1-65535",
    ),
    _one(
        "connection tracking forgets at once",
        "node-0",
        "sysctl -w net/netfilter/nf_conntrack_tcp_timeout_syn_sent=0",
        SERVICE,
        "wrong-setting",
        "nf_conntrack_tcp_timeout_syn_sent = 0",
    ),
    _one(
        "answers come when nobody waits any more",
        "node-0",
        f"tc qdisc add dev {CALI_0} root tbf rate 1600bit burst 300 limit 100000",
        SERVICE[:2],
        "traffic-control",
        "rate 1600bit",
    ),
)
HAIRPIN = Rare(
    "a pod asks itself by its Service, and its address stays what it is",
    (("node-2", "iptables -t nat -F KUBE-POSTROUTING"),),
    ("namespace001/pod-3", "myapp.namespace001", "--via", "pod-3"),
    "node-2",
    "masquerade-missing",
    ("KUBE-POSTROUTING",),
    "sends it back to namespace001/pod-3 with its own address",
)
UNTRACKED = (
    _rewritten(
        "connection tracking does not see the answer",
        "node-2",
        _nft("prerouting", "tcp sport 8080 notrack", priority=-300),
        POD_3,
        "tcp sport 8080 notrack",
    ),
)
RARE = (
    *UNTRACKED,
    *SETTINGS,
    *ADDRESSES,
    UPSTREAM,
    HAIRPIN,
    *NAMES,
    *FOREIGN,
    *REWRITTEN,
    *UNANSWERED,
    *POLICIES,
    *QUEUES,
    *LIFETIMES,
)
