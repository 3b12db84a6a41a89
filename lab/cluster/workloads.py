"""Pod and Deployment manifests to the pods that they ask for, by name, not yet placed."""

from __future__ import annotations

from collections.abc import Mapping

from lab.cluster import manifests
from lab.cluster.deployments import pod_names, replica_set_hash
from lab.cluster.nodes import Labels
from lab.cluster.objects import Deployment
from lab.cluster.sources import Manifests, Source
from lab.cluster.templates import PodTemplate, pod_template
from lab.topology.yaml.document import Path, shown

Wanted = list[tuple[str, PodTemplate]]

# A pod's network namespace is named NAMESPACE.POD, and a file name has at most 255 characters.
MAX_PLACE = 250
SUFFIX = 1 + 10 + 1 + 5  # what a Deployment adds to its name
MAX_PODS_IN_ALL = 20_000


def wanted_deployments(result: Manifests) -> tuple[Deployment, ...]:
    return tuple(
        Deployment(item.metadata.namespace, item.metadata.name, item.spec.replicas)
        for _, item in result.of(manifests.Deployment)
    )


def wanted_pods(result: Manifests, nodes: Mapping[str, Labels]) -> Wanted:
    """Names and templates in the files' order, Deployments expanded. `nodes` are the labels of each. Mistakes go to
    `result`.
    """
    wanted: Wanted = []
    written = {(item.metadata.namespace, item.metadata.name) for _, item in result.of(manifests.Pod)}
    for source, item in result.found:
        if isinstance(item, manifests.Pod):
            _check_length(source, item.metadata, 0, result)
            namespace = item.metadata.namespace
            template = pod_template(
                source, item.metadata, item.spec, (), namespace=namespace, nodes=nodes, result=result
            )
            wanted.append((item.metadata.name, template))
        elif isinstance(item, manifests.Deployment):
            namespace, replicas = item.metadata.namespace, item.spec.replicas
            if len(wanted) + replicas > MAX_PODS_IN_ALL:
                problem = f"there are more than {MAX_PODS_IN_ALL:,} pods in all"
                result.mistakes.append(source.mistake(("spec", "replicas"), problem, "ask for fewer"))
                continue
            _check_length(source, item.metadata, SUFFIX, result)
            template = _deployment_template(source, item, nodes, result)
            names = pod_names(namespace, item.metadata.name, replicas)
            for name in names:
                if (namespace, name) in written:
                    problem = f"its pod {namespace}/{name} is also a Pod of its own"
                    result.mistakes.append(source.mistake(("metadata", "name"), problem, "choose another name"))
            wanted += [(name, template) for name in names]
    return wanted


def _check_length(source: Source, metadata: manifests.NamedMetadata, suffix: int, result: Manifests) -> None:
    limit = MAX_PLACE - 1 - len(metadata.namespace) - suffix
    if len(metadata.name) > limit:
        problem = f"{shown(metadata.name)} is too long"
        result.mistakes.append(source.mistake(("metadata", "name"), problem, f"at most {limit} characters"))


def _deployment_template(
    source: Source, item: manifests.Deployment, nodes: Mapping[str, Labels], result: Manifests
) -> PodTemplate:
    """The template of a Deployment's pods, whose labels its selector must match, as Kubernetes demands."""
    namespace, name, template = item.metadata.namespace, item.metadata.name, item.spec.template
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
    labels = {"pod-template-hash": replica_set_hash(namespace, name)}
    return pod_template(
        source,
        template.metadata,
        template.spec,
        ("spec", "template"),
        namespace=namespace,
        nodes=nodes,
        result=result,
        owner=name,
        labels=labels,
    )
