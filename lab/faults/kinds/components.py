"""Components that have died, and servers that do not answer."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.difference import Difference, Given
from lab.faults.fault import Fault, Rewrite, Stopping
from lab.faults.ground import Ground
from lab.network.components import DNS, KUBE_PROXY, PROBES


def _serving(ground: Ground) -> tuple[str, ...]:
    return tuple(pod for pod in ground.pods if ground.listens(pod))


def _server_gone(ground: Ground, place: str, _: Given) -> Difference:
    return Difference(gone=tuple(one.key for one in ground.listens(place)))


def _local_only(ground: Ground, place: str, _: Given) -> Difference:
    there = ground.listens(place)
    return Difference(
        objects=tuple(replace(one, address="127.0.0.1") for one in there), gone=tuple(one.key for one in there)
    )


def _dns_pods(ground: Ground) -> tuple[str, ...]:
    return tuple(pod.place for pod in ground.cluster.pods if pod.system)


FAULTS = (
    Fault(
        "kube-proxy-dead",
        "kube-proxy has died on one node: its rules do not follow any more",
        "kubernetes/kubernetes#38372",
        "nothing, until an endpoint changes; then this node still asks the old ones",
        "a node",
        lambda ground: ground.of_kind("node"),
        Stopping(KUBE_PROXY),
    ),
    Fault(
        "kubelet-dead",
        "kubelet has died on one node: nobody probes its pods",
        "many",
        "pods of the node stay as ready as they were, whatever becomes of them",
        "a node",
        lambda ground: ground.of_kind("node"),
        Stopping(PROBES),
    ),
    Fault(
        "dns-down",
        "a DNS server of the cluster does not run",
        "many",
        "names are answered late or not at all",
        "a pod of kube-dns",
        _dns_pods,
        Stopping(DNS),
    ),
    Fault(
        "server-dead",
        "a pod's server has ended, and nothing restarts it",
        "many",
        "connections to the pod are refused; a readiness probe that asks the server takes it out of Services",
        "a pod with a server of the lab's own",
        _serving,
        Rewrite(_server_gone),
    ),
    Fault(
        "server-on-loopback",
        "a pod's server listens on 127.0.0.1 alone",
        "many",
        "it answers inside the pod, and refuses everybody else",
        "a pod with a server of the lab's own",
        _serving,
        Rewrite(_local_only),
    ),
)
