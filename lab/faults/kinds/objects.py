"""Objects of Kubernetes that are wrong: Services that select nobody, or send to where nobody is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lab.api.resources import PODS, SERVICES
from lab.api.store import Json, Store
from lab.cluster.file.podchecks import READY
from lab.cluster.objects import Service
from lab.faults.amendment import Edit, Path
from lab.faults.difference import Given
from lab.faults.fault import Fault, Objects, Parameter
from lab.faults.ground import Ground
from lab.network.pods import BUILT_IN_PORTS

PORT_NAMES = ("web", "http-web", "backend")  # of which a pod's containers have not all three
LONGEST = 60  # letters of a label's value that are kept, where it may have 63 with what comes behind
LAST_PORT = 65_535


def _where(fits: Callable[[Ground, Service], bool] = lambda _, __: True) -> Callable[[Ground], tuple[str, ...]]:
    """Those of a lab's own Services with ready pods behind their address that fit."""

    def places(ground: Ground) -> tuple[str, ...]:
        own = {pod.place for pod in ground.cluster.pods if pod.system}
        return tuple(
            one.full_name
            for one in ground.cluster.services
            if one.selector and one.cluster_ip and one.ports and one.proxy is None
            if (behind := ground.ready(one.full_name)) and not own.intersection(behind) and fits(ground, one)
        )

    return places


def _has_tcp_server(ground: Ground, service: Service) -> bool:
    return service.ports[0].protocol == "TCP" and all(ground.listens(pod) for pod in ground.ready(service.full_name))


def _shuns_nodes(ground: Ground, service: Service) -> bool:
    """Whether it is asked on ports of nodes, and some have no pod of it."""
    holding = {ground.node_of(pod) for pod in ground.ready(service.full_name)}
    is_open = any(port.node_port for port in service.ports) and service.external_policy == "Cluster"
    return is_open and not holding.issuperset(ground.of_kind("node"))


def _service(store: Store, place: str) -> Json | None:
    namespace, _, name = place.partition("/")
    return store.find(SERVICES, namespace, name)


def _pods(store: Store, service: Json) -> Iterator[Json]:
    namespace, wanted = service["metadata"]["namespace"], (service["spec"].get("selector") or {}).items()
    for pod in store.each(PODS) if wanted else ():
        labels = pod["metadata"].get("labels") or {}
        if pod["metadata"]["namespace"] == namespace and wanted <= labels.items():
            yield pod


def _edit(place: str, path: Path, value: Any) -> tuple[Edit, ...]:  # noqa: ANN401  as JSON is
    namespace, _, name = place.partition("/")
    return (Edit(SERVICES, (namespace, name), path, value),)


def _selector(store: Store, place: str, _: Given) -> tuple[Edit, ...]:
    service = _service(store, place)
    for key, value in ((service or {"spec": {}})["spec"].get("selector") or {}).items():
        labels = [(pod["metadata"].get("labels") or {}).get(key) for pod in store.each(PODS)]
        names = (f"{value[:LONGEST] or 'app'}-v{number}" for number in range(2, len(labels) + 3))
        return _edit(place, ("spec", "selector", key), next(one for one in names if one not in labels))
    return ()


def _ports(store: Store, service: Json) -> list[Json]:
    """What the containers behind it declare."""
    containers = [one for pod in _pods(store, service) for one in pod["spec"].get("containers") or ()]
    return [port for one in containers for port in one.get("ports") or ()]


def _target(place: str, service: Json, value: Any) -> tuple[Edit, ...]:  # noqa: ANN401  as JSON is
    first = service["spec"]["ports"][0]
    which = (("port", first["port"]), ("protocol", first.get("protocol", "TCP")))
    return _edit(place, ("spec", "ports", which, "targetPort"), value)


def _wrong_number(store: Store, place: str, given: Given) -> tuple[Edit, ...]:
    service = _service(store, place)
    if service is None or not service["spec"].get("ports"):
        return ()
    heard = {one["containerPort"] for one in _ports(store, service)}
    heard |= {port for _, port in BUILT_IN_PORTS} | {service["spec"]["ports"][0].get("targetPort")}
    asked = int(given["port"])
    numbers = (*range(asked, LAST_PORT + 1), *range(1, asked))
    return _target(place, service, next(one for one in numbers if one not in heard))


def _wrong_name(store: Store, place: str, _: Given) -> tuple[Edit, ...]:
    service = _service(store, place)
    if service is None or not service["spec"].get("ports"):
        return ()
    names = {one.get("name") for one in _ports(store, service)}
    return next((_target(place, service, one) for one in PORT_NAMES if one not in names), ())


def _unready(store: Store, place: str, _: Given) -> tuple[Edit, ...]:
    service = _service(store, place)
    return tuple(
        Edit(PODS, (pod["metadata"]["namespace"], pod["metadata"]["name"]), ("metadata", "annotations", READY), "false")
        for pod in (_pods(store, service) if service else ())
        if (pod["metadata"].get("annotations") or {}).get(READY) != "false"
    )


def _local(store: Store, place: str, _: Given) -> tuple[Edit, ...]:
    return _edit(place, ("spec", "externalTrafficPolicy"), "Local") if _service(store, place) else ()


FAULTS = (
    Fault(
        "selector-mismatch",
        "a Service's selector has a label that no pod has",
        "Debug Services of the Kubernetes documentation",
        "the Service is there, its pods answer by their own addresses, and it refuses everybody",
        "a Service with a selector and ready pods",
        _where(),
        Objects(_selector),
    ),
    Fault(
        "target-port-wrong",
        "a Service's targetPort is one on which its pods do not listen",
        "Debug Services of the Kubernetes documentation",
        "every pod behind the Service refuses, though each answers on its own port",
        "a Service with ready pods that have a server of the lab's own",
        _where(_has_tcp_server),
        Objects(_wrong_number),
        (Parameter("port", 8081, 1, LAST_PORT, "the number, or the next on which no pod listens"),),
    ),
    Fault(
        "target-port-unnamed",
        "a Service's targetPort is a name that no container's port has",
        "many",
        "the pods match and are ready, and the Service has no endpoint",
        "a Service with a selector and ready pods",
        _where(),
        Objects(_wrong_name),
    ),
    Fault(
        "pods-not-ready",
        "no pod of a Service is ready (here by the annotation hoplab.io/ready)",
        "Debug Services of the Kubernetes documentation",
        "the pods run and answer by their own addresses, the Service refuses",
        "a Service with a selector and ready pods",
        _where(),
        Objects(_unready),
    ),
    Fault(
        "external-policy-local",
        "a Service's externalTrafficPolicy is Local, and a node has no pod of it",
        "kubernetes/kubernetes#121371",
        "its node port answers on the nodes with a pod of it, and is silent on the others",
        "a Service with a node port, and a node without its pods",
        _where(_shuns_nodes),
        Objects(_local),
    ),
)
