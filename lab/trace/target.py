"""What a request is for: from what a person types to a name for DNS, or an address, and a port."""

from __future__ import annotations

from dataclasses import dataclass
from socket import inet_aton

from lab.errors import UsageError
from lab.network.labmap import NDOTS, Endpoint, LabMap, Place, Service, ServicePort

POD_PORT, USUAL_PORT = 8080, 80


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is to be resolved; without one, `address` is known. `service` is set when it is a Service that is meant.

    So it is when `address` is a node's and `port` a node port. `endpoints` are the Service port's, ready or not. `port`
    is 0 for icmp.
    """

    text: str
    name: str = ""
    address: str = ""
    port: int = 0
    service: Service | None = None
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def ready(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)


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
    service = _service(labmap, source, host)
    if service is not None:
        wanted = _service_port(service, port, protocol)
        name = "" if _is_address(host) else host
        return Target(host, name, "" if name else host, wanted, service, _endpoints(service, wanted, protocol))
    place = _place(labmap, source, host)
    wanted = port if port is not None else POD_PORT if place and place.kind == "pod" else USUAL_PORT
    wanted = 0 if protocol == "icmp" else wanted
    if place is not None:
        address = host if _is_address(host) else place.address
        found = service_at(labmap, address, wanted, protocol)
        endpoints = found[1].endpoints if found and found[1] else ()
        return Target(place.name, "", address, wanted, found[0] if found else None, endpoints)
    return Target(host, address=host, port=wanted) if _is_address(host) else Target(host, name=host, port=wanted)


def service_at(labmap: LabMap, address: str, port: int, protocol: str) -> tuple[Service, ServicePort | None] | None:
    """The Service whose ClusterIP the address is, and its port if it has that one; or whose node port, on any node."""
    owner = labmap.owners.get(address)
    on_node = owner is not None and owner[0].kind == "node" and port > 0
    for service in labmap.services:
        if on_node or service.cluster_ip == address:
            for one in service.ports:
                if (one.node_port if on_node else one.port, one.protocol.lower()) == (port, protocol):
                    return service, one
            if not on_node:
                return service, None
    return None


def via(labmap: LabMap, target: Target, name: str) -> Endpoint:
    """The ready endpoint that is this pod. UsageError, with the endpoints there are, when it is none."""
    place = labmap.find(name).name
    chosen = next((endpoint for endpoint in target.ready if endpoint.pod == place), None)
    if chosen is not None:
        return chosen
    if target.service is None:
        raise UsageError(f"--via {name}: {target.text} is not a Service, so nothing is chosen", "leave --via away")
    if not target.endpoints:
        ports = ", ".join(f"{one.port}/{one.protocol}" for one in target.service.ports)
        told = f"{target.service.full_name} has no endpoints for port {target.port} of that protocol"
        raise UsageError(told, f"its ports: {ports or 'none'}")
    listed = ", ".join(f"{one.pod or one.address}{'' if one.ready else ' (not ready)'}" for one in target.endpoints)
    raise UsageError(
        f"{place} is not a ready endpoint of {target.service.full_name} port {target.port}",
        f"its endpoints: {listed or 'none'}",
    )


def candidates(labmap: LabMap, namespace: str, name: str) -> list[str]:
    """The names that a pod's resolver asks for, in order: search list and ndots, as in resolv.conf(5)."""
    if name.endswith("."):
        return [name.rstrip(".")]
    searched = [f"{name}.{domain}" for domain in labmap.dns.search(namespace)]
    return [*searched, name] if name.count(".") < NDOTS else [name, *searched]


def namespace_of(place: Place) -> str:
    return place.name.partition("/")[0]


def _service(labmap: LabMap, source: Place, host: str) -> Service | None:
    """The Service with this ClusterIP, or that DNS would find under this name."""
    if _is_address(host):
        return next((one for one in labmap.services if one.cluster_ip == host), None)
    by_name = {_full_name(labmap, one): one for one in labmap.services}
    names = candidates(labmap, namespace_of(source), host)
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


def _endpoints(service: Service, port: int, protocol: str) -> tuple[Endpoint, ...]:
    found = (one for one in service.ports if one.port == port and one.protocol.lower() == protocol)
    return next((one.endpoints for one in found), ())


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
