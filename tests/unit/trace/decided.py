"""Recorded journeys with decisions written by hand, as the tracer finds them: rules, routes, entries, translations."""

from __future__ import annotations

from dataclasses import replace

from lab.trace.journey import KERNEL, QUERIED, Decision, Hop, Journey, Loss, Mending
from tests.unit.trace.recordings import journey

SVC = Decision(
    "rule",
    '-A KUBE-SERVICES -d 172.16.10.10/32 -p tcp -m comment --comment "namespace001/myapp:http cluster IP" '
    "-m tcp --dport 80 -j KUBE-SVC-5GZNV2EJ4RZUKAAG",
    KERNEL,
    "nat",
    "KUBE-SERVICES",
    "jump KUBE-SVC-5GZNV2EJ4RZUKAAG",
    "Service namespace001/myapp:80",
)
SEP = Decision(
    "nat",
    '-A KUBE-SEP-ZAS3J3PV5JS2XFVS -p tcp -m comment --comment "namespace001/myapp:http" -m tcp -j DNAT '
    "--to-destination 10.244.0.129:8080",
    KERNEL,
    "nat",
    "KUBE-SEP-ZAS3J3PV5JS2XFVS",
    "DNAT",
    "endpoint pod-3 of Service namespace001/myapp:80",
)
FORWARDED = Decision("rule", "-P FORWARD ACCEPT", KERNEL, "filter", "FORWARD", "ACCEPT")
TRACKED = Decision(
    "nat", "10.244.0.2:PORT → 172.16.10.10:80 became 10.244.0.2:PORT → 10.244.0.129:8080", KERNEL, "nat", "", "DNAT"
)
TUNNEL = Decision(
    "route",
    "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink",
    QUERIED,
    "main",
    intent="to another subnet: through the VXLAN tunnel",
)
NEIGHBOUR = Decision("neighbour", "10.244.0.128 dev vxlan.calico lladdr 66:c0:93:2e:56:2c STALE", QUERIED)
FDB = Decision("fdb", "66:c0:93:2e:56:2c dev vxlan.calico dst 10.0.2.10 self permanent", QUERIED)
ROUTER = Decision("route", "10.0.2.0/24 dev eth1 proto kernel scope link src 10.0.2.1", QUERIED, "main")
LET_IN = Decision(
    "rule",
    "-A cali-INPUT -p udp -m multiport --dports 4789 -j ACCEPT",
    KERNEL,
    "filter",
    "cali-INPUT",
    "ACCEPT",
    "VXLAN from a known node",
)
DROPPED = Decision("rule", "-A INPUT -p udp -m udp --dport 4789 -j DROP", KERNEL, "filter", "INPUT", "DROP")

# place, interface, way -> what decided about the request there
HEALTHY: dict[tuple[str, str, str], tuple[Decision, ...]] = {
    ("node-0", "cali1200d7e9db2", "in"): (SVC, SEP, FORWARDED, TRACKED),
    ("node-0", "vxlan.calico", "out"): (TUNNEL, NEIGHBOUR, FDB),
    ("router", "eth1", "out"): (ROUTER,),
    ("node-2", "eth0", "in"): (LET_IN,),
}


def delivered() -> Journey:
    """Through the tunnel, and why at each place."""
    return decided(journey("delivered-vxlan"), HEALTHY)


def lost() -> Journey:
    """The same, but for a firewall on node-2."""
    found = decided(journey("lost-at-firewall"), {**HEALTHY, ("node-2", "eth0", "in"): (DROPPED,)})
    why = "A rule in chain INPUT of filter drops the request in its tunnel in node-2."
    fix = (Mending("node-2", "iptables -D INPUT -p udp -m udp --dport 4789 -j DROP"),)
    return replace(
        found, lost=Loss("node-2", "request", "data", "firewall", "firewall-drop", why, DROPPED.text, fix, KERNEL)
    )


def decided(one: Journey, by: dict[tuple[str, str, str], tuple[Decision, ...]]) -> Journey:
    """The journey with decisions for hops of the request."""

    def of(hop: Hop) -> tuple[Decision, ...]:
        if (hop.phase, hop.direction) != ("data", "request"):
            return ()
        port = str(hop.packet.sport)
        found = by.get((hop.place, hop.interface, hop.way), ())
        return tuple(replace(decision, text=decision.text.replace("PORT", port)) for decision in found)

    return replace(one, hops=tuple(replace(hop, decisions=of(hop)) for hop in one.hops))
