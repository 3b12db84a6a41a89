"""Settings of the kernel, and rules of the network plugin that are missing."""

from __future__ import annotations

import re
from dataclasses import replace

from lab.faults.difference import At, Difference, Given
from lab.faults.fault import Fault, Rewrite
from lab.faults.ground import Ground
from lab.network.objects import Chain, Route, Sysctl

FORWARD, RP_FILTER = "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter"
OF_LINKS = re.compile(r"net\.ipv4\.conf\..+\.forwarding")
BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
MASQUERADING = ("cali-nat-outgoing", "FLANNEL-POSTRTG")


def _forward_off(ground: Ground, place: str, _: Given) -> Difference:
    """The kernel takes it from every interface with it."""
    of_links = (item.name for item in ground.held(place, Sysctl) if OF_LINKS.fullmatch(item.name))
    return Difference(objects=tuple(Sysctl(place, name, "0") for name in (FORWARD, *of_links)))


def _strict(ground: Ground, place: str, _: Given) -> Difference:
    """A strict filter, and a way back to the farthest node's pods that is not the tunnel."""
    others = ground.others(place)
    blocks = ground.addresses.blocks.get(others[0], ()) if others else ()
    routes = {item.destination: item for item in ground.held(place, Route)}
    default = routes.get("default")
    elsewhere = [
        replace(routes[one], via=default.via, device=default.device) for one in blocks if one in routes and default
    ]
    return Difference(objects=(Sysctl(place, RP_FILTER, "1"), *elsewhere))


def _bridge_nf_off(_: Ground, place: str, __: Given) -> Difference:
    return Difference(objects=(Sysctl(place, BRIDGE_NF, "0"),))


def _with_two_pods(ground: Ground) -> tuple[str, ...]:
    pods = [pod.node for pod in ground.cluster.pods]
    return tuple(node for node in ground.of_kind("node") if ground.is_bridged and pods.count(node) > 1)


def _masquerading(ground: Ground, node: str) -> Chain | None:
    found = (one for one in ground.held(node, Chain) if one.table == "nat" and one.name in MASQUERADING)
    return next((one for one in found if any("MASQUERADE" in rule.text for rule in one.rules)), None)


def _masquerade_missing(ground: Ground, place: str, _: Given) -> Difference:
    chain = _masquerading(ground, place)
    return Difference(without=(At("nat", chain.name, "MASQUERADE"),)) if chain else Difference()


FAULTS = (
    Fault(
        "ip-forward-off",
        "the place does not forward packets",
        "openshift/origin#9931",
        "it answers itself, and lets nothing pass",
        "a node, a router or the gateway",
        lambda ground: ground.of_kind("node", "router", "gateway"),
        Rewrite(_forward_off),
    ),
    Fault(
        "rp-filter-strict",
        "the reverse path filter is strict, and the way back is not the way by which packets come",
        "cilium/cilium#10645",
        "what comes out of the tunnel is dropped without a word",
        "a node with a tunnel",
        lambda ground: ground.tunnel_nodes,
        Rewrite(_strict),
    ),
    Fault(
        "bridge-nf-off",
        "bridged packets meet no rules of iptables",
        "kubernetes/kubernetes#87426",
        "a Service answers, unless the pod that was chosen is on the asker's own node",
        "a node with two pods on flannel's bridge",
        _with_two_pods,
        Rewrite(_bridge_nf_off),
    ),
    Fault(
        "masquerade-missing",
        "what pods send to the outside keeps their own address",
        "flannel-io/flannel#971",
        "the node reaches the internet, its pods do not",
        "a node whose pods leave with its address",
        lambda ground: tuple(node for node in ground.of_kind("node") if _masquerading(ground, node)),
        Rewrite(_masquerade_missing),
    ),
)
