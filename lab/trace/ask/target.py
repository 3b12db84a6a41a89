"""What a request is for: from what a person types to a name for DNS, or an address, and a port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.ipv4 import Prefix, number
from lab.trace.ask.candidates import choosable
from lab.trace.ask.reference import namespace_of, place_called, service_called
from lab.trace.ask.typed import NODE, POD, SERVICE, is_address, take_apart

POD_PORT, USUAL_PORT, DNS_PORT = 8080, 80, 53
ELSEWHERE = "its traffic policy is Local, and this one is on another node"


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is to be resolved; without one, `address` is known. `service` is set when it is a Service that is meant.

    So it is when `address` is a node's and `port` a node port. `endpoints` are the Service port's, ready or not, and
    `candidates` those of them that the request may be sent to. `port` is 0 for icmp; `path` is a URL's.
    """

    text: str
    name: str = ""
    address: str = ""
    port: int = 0
    service: Service | None = None
    endpoints: tuple[Endpoint, ...] = ()
    candidates: tuple[Endpoint, ...] = ()
    path: str = ""


def aim(labmap: LabMap, source: Place, to: str, port: int | None, protocol: str) -> Target:
    """What `to` means, asked by a place: a Service's name, an address, a place, or a name for DNS to find.

    UsageError for a port that is none, a Service with several ports of which none is given, and what is named by its
    kind and is not there.
    """
    typed = take_apart(to)
    port = typed.port if typed.port is not None else port
    host = typed.host
    if typed.kind == SERVICE and not is_address(host):
        meant = service_called(labmap, source, host)
        name = f"{meant.name}.{meant.namespace}" if asks_cluster(labmap, source) else ""
        return _of_service(labmap, source, meant, name, port, protocol)
    service = _service_with(labmap, host, port, protocol) if is_address(host) else service_named(labmap, source, host)
    if service is not None and not typed.kind:
        name = host if source.kind == POD or is_address(host) else ""
        return replace(_of_service(labmap, source, service, name, port, protocol), path=typed.path)
    place = place_called(labmap, source, typed) if typed.kind else _place(labmap, source, host)
    wanted = port if port is not None else _usual_port(place, protocol)
    wanted = 0 if protocol == "icmp" else wanted
    if place is not None:
        address = host if is_address(host) else _nearest(place, source)
        found = service_at(labmap, address, wanted, protocol)
        target = Target(place.name, "", address, wanted, found[0] if found else None, path=typed.path)
        return _with_endpoints(labmap, source, target, found[1] if found else None)
    if is_address(host):
        return Target(host, address=host, port=wanted, path=typed.path)
    return Target(host, name=host, port=wanted, path=typed.path)


def transport(protocol: str) -> str:
    """What carries it: DNS goes by UDP, whatever else by itself."""
    return "udp" if protocol == "dns" else protocol


def asks_cluster(labmap: LabMap, source: Place) -> bool:
    """Whether the place asks the cluster's DNS: pods do, unless their dnsPolicy names other servers."""
    return source.kind == POD and labmap.dns.service_ip in labmap.resolver(source).asked


def _of_service(labmap: LabMap, source: Place, service: Service, host: str, port: int | None, protocol: str) -> Target:
    """A Service by the name or address that is typed for it; with neither, by an address that this place has for it.

    A pod has its own resolver look up what is typed, whomever that asks: its programs have nothing else.
    """
    wanted = _service_port(service, port, protocol)
    found = _port_of(service, wanted, protocol)
    if is_address(host):
        return _with_endpoints(labmap, source, Target(host, "", host, wanted, service), found)
    name = host or service.external_name
    address = "" if name else _address_for(source, service, found)
    text = host or full_name(labmap, service)
    return _with_endpoints(labmap, source, Target(text, name, address, wanted, service), found)


def _address_for(source: Place, service: Service, port: ServicePort | None) -> str:
    """By which address a place that does not ask the cluster's DNS reaches a Service: nodes by the ClusterIP, others by
    one for the outside, if it has any; a headless one by an endpoint's.
    """
    outside = (*service.load_balancer_ips, *service.external_ips) if source.kind != NODE else ()
    endpoints = tuple(one.address for one in port.preferred) if port else ()
    return next(iter((*outside, *filter(None, (service.cluster_ip,)), *endpoints)), "")


def _nearest(place: Place, source: Place) -> str:
    """The address by which a place is asked: of several the one in a network that the asker is in as well."""
    mine = [Prefix.of(address) for link in source.links for address in link.addresses]
    held = [address.partition("/")[0] for link in place.links for address in link.addresses]
    near = (one for one in held if any(number(one) in network for network in mine if network.size > 1))
    return place.address if place.kind in (POD, NODE) else next(near, place.address)


def _usual_port(place: Place | None, protocol: str) -> int:
    if protocol == "dns":
        return DNS_PORT
    return POD_PORT if place is not None and place.kind == POD else USUAL_PORT


def service_at(labmap: LabMap, address: str, port: int, protocol: str) -> tuple[Service, ServicePort | None] | None:
    """The Service that has the address, and its port if it has that one; or whose node port it is, on any node."""
    having = labmap.by_address.get(address, ())
    for service in having:
        found = _port_of(service, port, protocol)
        if found is not None:
            return service, found
    owner, _ = labmap.owners.get(address, (None, None))
    if owner is not None and owner.kind == NODE:
        return labmap.by_node_port.get((port, transport(protocol).upper()))
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


def _service_with(labmap: LabMap, address: str, port: int | None, protocol: str) -> Service | None:
    """The Service with this address; of several the one that has the port. Of a place's own address only such a one."""
    found = service_at(labmap, address, port, protocol) if port is not None and protocol != "icmp" else None
    if address in labmap.owners:
        return found[0] if found and address in found[0].addresses else None
    return found[0] if found else next(iter(labmap.by_address.get(address, ())), None)


def service_named(labmap: LabMap, source: Place, host: str) -> Service | None:
    """The Service that DNS finds under this name, asked by that pod; of a place that is none, the one that is meant."""
    name, domain = host.rstrip("."), labmap.dns.domain
    asked = (
        labmap.resolver(source).candidates(host)
        if source.kind == POD
        else (f"{name}.svc.{domain}", f"{name}.{domain}", name)
    )
    found = service_known_as(labmap, asked)
    if found is None and source.kind != POD and host not in labmap.by_name:
        alike = [one for one in labmap.services if one.name == host]
        return alike[0] if len(alike) == 1 else None
    return found


def service_known_as(labmap: LabMap, names: Iterable[str]) -> Service | None:
    """The Service whose whole name the first of these is that is any's."""
    by_name = {full_name(labmap, one): one for one in labmap.services}
    return next((by_name[one] for one in map(str.lower, names) if one in by_name), None)


def full_name(labmap: LabMap, service: Service) -> str:
    """The name by which the cluster's DNS knows a Service."""
    return f"{service.name}.{service.namespace}.svc.{labmap.dns.domain}"


def _place(labmap: LabMap, source: Place, host: str) -> Place | None:
    """The place of that name or address; a pod of the client's own namespace by its name alone."""
    if is_address(host):
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
    usual = DNS_PORT if protocol == "dns" else USUAL_PORT
    ports = [one.port for one in service.ports if one.protocol.lower() == transport(protocol)]
    if usual in ports or not ports:
        return usual
    if len(ports) == 1:
        return ports[0]
    choice = ", ".join(f"{service.name}:{one}" for one in ports)
    raise UsageError(f"Service {service.full_name} has several ports", f"say one of {choice}")


def _port_of(service: Service, port: int, protocol: str) -> ServicePort | None:
    wanted = transport(protocol)
    return next((one for one in service.ports if one.port == port and one.protocol.lower() == wanted), None)


def _with_endpoints(labmap: LabMap, source: Place, target: Target, port: ServicePort | None) -> Target:
    if target.service is None or port is None:
        return target
    candidates = choosable(labmap, source, target.address or target.service.cluster_ip, target.service, port)
    return replace(target, endpoints=port.endpoints, candidates=candidates)
