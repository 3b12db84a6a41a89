"""One object of the API to what of it matters to the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lab.api.resources import DEPLOYMENTS, REPLICASETS
from lab.api.store import Json, Store
from lab.cluster import objects
from lab.cluster.endpoints import SERVICE_NAME
from lab.cluster.environment import variables
from lab.cluster.file import unobeyed
from lab.cluster.pools import address_asked, pools_asked
from lab.cluster.power import power
from lab.cluster.sourceranges import restricting
from lab.control.own_objects import SYSTEM, is_own_pod
from lab.control.ownership import controller_of, owner_name
from lab.control.pods.podstatus import is_finished, is_ready, is_running
from lab.control.services.slices import HEADLESS, places_of
from lab.topology.schema import ZONE

AFFINITY_SECONDS = 10800  # Kubernetes' default
_PLAIN_DNS = {
    "ClusterFirst": objects.CLUSTER_FIRST,
    **{policy: objects.PodDns(policy) for policy in ("ClusterFirstWithHostNet", "Default", "None")},
}


def pod(item: Json, store: Store) -> objects.Pod | None:
    """None while it has no node, and when it is finished: then it is not in the network."""
    metadata, spec = item["metadata"], item["spec"]
    if not spec.get("nodeName") or is_finished(item):
        return None
    first = spec["containers"][0]
    command = (*first["command"], *(first.get("args") or ())) if first.get("command") else ()
    return replace(
        named(item),
        labels=tuple((metadata.get("labels") or {}).items()),
        ports=_container_ports(spec),
        command=command,
        ready=is_ready(item),
        owner=_deployment_of(item, store),
        system=(metadata.get("annotations") or {})[SYSTEM] if is_own_pod(item) else "",
        running=is_running(item),
        variables=variables(first),
        power=power(first),
        unobeyed=tuple(unobeyed.warnings("Pod", item)),
    )


def named(item: Json) -> objects.Pod:
    """What a pod's manifest says of names alone: its own, and whom it asks for others."""
    metadata, spec = item["metadata"], item["spec"]
    aliases = (objects.HostAlias(one["ip"], tuple(one.get("hostnames") or ())) for one in spec.get("hostAliases") or ())
    return objects.Pod(
        metadata["namespace"],
        metadata["name"],
        spec.get("nodeName") or "",
        hostname=spec.get("hostname") or "",
        subdomain=spec.get("subdomain") or "",
        dns=pod_dns(spec),
        host_aliases=tuple(aliases),
        fqdn=spec.get("setHostnameAsFQDN") is True,
        host_network=spec.get("hostNetwork") is True,
        pools=pools_asked(metadata.get("annotations") or {}),
        address=address_asked(metadata.get("annotations") or {}),
    )


def pod_dns(spec: Json) -> objects.PodDns:
    """What a pod's specification says of its resolver."""
    policy, told = spec.get("dnsPolicy") or "ClusterFirst", spec.get("dnsConfig")
    if not told:
        return _PLAIN_DNS[policy]
    options = tuple((one["name"], one.get("value") or "") for one in told.get("options") or ())
    nameservers, searches = tuple(told.get("nameservers") or ()), tuple(told.get("searches") or ())
    return objects.PodDns(policy, nameservers, searches, options)


def _container_ports(spec: Json) -> tuple[objects.ContainerPort, ...]:
    """Ports of all containers, each once; they share one network namespace."""
    ports: dict[tuple[int, str], objects.ContainerPort] = {}
    for container in spec["containers"]:
        for port in container.get("ports") or ():
            made = objects.ContainerPort(port["containerPort"], port.get("protocol") or "TCP", port.get("name") or "")
            ports.setdefault((made.port, made.protocol), made)
    return tuple(ports.values())


def _deployment_of(item: Json, store: Store) -> str:
    """The name of the Deployment whose ReplicaSet made the pod; "" for others."""
    reference = controller_of(item)
    if reference is None or not owner_name(item, REPLICASETS):
        return ""
    owner = store.find(REPLICASETS, item["metadata"]["namespace"], reference["name"])
    return owner_name(owner, DEPLOYMENTS) if owner and owner["metadata"]["uid"] == reference["uid"] else ""


def service(item: Json) -> objects.Service:
    spec, metadata = item["spec"], item["metadata"]
    external = spec.get("type") == "ExternalName"
    address = spec.get("clusterIP") or ""
    affinity = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds", AFFINITY_SECONDS)
    ingress = ((item.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return objects.Service(
        metadata["namespace"],
        metadata["name"],
        spec.get("type") or "ClusterIP",
        "" if external or address == "None" else address,
        tuple(_service_port(port) for port in spec.get("ports") or ()),
        () if external else tuple((spec.get("selector") or {}).items()),
        spec.get("externalName") or "" if external else "",
        tuple(spec.get("externalIPs") or ()),
        tuple(filter(_is_ipv4, (one.get("ip", "") for one in ingress if one.get("ipMode", "VIP") == "VIP"))),
        restricting(spec.get("loadBalancerSourceRanges") or ()),
        affinity if spec.get("sessionAffinity") == "ClientIP" else 0,
        spec.get("internalTrafficPolicy") or "Cluster",
        spec.get("externalTrafficPolicy") or "Cluster",
        spec.get("healthCheckNodePort") or 0,
        (metadata.get("labels") or {}).get(objects.PROXY_NAME),
    )


def _is_ipv4(text: str) -> bool:
    """Of an address; kube-proxy passes over those of the other family."""
    return bool(text) and ":" not in text


def _service_port(port: Json) -> objects.ServicePort:
    return objects.ServicePort(
        port.get("name") or "",
        port.get("protocol") or "TCP",
        port["port"],
        port.get("targetPort") or port["port"],
        port.get("nodePort") or 0,
    )


def endpoint_slice(
    item: Json, headless: Callable[[str, str], bool], pod_at: Callable[[str], objects.Pod | None]
) -> objects.EndpointSlice | None:
    """None for what is of no Service or not of IPv4. `headless` tells whether the Service of that namespace and name
    is; `pod_at` gives the pod of a place, None for one that is not in the network.
    """
    metadata = item["metadata"]
    name = (metadata.get("labels") or {}).get(SERVICE_NAME)
    if not name or item.get("addressType") != "IPv4":
        return None
    endpoints = tuple(_endpoints(item, pod_at))
    ports = tuple(
        objects.PortEndpoints(port.get("name") or "", port.get("protocol") or "TCP", port["port"], endpoints)
        for port in item.get("ports") or ()
        if port.get("port")
    )
    alone = endpoints and not item.get("ports")
    if alone and (HEADLESS in metadata["labels"] or headless(metadata["namespace"], name)):
        ports = (objects.PortEndpoints("", "TCP", 0, endpoints),)  # for DNS alone
    return objects.EndpointSlice(metadata["namespace"], metadata["name"], name, ports)


def _endpoints(item: Json, pod_at: Callable[[str], objects.Pod | None]) -> Iterator[objects.Endpoint]:
    """What is not said of readiness counts as true; what serves is what is ready, unless that is said."""
    for one, place in zip(item.get("endpoints") or (), places_of(item), strict=True):
        conditions = one.get("conditions") or {}
        ready = conditions.get("ready") is not False
        serving = conditions.get("serving")
        found = pod_at(place) if place else None
        yield objects.Endpoint(
            place if found else "",
            "" if found else one["addresses"][0],
            found.node if found else one.get("nodeName") or "",
            one.get("hostname") or "",
            ready,
            ready if serving is None else serving,
            conditions.get("terminating") is True,
            one.get("zone") or "",
            _named(one, "forZones"),
            _named(one, "forNodes"),
        )


def _named(endpoint: Json, kind: str) -> tuple[str, ...]:
    """Whom the endpoint's hints of that kind name."""
    return tuple(one["name"] for one in (endpoint.get("hints") or {}).get(kind) or ())


def zone(node: Json) -> tuple[str, str] | None:
    """The node's name and zone; None where it has none."""
    metadata = node["metadata"]
    found = (metadata.get("labels") or {}).get(ZONE)
    return (metadata["name"], found) if found else None


def deployment(item: Json) -> objects.Deployment:
    metadata = item["metadata"]
    return objects.Deployment(metadata["namespace"], metadata["name"], item["spec"].get("replicas", 1))
