"""What is wrong with the pods of a file, its own and its Deployments'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cluster.file import manifests
from lab.cluster.file.podsasked import AllPods, NamedPort, PodsAsked
from lab.cluster.file.sources import Manifests, Source
from lab.cluster.file.unobeyed import unobeyed
from lab.cluster.nodes import HOSTNAME, Labels
from lab.cluster.pod_hashes import replica_set_hash
from lab.errors import Mistake
from lab.topology.field_errors import unknown
from lab.topology.yaml.document import Path, shown

READY = "hoplab.io/ready"
"""The annotation that keeps a pod unready, where it is "false"."""

_NAMED_PORTS = "named ports"
TEMPLATE: Path = ("spec", "template")
# A pod's network namespace is named NAMESPACE.POD, and a file name has at most 255 characters.
MAX_PLACE = 250
SUFFIX = 1 + 10 + 1 + 5  # what a Deployment adds to its name
MAX_PODS_IN_ALL = 20_000


def check_pods(result: Manifests, nodes: Mapping[str, Labels]) -> AllPods:
    """The pods that are asked for. `nodes` are the labels of each. Mistakes and warnings go to `result`."""
    pods, number = AllPods(), 0
    for source, item in result.found:
        if isinstance(item, manifests.Pod):
            number += 1
            _check_length(source, item.metadata, 0, result)
            ports = _check(source, item.metadata, item.spec, (), nodes, result)
            pods.add(PodsAsked(item.metadata.namespace, item.metadata.name, item.metadata.labels, ports))
        elif isinstance(item, manifests.Deployment):
            if number + item.spec.replicas > MAX_PODS_IN_ALL:
                problem = f"there are more than {MAX_PODS_IN_ALL:,} pods in all"
                result.mistakes.append(source.mistake(("spec", "replicas"), problem, "ask for fewer"))
                continue
            number += item.spec.replicas
            pods.add(_deployment(source, item, nodes, result))
    for _, item in result.of(manifests.Pod):
        namespace, name = item.metadata.namespace, item.metadata.name
        owner = pods.deployment(namespace, name)
        if owner is not None and owner.source is not None:
            problem = f"its pod {namespace}/{name} is also a Pod of its own"
            result.mistakes.append(owner.source.mistake(("metadata", "name"), problem, "choose another name"))
    return pods


def _check_length(source: Source, metadata: manifests.NamedMetadata, suffix: int, result: Manifests) -> None:
    limit = MAX_PLACE - 1 - len(metadata.namespace) - suffix
    if len(metadata.name) > limit:
        problem = f"{shown(metadata.name)} is too long"
        result.mistakes.append(source.mistake(("metadata", "name"), problem, f"at most {limit} characters"))


def _deployment(
    source: Source, item: manifests.Deployment, nodes: Mapping[str, Labels], result: Manifests
) -> PodsAsked:
    """A Deployment's pods, whose labels its selector must match, as Kubernetes demands."""
    namespace, name, template = item.metadata.namespace, item.metadata.name, item.spec.template
    _check_length(source, item.metadata, SUFFIX, result)
    path: Path = ("spec", "selector")
    selector = item.spec.selector
    if not selector.match_labels and not selector.match_expressions:
        result.mistakes.append(
            source.mistake(path, "it selects nothing", "repeat the template's labels in matchLabels")
        )
    for key, value in selector.match_labels.items():
        if template.metadata.labels.get(key) != value:
            problem = f"the template has no label {shown(f'{key}={value}')}"
            result.mistakes.append(source.mistake((*path, "matchLabels", key), problem, "the two must be the same"))
    ports = _check(source, template.metadata, template.spec, TEMPLATE, nodes, result)
    labels = {**template.metadata.labels, "pod-template-hash": replica_set_hash(namespace, name)}
    return PodsAsked(namespace, name, labels, ports, item.spec.replicas, source)


def _check(
    source: Source,
    metadata: manifests.Metadata,
    spec: manifests.PodSpec,
    at: Path,
    nodes: Mapping[str, Labels],
    result: Manifests,
) -> frozenset[NamedPort]:
    """The ports that have a name. `at` is where metadata and spec stand in the manifest."""
    made, key = source.document.made, (_NAMED_PORTS, (*source.at, *at))
    known: frozenset[NamedPort] | None = made.get(key)
    if known is not None:  # of a manifest of which there was nothing to be said; but the nodes may be others
        result.mistakes += _node_mistakes(source, spec, at, nodes)
        return known
    said = len(result.mistakes), len(result.warnings)
    told = unobeyed(_at(source.value, at))
    result.warnings += [source.warning((*at, *one.path), str(one.below(at))) for one in told]
    ports = _ports(source, spec, at, result)
    ready = metadata.annotations.get(READY, "true")
    if ready not in ("true", "false"):
        path = (*at, "metadata", "annotations", READY)
        result.mistakes.append(source.mistake(path, f"{shown(ready)} is not true or false", 'write "true" or "false"'))
    elsewhere = _node_mistakes(source, spec, at, nodes)
    result.mistakes += elsewhere
    if spec.dns_policy == "None" and not spec.dns_config.nameservers:
        path, problem = (*at, "spec", "dnsPolicy"), "with dnsPolicy None the pod asks nobody"
        result.mistakes.append(source.mistake(path, problem, "name its servers in dnsConfig.nameservers"))
    if (len(result.mistakes) - len(elsewhere), len(result.warnings)) == said:
        made[key] = ports
    return ports


def _at(value: Any, path: Path) -> Any:  # noqa: ANN401  whatever YAML holds
    for part in path:
        value = value[part]
    return value


def _ports(source: Source, spec: manifests.PodSpec, at: Path, result: Manifests) -> frozenset[NamedPort]:
    """Of all containers, which share one network namespace: of a number that is there twice the first counts."""
    numbers: set[tuple[int, str]] = set()
    names: set[str] = set()
    found = []
    for i, container in enumerate(spec.containers):
        for j, port in enumerate(container.ports):
            path = (*at, "spec", "containers", i, "ports", j)
            key = (port.container_port, port.protocol)
            if port.name and port.name in names:
                problem = f"the port name {port.name} is used twice in the pod"
                result.mistakes.append(source.mistake((*path, "name"), problem, "choose another"))
            elif key in numbers:
                result.warnings.append(source.warning(path, f"{port.container_port}/{port.protocol} is declared twice"))
            if port.name and key not in numbers:
                found.append((port.name, port.protocol))
            names.add(port.name)
            numbers.add(key)
    return frozenset(found)


def _node_mistakes(source: Source, spec: manifests.PodSpec, at: Path, nodes: Mapping[str, Labels]) -> list[Mistake]:
    """Whether nodeName and nodeSelector leave a node."""
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
    if not mistakes and not any(spec.node_selector.items() <= labels.items() for labels in left.values()):
        problem, remedy = "no node has all of these labels", "`spec.nodes` gives nodes their labels"
        mistakes.append(source.mistake((*where, "nodeSelector"), problem, remedy))
    return mistakes


def _has(nodes: Mapping[str, Labels], label: str) -> str:
    """What nodes have of that label, as a remedy."""
    values = sorted({labels[label] for labels in nodes.values() if label in labels})
    if values:
        return f"there is {', '.join(f'{label}={value}' for value in values[:8])}"
    return "`spec.nodes` gives nodes labels and zones; leave others out"
