"""Taking pods up: their status says that their containers run, and Events tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.api.resources import PODS
from lab.api.store import Json, Store
from lab.cluster.file.unobeyed import REASON, warnings
from lab.control.events import Recorder
from lab.control.pieces import Pieces
from lab.control.pods import podstatus
from lab.control.traits import named
from lab.network.dns import pod_names
from lab.network.dns.resolver import Resolver
from lab.network.ipam import Addresses

KUBELET = "kubelet"
NORMAL, WARNING = "Normal", "Warning"


@dataclass(frozen=True, slots=True)
class Names:
    """What the nodes' kubelets know of names: the cluster's domain, the address of kube-dns, and whom nodes ask."""

    domain: str
    cluster_dns: tuple[str, ...]
    of_node: Resolver

    def troubles(self, pod: Json) -> Iterator[tuple[str, str]]:
        """Reason and message of what a pod asks for of these and cannot have."""
        if pod["spec"].get("dnsConfig") or pod["spec"].get("setHostnameAsFQDN"):
            yield from pod_names.troubles(named(pod), self.domain, self.cluster_dns, self.of_node)


def place_of(pod: Json) -> str:
    """The pod's place in the lab: NAMESPACE/NAME."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def start(store: Store, recorder: Recorder, pod: Json, address: str, host: str, names: Names) -> Json:
    """The pod as stored, its containers running under this address on a node that has the other."""
    made = store.update(PODS, podstatus.started(pod, address, host, store.now()))
    container = made["spec"]["containers"][0]  # the only one whose program runs
    told(recorder, made, NORMAL, "Created", f"Created container: {container['name']}")
    told(recorder, made, NORMAL, "Started", f"Started container {container['name']}")
    for reason, message in (*names.troubles(made), *((REASON, text) for text in warnings("Pod", made))):
        recorder.record(made, WARNING, reason, message, KUBELET, host=made["spec"].get("nodeName", ""))
    return made


def told(recorder: Recorder, pod: Json, kind: str, reason: str, message: str) -> None:
    """An Event of the pod's kubelet about its first container."""
    name = pod["spec"]["containers"][0]["name"]
    host = pod["spec"].get("nodeName", "")
    recorder.record(pod, kind, reason, message, KUBELET, field=f"spec.containers{{{name}}}", host=host)


def start_all(store: Store, recorder: Recorder, addresses: Addresses, names: Names) -> Pieces[bool]:
    """Take up all pods that have a node, and take out those that are being deleted: what is about to be built at one
    go. Whether there was anything to do. Those that wait to be started anew go on waiting.
    """
    found = False
    for pod in tuple(store.each(PODS)):
        yield
        if store.find(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"]) is not pod:
            found = True  # it has changed meanwhile: the next round looks at it
            continue
        node = pod["spec"].get("nodeName")
        if podstatus.is_terminating(pod):
            store.remove(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
            found = True
        elif node and not podstatus.is_finished(pod):
            address = addresses.pods.get(place_of(pod), "")
            if address and pod["status"].get("podIP") != address:
                start(store, recorder, pod, address, addresses.nodes[node], names)
                found = True
    return found
