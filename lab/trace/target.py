"""What a request is for: from what a person types to a name for DNS, or an address, and a port."""

from __future__ import annotations

from dataclasses import dataclass, replace
from socket import inet_aton

from lab.errors import UsageError
from lab.network.labmap import NDOTS, Endpoint, LabMap, Place, Service, ServicePort
from lab.trace.endpoints import choosable

POD_PORT, USUAL_PORT = 8080, 80
ELSEWHERE = "its traffic policy is Local, and this one is on another node"


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is to be resolved; without one, `address` is known. `service` is set when it is a Service that is meant.

    So it is when `address` is a node's and `port` a node port. `endpoints` are the Service port's, ready or not, and
    `candidates` those of them that the request may be sent to. `port` is 0 for icmp.
    """

    text: str
    name: str = ""
    address: str = ""
    port: int = 0
    service: Service | None = None
    endpoints: tuple[Endpoint, ...] = ()
    candidates: tuple[Endpoint, ...] = ()


def aim(labmap: LabMap, source: Place, to: str, port: int | None, protocol: str) -> Target:
    """What `to` means, asked by a pod: a Service's name, an address, a place, or a name for DNS to find.

    UsageError for a port that is none, or a Service with several ports of which none is given.
    """
    host, colon, typed = to.partition(":")
    if colon:
        port = _port(typed)
    if not host:
        raise UsageError(
            "--to names nothing", "give a Service, a pod, an address or a name, and :PORT if it is not the usual"
        )
    service = _service_with(labmap, host, port, protocol) if _is_address(host) else service_named(labmap, source, host)
    if service is not None:
        wanted = _service_port(service, port, protocol)
        name = "" if _is_address(host) else host
        target = Target(host, name, "" if name else host, wanted, service)
        return _with_endpoints(labmap, source, target, _port_of(service, wanted, protocol))
    place = _place(labmap, source, host)
    wanted = port if port is not None else POD_PORT if place and place.kind == "pod" else USUAL_PORT
    wanted = 0 if protocol == "icmp" else wanted
    if place is not None:
        address = host if _is_address(host) else place.address
        found = service_at(labmap, address, wanted, protocol)
        target = Target(place.name, "", address, wanted, found[0] if found else None)
        return _with_endpoints(labmap, source, target, found[1] if found else None)
    return Target(host, address=host, port=wanted) if _is_address(host) else Target(host, name=host, port=wanted)


def service_at(labmap: LabMap, address: str, port: int, protocol: str) -> tuple[Service, ServicePort | None] | None:
    """The Service that has the address, and its port if it has that one; or whose node port it is, on any node."""
    having = labmap.by_address.get(address, ())
    for service in having:
        found = _port_of(service, port, protocol)
        if found is not None:
            return service, found
    owner, _ = labmap.owners.get(address, (None, None))
    if owner is not None and owner.kind == "node":
        return labmap.by_node_port.get((port, protocol.upper()))
    return (having[0], None) if having else None


def via(labmap: LabMap, target: Target, name: str) -> Endpoint:
    """The candidate that is this pod. UsageError, with the endpoints there are, when it is none."""
    place = labmap.find(name).name
    chosen = next((endpoint for endpoint in target.candidates if endpoint.pod == place), None)
    if chosen is not None:
        return chosen
    if target.service is None:
        raise UsageError(f"--via {name}: {target.text} is not a Service, so nothing is chosen", "leave --via away")
    if not target.endpoints:
        ports = ", ".join(f"{one.port}/{one.protocol}" for one in target.service.ports)
        told = f"{target.service.full_name} has no endpoints for port {target.port} of that protocol"
        raise UsageError(told, f"its ports: {ports or 'none'}")
    if any(endpoint.pod == place for endpoint in target.endpoints):
        why = next((one.why for one in target.endpoints if one.pod == place and one.why), ELSEWHERE)
        listed = ", ".join(one.name for one in target.candidates)
        raise UsageError(
            f"{place} gets nothing that is for {target.service.full_name} port {target.port}: {why}",
            f"its candidates: {listed or 'none'}",
        )
    listed = ", ".join(f"{one.name}{'' if one.ready else ' (not ready)'}" for one in target.endpoints)
    raise UsageError(
        f"{place} is not an endpoint of {target.service.full_name} port {target.port}", f"its endpoints: {listed}"
    )


def searched_names(labmap: LabMap, namespace: str, name: str) -> list[str]:
    """The names that a pod's resolver asks for, in order: search list and ndots, as in resolv.conf(5)."""
    if name.endswith("."):
        return [name.rstrip(".")]
    searched = [f"{name}.{domain}" for domain in labmap.dns.search(namespace)]
    return [*searched, name] if name.count(".") < NDOTS else [name, *searched]


def namespace_of(place: Place) -> str:
    return place.name.partition("/")[0]


def _service_with(labmap: LabMap, address: str, port: int | None, protocol: str) -> Service | None:
    """The Service with this address; of several the one that has the port. Of a place's own address only such a one."""
    found = service_at(labmap, address, port, protocol) if port is not None and protocol != "icmp" else None
    if address in labmap.owners:
        return found[0] if found and address in found[0].addresses else None
    return found[0] if found else next(iter(labmap.by_address.get(address, ())), None)


def service_named(labmap: LabMap, source: Place, host: str) -> Service | None:
    """The Service that DNS finds under this name, asked by that pod."""
    by_name = {_full_name(labmap, one): one for one in labmap.services}
    names = searched_names(labmap, namespace_of(source), host)
    return next((by_name[name] for name in names if name in by_name), None)


def _full_name(labmap: LabMap, service: Service) -> str:
    return f"{service.name}.{service.namespace}.svc.{labmap.dns.domain}"


def _place(labmap: LabMap, source: Place, host: str) -> Place | None:
    """The place of that name or address; a pod of the client's own namespace by its name alone."""
    if _is_address(host):
        return labmap.owners.get(host, (None, None))[0]
    own = labmap.by_name.get(f"{namespace_of(source)}/{host}")
    if own is not None or "/" in host:
        return own or labmap.find(host)
    try:
        return labmap.find(host)
    except UsageError:
        return None  # then it is a name for DNS


def _service_port(service: Service, port: int | None, protocol: str) -> int:
    if protocol == "icmp":
        return 0
    if port is not None:
        return port
    ports = [one.port for one in service.ports if one.protocol.lower() == protocol]
    if USUAL_PORT in ports or not ports:
        return USUAL_PORT
    if len(ports) == 1:
        return ports[0]
    choice = ", ".join(f"{service.name}:{one}" for one in ports)
    raise UsageError(f"Service {service.full_name} has several ports", f"say one of {choice}")


def _port_of(service: Service, port: int, protocol: str) -> ServicePort | None:
    return next((one for one in service.ports if one.port == port and one.protocol.lower() == protocol), None)


def _with_endpoints(labmap: LabMap, source: Place, target: Target, port: ServicePort | None) -> Target:
    if target.service is None or port is None:
        return target
    candidates = choosable(labmap, source, target.address or target.service.cluster_ip, target.service, port)
    return replace(target, endpoints=port.endpoints, candidates=candidates)


def _port(typed: str) -> int:
    if not typed.isdecimal() or not 0 < int(typed) < 65536:
        raise UsageError(f"{typed!r} is not a port", "a port is a number from 1 to 65535")
    return int(typed)


def _is_address(host: str) -> bool:
    try:
        inet_aton(host)
    except OSError:
        return False
    return host.count(".") == 3
