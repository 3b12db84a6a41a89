"""What a Pod or Deployment manifest says of its pods, before they have a name and a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.cluster import manifests
from lab.cluster.objects import ContainerPort, Pod
from lab.cluster.sources import Manifests, Source
from lab.topology.document import Path, shown
from lab.topology.refusals import unknown

READY = "hoplab.io/ready"
HOSTNAME = "kubernetes.io/hostname"

# Labels that every node has, beside its hostname.
NODE_LABELS = {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"}


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """Pods that differ in name and node only. `pinned` is the node that all of them must be on, or ""."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    command: tuple[str, ...] = ()
    ready: bool = True
    hostname: str = ""
    subdomain: str = ""
    owner: str = ""
    system: str = ""
    pinned: str = ""

    def pod(self, name: str, node: str) -> Pod:
        return Pod(
            self.namespace,
            name,
            node,
            self.labels,
            self.ports,
            self.command,
            self.ready,
            self.hostname,
            self.subdomain,
            self.owner,
            self.system,
        )


def pod_template(
    source: Source,
    metadata: manifests.Metadata,
    spec: manifests.PodSpec,
    at: Path,
    *,
    namespace: str,
    nodes: tuple[str, ...],
    result: Manifests,
    owner: str = "",
    labels: Mapping[str, str] | None = None,
) -> PodTemplate:
    """The template; `at` is where metadata and spec stand in the manifest. What is wrong goes to `result`."""
    if spec.host_network:
        path = (*at, "spec", "hostNetwork")
        result.mistakes.append(source.mistake(path, "pods in their node's network are not supported", "leave it out"))
    first = spec.containers[0]
    return PodTemplate(
        namespace=namespace,
        labels=tuple({**metadata.labels, **(labels or {})}.items()),
        ports=_ports(source, spec, at, result),
        command=(*first.command, *first.args) if first.command else (),
        ready=_ready(source, metadata, at, result),
        hostname=spec.hostname,
        subdomain=spec.subdomain,
        owner=owner,
        pinned=_pinned(source, spec, at, nodes, result),
    )


def _ports(source: Source, spec: manifests.PodSpec, at: Path, result: Manifests) -> tuple[ContainerPort, ...]:
    """Ports of all containers, each once; they share one network namespace."""
    ports: dict[tuple[int, str], ContainerPort] = {}
    names: set[str] = set()
    for i, container in enumerate(spec.containers):
        for j, port in enumerate(container.ports):
            path = (*at, "spec", "containers", i, "ports", j)
            key = (port.container_port, port.protocol)
            if port.name and port.name in names:
                problem = f"the port name {port.name} is used twice in the pod"
                result.mistakes.append(source.mistake((*path, "name"), problem, "choose another"))
            elif key in ports:
                result.warnings.append(source.warning(path, f"{port.container_port}/{port.protocol} is declared twice"))
            names.add(port.name)
            ports.setdefault(key, ContainerPort(port.container_port, port.protocol, port.name))
    return tuple(ports.values())


def _ready(source: Source, metadata: manifests.Metadata, at: Path, result: Manifests) -> bool:
    value = metadata.annotations.get(READY, "true")
    if value not in ("true", "false"):
        path = (*at, "metadata", "annotations", READY)
        result.mistakes.append(source.mistake(path, f"{shown(value)} is not true or false", 'write "true" or "false"'))
    return value != "false"


def _pinned(source: Source, spec: manifests.PodSpec, at: Path, nodes: tuple[str, ...], result: Manifests) -> str:
    """The node that nodeName, or a nodeSelector for the hostname, asks for."""
    where: Path = (*at, "spec", "nodeName")
    wanted = spec.node_name
    for label, value in spec.node_selector.items():
        path = (*at, "spec", "nodeSelector", label)
        if label == HOSTNAME and not wanted:
            where, wanted = path, value
        elif value != (spec.node_name if label == HOSTNAME else NODE_LABELS.get(label)):
            problem = f"no node has the label {shown(f'{label}={value}')}"
            result.mistakes.append(source.mistake(path, problem, f"nodes have {HOSTNAME}; leave others out"))
    if wanted and wanted not in nodes:
        result.mistakes.append(source.mistake(where, *unknown("node", wanted, nodes)))
        return ""
    return wanted
