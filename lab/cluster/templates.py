"""What a Pod or Deployment manifest says of its pods, before they have a name and a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.cluster import manifests
from lab.cluster.environment import Variable, variables
from lab.cluster.nodes import HOSTNAME, Labels
from lab.cluster.objects import CLUSTER_FIRST, NO_MORE, ContainerPort, HostAlias, Pod, PodDns
from lab.cluster.pools import pools_asked
from lab.cluster.power import Power, power
from lab.cluster.sources import Manifests, Source
from lab.cluster.unobeyed import unobeyed
from lab.errors import Mistake
from lab.topology.field_errors import unknown
from lab.topology.yaml.document import Path, shown

READY = "hoplab.io/ready"


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """Pods that differ in name and node only. `among` are the nodes that they may be on, () for all."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    command: tuple[str, ...] = ()
    ready: bool = True
    hostname: str = ""
    subdomain: str = ""
    owner: str = ""
    system: str = ""
    among: tuple[str, ...] = ()
    dns: PodDns = CLUSTER_FIRST
    host_aliases: tuple[HostAlias, ...] = ()
    fqdn: bool = False
    host_network: bool = False
    pools: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    power: Power = NO_MORE
    unobeyed: tuple[str, ...] = ()

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
            dns=self.dns,
            host_aliases=self.host_aliases,
            fqdn=self.fqdn,
            host_network=self.host_network,
            pools=self.pools,
            variables=self.variables,
            power=self.power,
            unobeyed=self.unobeyed,
        )


def pod_template(
    source: Source,
    metadata: manifests.Metadata,
    spec: manifests.PodSpec,
    at: Path,
    *,
    namespace: str,
    nodes: Mapping[str, Labels],
    result: Manifests,
    owner: str = "",
    labels: Mapping[str, str] | None = None,
) -> PodTemplate:
    """The template; `at` is where metadata and spec stand in the manifest. What is wrong goes to `result`."""
    first = spec.containers[0]
    written = _at(source.value, at)
    told = tuple(unobeyed(written))
    result.warnings += [source.warning((*at, *one.path), str(one.below(at))) for one in told]
    return PodTemplate(
        namespace=namespace,
        labels=tuple({**metadata.labels, **(labels or {})}.items()),
        ports=_ports(source, spec, at, result),
        command=(*first.command, *first.args) if first.command else (),
        ready=_ready(source, metadata, at, result),
        hostname=spec.hostname,
        subdomain=spec.subdomain,
        owner=owner,
        among=_among(source, spec, at, nodes, result),
        dns=_dns(source, spec, at, result),
        host_aliases=tuple(HostAlias(str(one.ip), one.hostnames) for one in spec.host_aliases),
        fqdn=spec.set_hostname_as_fqdn,
        host_network=spec.host_network,
        pools=pools_asked(metadata.annotations),
        variables=variables(written["spec"]["containers"][0]),
        power=power(written["spec"]["containers"][0]),
        unobeyed=tuple(map(str, told)),
    )


def _at(value: Any, path: Path) -> Any:  # noqa: ANN401  whatever YAML holds
    for part in path:
        value = value[part]
    return value


def _dns(source: Source, spec: manifests.PodSpec, at: Path, result: Manifests) -> PodDns:
    told = spec.dns_config
    if spec.dns_policy == "None" and not told.nameservers:
        path = (*at, "spec", "dnsPolicy")
        problem = "with dnsPolicy None the pod asks nobody"
        result.mistakes.append(source.mistake(path, problem, "name its servers in dnsConfig.nameservers"))
    options = tuple((one.name, one.value) for one in told.options)
    return PodDns(spec.dns_policy, tuple(map(str, told.nameservers)), told.searches, options)


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


def _among(
    source: Source, spec: manifests.PodSpec, at: Path, nodes: Mapping[str, Labels], result: Manifests
) -> tuple[str, ...]:
    """The nodes that nodeName and nodeSelector leave; () for all."""
    where, name, mistakes = (*at, "spec"), spec.node_name, list[Mistake]()
    if name and name not in nodes:
        mistakes.append(source.mistake((*where, "nodeName"), *unknown("node", name, tuple(nodes))))
    left = {name: nodes[name]} if name in nodes else nodes
    for label, value in spec.node_selector.items():
        path = (*where, "nodeSelector", label)
        if label == HOSTNAME and value not in nodes:
            mistakes.append(source.mistake(path, *unknown("node", value, tuple(nodes))))
        elif not any(labels.get(label) == value for labels in left.values()):
            who = f"{name} has not" if name in nodes else "no node has"
            mistakes.append(source.mistake(path, f"{who} the label {shown(f'{label}={value}')}", _has(nodes, label)))
    fitting = tuple(one for one, labels in left.items() if spec.node_selector.items() <= labels.items())
    if not fitting and not mistakes:
        problem, remedy = "no node has all of these labels", "`spec.nodes` gives nodes their labels"
        mistakes.append(source.mistake((*where, "nodeSelector"), problem, remedy))
    result.mistakes += mistakes
    return fitting if name or spec.node_selector else ()


def _has(nodes: Mapping[str, Labels], label: str) -> str:
    """What nodes have of that label, as a remedy."""
    values = sorted({labels[label] for labels in nodes.values() if label in labels})
    if values:
        return f"there is {', '.join(f'{label}={value}' for value in values[:8])}"
    return "`spec.nodes` gives nodes labels and zones; leave others out"
