"""Firewalls: a rule too many on a node or a router, or a policy that drops what no rule lets pass."""

from __future__ import annotations

from lab.faults.difference import At, Difference, Given
from lab.faults.fault import Commands, Fault, Parameter, Rewrite
from lab.faults.ground import Ground

DNS_PORT, SSH_PORT = 53, 22
FIREWALLD = """
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    udp dport { 4789, 8472 } reject with icmpx admin-prohibited
  }
}
"""


def _chain(ground: Ground, place: str) -> str:
    """Where a filter meets what comes by: what a router forwards, what a node takes in."""
    return "INPUT" if ground.kinds[place] == "node" else "FORWARD"


def _vxlan_nodes_and_routers(ground: Ground) -> tuple[str, ...]:
    return (*ground.vxlan_nodes, *ground.of_kind("router")) if ground.vxlan_nodes else ()


def _vxlan_port(ground: Ground) -> int:
    found = ground.vxlan(ground.vxlan_nodes[0]) if ground.vxlan_nodes else None
    return found[1].port if found else 0


def _vxlan_blocked(ground: Ground, place: str, _: Given) -> Difference:
    return Difference((At("filter", _chain(ground, place), f"-p udp --dport {_vxlan_port(ground)} -j DROP"),))


def _ipip_routers(ground: Ground) -> tuple[str, ...]:
    uses = any(link.ipip for node in ground.tunnel_nodes if (link := ground.tunnel(node)))
    return (*ground.of_kind("router"), *ground.tunnel_nodes) if uses else ()


def _ipip_blocked(ground: Ground, place: str, _: Given) -> Difference:
    return Difference((At("filter", _chain(ground, place), "-p ipencap -j DROP"),))


def _tunnel_tcp_dropped(ground: Ground, place: str, _: Given) -> Difference:
    link = ground.tunnel(place)
    return Difference((At("raw", "PREROUTING", f"-i {link.name} -p tcp -j DROP"),)) if link else Difference()


def _dns_race(_: Ground, __: str, given: Given) -> Difference:
    every = f"-m statistic --mode nth --every {given['every']} --packet 0"
    return Difference((At("raw", "PREROUTING", f"-p udp --dport {DNS_PORT} {every} -j DROP"),))


def _forward_drop(_: Ground, __: str, ___: Given) -> Difference:
    return Difference(policies=(At("filter", "FORWARD", "DROP"),))


def _conntrack_full(_: Ground, __: str, given: Given) -> Difference:
    rule = f"-p tcp --syn -m connlimit --connlimit-above {given['entries']} --connlimit-mask 0 -j DROP"
    return Difference((At("filter", "FORWARD", rule),))


def _source_check_places(ground: Ground) -> tuple[str, ...]:
    """Routers, where pods' own packets pass them."""
    return ground.of_kind("router") if ground.topology.spec.cni.encapsulation == "None" else ()


def _source_check(ground: Ground, _: str, __: Given) -> Difference:
    pods = ground.addresses.pod_cidr
    return Difference((At("filter", "FORWARD", f"-s {pods} -j DROP"), At("filter", "FORWARD", f"-d {pods} -j DROP")))


def _node_port(ground: Ground) -> int:
    return next((port.node_port for one in ground.cluster.services for port in one.ports if port.node_port), 0)


def _node_port_places(ground: Ground) -> tuple[str, ...]:
    return ground.of_kind("node") if _node_port(ground) else ()


def _node_port_blocked(ground: Ground, _: str, __: Given) -> Difference:
    return Difference((At("raw", "PREROUTING", f"-p tcp --dport {_node_port(ground)} -j DROP"),))


def _source_translated(ground: Ground, _: str, __: Given) -> Difference:
    return Difference((At("nat", "POSTROUTING", f"-p udp --dport {_vxlan_port(ground)} -j MASQUERADE"),))


def _translating_routers(ground: Ground) -> tuple[str, ...]:
    return ground.of_kind("router") if ground.vxlan_nodes and not ground.is_bridged else ()


def _default_deny(_: Ground, __: str, ___: Given) -> Difference:
    accepted = (f"-p tcp --dport {SSH_PORT}", "-p icmp", "-i lo", "-m conntrack --ctstate RELATED,ESTABLISHED")
    rules = tuple(At("filter", "INPUT", f"{match} -j ACCEPT") for match in accepted)
    return Difference((At("filter", "INPUT", "-j DROP"), *rules))


def _too_long(_: Ground, __: str, given: Given) -> Difference:
    return Difference((At("mangle", "FORWARD", f"-m length --length {given['from']}:65535 -j DROP"),))


def _nodes(ground: Ground) -> tuple[str, ...]:
    return ground.of_kind("node")


def _forwarding(ground: Ground) -> tuple[str, ...]:
    return ground.of_kind("router", "gateway")


FAULTS = (
    Fault(
        "vxlan-blocked",
        "a firewall drops VXLAN's UDP port",
        "projectcalico/calico#9403, flannel-io/flannel#2388",
        "pods of other subnets' nodes do not answer; those of the same subnet do",
        "a node with a VXLAN tunnel, or a router",
        _vxlan_nodes_and_routers,
        Rewrite(_vxlan_blocked),
    ),
    Fault(
        "ipip-blocked",
        "a security group lets TCP and UDP pass, and not IP protocol 4",
        "security groups of clouds",
        "nodes reach each other, their pods do not",
        "a node with an IPIP tunnel, or a router",
        _ipip_routers,
        Rewrite(_ipip_blocked),
    ),
    Fault(
        "tcp-in-tunnel-dropped",
        "a checksum offload bug: TCP that comes out of the tunnel is thrown away (here by a rule)",
        "kubernetes/kubernetes#88986, projectcalico/calico#3145",
        "ping works through the tunnel, TCP does not",
        "a node with a tunnel",
        lambda ground: ground.tunnel_nodes,
        Rewrite(_tunnel_tcp_dropped),
    ),
    Fault(
        "dns-race",
        "two questions to DNS race for one conntrack entry, and one is dropped (here by a rule, every other one)",
        "kubernetes/kubernetes#56903",
        "now and then a name takes 5 seconds",
        "a node",
        _nodes,
        Rewrite(_dns_race),
        (Parameter("every", 2, 1, 1000, "every how many questions one is lost"),),
    ),
    Fault(
        "forward-policy-drop",
        "somebody set the policy of FORWARD to DROP",
        "kubernetes/kubernetes#40182",
        "nothing passes the place that no rule lets pass",
        "a router, or the gateway",
        _forwarding,
        Rewrite(_forward_drop),
    ),
    Fault(
        "conntrack-full",
        "the connection table is full: new connections are dropped (here by a limit)",
        "kubernetes/kubernetes#71261",
        "connections that stand go on, new ones do not begin",
        "a router, or the gateway",
        _forwarding,
        Rewrite(_conntrack_full),
        (Parameter("entries", 0, 0, 1_000_000, "how many connections have room"),),
    ),
    Fault(
        "source-destination-check",
        "a cloud's router drops packets whose address it does not know",
        "projectcalico/calico#8166",
        "pods of other subnets do not answer, nodes do",
        "a router, in a lab without encapsulation (cni.encapsulation: None)",
        _source_check_places,
        Rewrite(_source_check),
    ),
    Fault(
        "nodeport-blocked",
        "a node's firewall drops a node port",
        "many",
        "the Service answers on other nodes' ports, not on this one's",
        "a node, and a Service with a node port",
        _node_port_places,
        Rewrite(_node_port_blocked),
    ),
    Fault(
        "tunnel-source-translated",
        "a router's MASQUERADE changes the tunnel's outer source address",
        "projectcalico/calico#5171",
        "the other node drops what comes from an address that is no node's",
        "a router, with Calico's VXLAN",
        _translating_routers,
        Rewrite(_source_translated),
    ),
    Fault(
        "firewalld",
        "firewalld's own table rejects what iptables accepted",
        "kubernetes/kubernetes#97283, flannel-io/flannel#2055",
        "the tunnel's packets are rejected, though iptables has a rule that accepts them",
        "a node with a VXLAN tunnel",
        lambda ground: ground.vxlan_nodes,
        Commands((("nft -f -", FIREWALLD),), (("nft delete table inet firewalld", ""),)),
    ),
    Fault(
        "default-deny",
        "the distribution's firewall lets in ssh and nothing else",
        "many",
        "nothing new comes into the node: no tunnel, no kubelet, no node port of its own",
        "a node with a tunnel",
        lambda ground: ground.tunnel_nodes,
        Rewrite(_default_deny),
    ),
    Fault(
        "legacy-leftovers",
        "rules left in iptables-legacy drop what iptables-nft accepts",
        "kubernetes/kubernetes#72370, cilium/cilium#28260",
        "packets are lost, and `iptables-save` shows no rule that drops them",
        "a node",
        _nodes,
        Commands((("iptables-legacy -A FORWARD -j DROP", ""),), (("iptables-legacy -D FORWARD -j DROP", ""),)),
    ),
    Fault(
        "large-dropped",
        "a filter drops large packets",
        "many",
        "small requests are answered, large ones hang",
        "a router, or the gateway",
        _forwarding,
        Rewrite(_too_long),
        (Parameter("from", 1000, 100, 65_000, "bytes from which on packets are dropped"),),
    ),
)
