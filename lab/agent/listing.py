"""The cluster as `get` shows it: Kubernetes objects as kubectl prints them with `-o json`, as far as the lab knows
them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, Pod, Service
from lab.network.addressing import Addresses

Json = dict[str, Any]


def listing(cluster: Cluster, addresses: Addresses, started: float) -> dict[str, list[Json]]:
    """Objects by resource name: nodes, pods, services, endpointslices. Times are that of the lab's start."""
    created = datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "nodes": [_node(name, addresses, created) for name in cluster.nodes],
        "pods": [_pod(pod, addresses, created) for pod in cluster.pods],
        "services": [_service(service, created) for service in cluster.services],
        "endpointslices": [_slice(item, addresses, created) for item in cluster.slices],
    }


def _metadata(name: str, created: str, namespace: str = "", **more: Any) -> Json:  # noqa: ANN401
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "creationTimestamp": created, **more}


def _node(name: str, addresses: Addresses, created: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _metadata(name, created, labels={"kubernetes.io/hostname": name}),
        "spec": {"podCIDRs": list(addresses.blocks.get(name, ()))},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": addresses.nodes[name]},
                {"type": "Hostname", "address": name},
            ],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _pod(pod: Pod, addresses: Addresses, created: str) -> Json:
    owner = {"ownerReferences": [{"kind": "Deployment", "name": pod.owner}]} if pod.owner else {}
    ready = "True" if pod.ready else "False"
    ports = [{"containerPort": port.port, "protocol": port.protocol, "name": port.name} for port in pod.ports]
    container = {"name": pod.name, "command": list(pod.command), "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(pod.name, created, pod.namespace, labels=dict(pod.labels), **owner),
        "spec": {"nodeName": pod.node, "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": addresses.pod(pod.place),
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"name": pod.name, "ready": pod.ready, "restartCount": 0}],
        },
    }


def _service(service: Service, created: str) -> Json:
    ports = [
        {"name": port.name, "protocol": port.protocol, "port": port.port, "targetPort": port.target_port}
        | ({"nodePort": port.node_port} if port.node_port else {})
        for port in service.ports
    ]
    spec: Json = {"type": service.type, "ports": ports, "selector": dict(service.selector)}
    if service.external_name:
        spec["externalName"] = service.external_name
    else:
        spec["clusterIP"] = service.cluster_ip or "None"
    metadata = _metadata(service.name, created, service.namespace)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _slice(item: EndpointSlice, addresses: Addresses, created: str) -> Json:
    targets: dict[tuple[str, str], Endpoint] = {
        (target.pod, target.address): target for port in item.ports for target in port.endpoints
    }
    labels = {"kubernetes.io/service-name": item.service}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": _metadata(item.name, created, item.namespace, labels=labels),
        "ports": [{"name": port.port, "protocol": port.protocol, "port": port.target} for port in item.ports],
        "endpoints": [_endpoint(target, addresses) for target in targets.values()],
    }


def _endpoint(target: Endpoint, addresses: Addresses) -> Json:
    address = addresses.pod(target.pod) if target.pod else target.address
    told: Json = {"addresses": [address], "conditions": {"ready": target.ready}}
    if target.node:
        told["nodeName"] = target.node
    if target.pod:
        namespace, _, name = target.pod.partition("/")
        told["targetRef"] = {"kind": "Pod", "namespace": namespace, "name": name}
    return told
