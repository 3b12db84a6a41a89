"""What is wrong with the EndpointSlices of a file."""

from __future__ import annotations

from lab.cluster.endpoints import CONTROLLER, MANAGED_BY, SERVICE_NAME, is_host
from lab.cluster.file import manifests
from lab.cluster.file.podsasked import AllPods
from lab.cluster.file.sources import Manifests, Source
from lab.topology.yaml.document import shown


def check_slices(result: Manifests, pods: AllPods) -> None:
    """Mistakes and warnings go to `result`."""
    known = {(item.metadata.namespace, item.metadata.name) for _, item in result.of(manifests.Service)}
    for source, item in result.of(manifests.EndpointSlice):
        metadata, service = item.metadata, item.metadata.labels.get(SERVICE_NAME, "")
        label = ("metadata", "labels", SERVICE_NAME)
        if metadata.labels.get(MANAGED_BY) == CONTROLLER:
            problem = f"{metadata.name} is passed over: the lab makes it from the selector"
            result.warnings.append(source.warning((), problem))
        elif item.address_type != "IPv4":
            problem = f"{metadata.name} is passed over: only IPv4 is supported"
            result.warnings.append(source.warning(("addressType",), problem))
        elif not service:
            result.mistakes.append(source.mistake(label, "is missing", "name the Service whose endpoints these are"))
        else:
            if (metadata.namespace, service) not in known:
                problem = f"{metadata.name} has no effect: there is no Service {metadata.namespace}/{service}"
                result.warnings.append(source.warning(label, problem))
            _check_endpoints(source, item, pods, result)


def _check_endpoints(source: Source, item: manifests.EndpointSlice, pods: AllPods, result: Manifests) -> None:
    """Each endpoint is the pod that its targetRef names, or else its first address; kube-proxy looks at no other."""
    for i, member in enumerate(item.endpoints):
        reference, address = member.target_ref, member.addresses[0]
        namespace = reference.namespace or item.metadata.namespace
        if reference.kind != "Pod" and not is_host(address):
            problem = f"{shown(address)} cannot be an endpoint's address"
            remedy = "use the IPv4 address of a host"
            result.mistakes.append(source.mistake(("endpoints", i, "addresses", 0), problem, remedy))
        elif reference.kind == "Pod" and not pods.has(namespace, reference.name):
            problem = f"there is no pod {shown(f'{namespace}/{reference.name}')}"
            remedy = "leave targetRef out for what is no pod"
            result.mistakes.append(source.mistake(("endpoints", i, "targetRef", "name"), problem, remedy))
