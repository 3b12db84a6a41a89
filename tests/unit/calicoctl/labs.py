"""Small labs as calicoctl sees them: designed, never built; what the API would hold is made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.calicoctl.answers import Answer
from lab.calicoctl.bgp import Untried
from lab.calicoctl.commands import Asking, answer
from lab.calicoctl.seen import Seen, seen
from lab.cluster.objects import Pod
from lab.topology.schema import Cni, IpPool
from tests.unit.network.small_labs import Lab, cluster, made, spec, two_subnet

BEGAN = 1_796_030_782.0  # 2026-11-30 09:26:22 UTC
LATER = BEGAN + 60
CREATED = "2026-11-30T09:26:22Z"
STANDS = {"node-0": "subnet-a", "node-1": "subnet-a", "node-2": "subnet-b"}


def tunnelled(encapsulation: Any) -> Lab:
    """two-subnet, its pods' packets travelling so."""
    return two_subnet(Cni(encapsulation=encapsulation))


def encrypted() -> Lab:
    """two-subnet, its nodes encrypting what they send each other."""
    return two_subnet(Cni(wireguard_enabled=True))


def pooled() -> Lab:
    """Two pools, one with a tunnel; 64 pods on node-0 of the first, and one on node-2 of the second."""
    pools = (IpPool(cidr="10.244.0.0/24"), IpPool(cidr="10.245.0.0/16", encapsulation="None", nat_outgoing=False))
    topology = spec(STANDS, cni=Cni(ip_pools=pools))
    many = [Pod("default", f"web-{n}", "node-0") for n in range(64)]
    return made(topology, cluster(topology, *many, Pod("default", "far", "node-2", pools=("10.245.0.0/16",))))


def see(lab: Lab, without: Sequence[str] = ()) -> Seen:
    """The lab, but for the API's objects of these pods."""
    pods = [_pod(pod, lab.addresses.pods[pod.place]) for pod in lab.cluster.pods if pod.place not in without]
    nodes = [_node(name, lab.addresses.nodes[name], lab.addresses.blocks[name][0]) for name in lab.cluster.nodes]
    return seen(lab.topology, lab.addresses, pods, nodes, "47", BEGAN)


def said(there: Seen, typed: str, node: str = "node-0", outcomes: dict[str, str] | None = None) -> Answer:
    """To the words of a line; `outcomes` are of handshakes with peers, by their addresses."""

    found = answer(typed.split(), there, Asking(node, LATER))
    if isinstance(found, Untried):
        tried = {peer.address: (outcomes or {}).get(peer.address, "") for peer in found.peers}
        found = answer(typed.split(), there, Asking(node, LATER, tried))
    assert isinstance(found, Answer)
    return found


def _pod(pod: Pod, address: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": f"uid-of-{pod.name}",
            "resourceVersion": "12",
            "creationTimestamp": CREATED,
            "labels": dict(pod.labels),
        },
        "spec": {
            "nodeName": pod.node,
            "serviceAccountName": "default",
            "containers": [{"name": "one", "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9}]}],
        },
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def _node(name: str, address: str, block: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": "7",
            "creationTimestamp": CREATED,
            "labels": {"kubernetes.io/hostname": name},
        },
        "spec": {"podCIDR": block, "podCIDRs": [block]},
        "status": {"addresses": [{"address": address, "type": "InternalIP"}, {"address": name, "type": "Hostname"}]},
    }
