"""A name for which DNS has no address, though it answered: what it was asked for, and what keeps the name from it."""

from __future__ import annotations

from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Service
from lab.network.dns.resolver import Resolver
from lab.suggestion import nearest
from lab.trace.ask.reference import namespace_of
from lab.trace.ask.target import full_name, service_known_as, service_named
from lab.trace.explain.passage import Passage
from lab.trace.journey import CAPTURED, DNS, REQUEST, Loss, Mending, Resolution

UNKNOWN = "unknown"


def unresolved(passage: Passage, resolution: Resolution | None, typed: str) -> Loss:
    """The loss of a name: of a headless Service or an ExternalName why there is no address, else why DNS has none."""
    status = resolution.status if resolution else UNKNOWN
    place = passage.answerer or passage.exchange.source
    service = service_named(passage.labmap, passage.labmap.by_name[passage.exchange.source], typed)
    if service is not None and service.is_headless and _asked_cluster(passage):
        said = f"Service {service.full_name}"
        why = (
            f"{said} is there. It is headless, so DNS has no address for it but its ready endpoints': {_none(service)}."
        )
        commands = dict.fromkeys(command for port in service.ports for command in port.mends)
        fix = tuple(Mending("", one) for one in commands)
        return Loss(place, REQUEST, DNS, "resolve", "no-endpoints", why, said, fix, evidence=CAPTURED)
    cause = "nodata" if status == "NOERROR" else status.lower()
    if service is not None and service.external_name and _asked_cluster(passage):
        target = service.external_name
        gone = "does not exist" if status == "NXDOMAIN" else f"has no address ({status})"
        told = f"Service {service.full_name} is there: an ExternalName, for which DNS answers CNAME {target}."
        why = f"{told} {target} {gone}."
        return Loss(place, REQUEST, DNS, "resolve", f"dns-{cause}", why, f"CNAME {target}", evidence=CAPTURED)
    name = resolution.name if resolution else ""
    asked = f" ({resolution.questions} questions)" if resolution and resolution.questions > 1 else ""
    said = f"that {name} does not exist" if status == "NXDOMAIN" else f"{status} and no address for {name}"
    reason = _reason(passage, resolution, typed)
    why = f"{place} says {said}{asked}.{f' {reason}' if reason else ''}"
    return Loss(place, REQUEST, DNS, "resolve", f"dns-{cause}", why, evidence=CAPTURED)


def _none(service: Service) -> str:
    """Why a headless Service has no ready endpoint."""
    told = dict.fromkeys(port.why for port in service.ports if port.why)
    return "; ".join(told) or "none is ready"


def _asked_cluster(passage: Passage) -> bool:
    """Whether the server that was asked is the cluster's."""
    return is_the_clusters(passage.labmap, passage.exchange.destination)


def is_the_clusters(labmap: LabMap, server: str) -> bool:
    """Whether a DNS server's address is the cluster's, by its Service or by its pod."""
    owner, _ = labmap.owners.get(server, (None, None))
    return server == labmap.dns.service_ip or (owner is not None and owner.name in labmap.dns.pods)


def _reason(passage: Passage, resolution: Resolution | None, typed: str) -> str:
    """Why a name is not found, in a sentence: somebody else was asked, or for another name; or it was mistyped."""
    labmap, server = passage.labmap, passage.exchange.destination
    source = labmap.by_name[passage.exchange.source]
    usual = Resolver((labmap.dns.service_ip,), labmap.dns.search(namespace_of(source)))
    service = service_known_as(labmap, usual.candidates(typed))
    inside = _asked_cluster(passage)
    if service is not None and not inside:
        cluster = f"the cluster's DNS ({labmap.dns.service_ip})"
        return (
            f"{source.name} asks {server} by its /etc/resolv.conf, not {cluster}, which alone knows Service "
            f"{service.full_name}."
        )
    if service is not None and resolution is not None and resolution.names:
        whole = full_name(labmap, service)
        if whole in map(str.lower, resolution.names):
            return f"It was asked for {whole}, the name of Service {service.full_name}, which is there."
        return (
            f"Service {service.full_name} is called {whole}, and that was not asked for: see `search` and `ndots` in "
            f"/etc/resolv.conf of {source.name}."
        )
    meant = _meant(labmap, source, typed, inside=inside)
    return f"Did you mean {meant}?" if meant else ""


def _meant(labmap: LabMap, source: Place, typed: str, *, inside: bool) -> str:
    """A Service, a pod, or a name of the outside that looks like the one that was typed, and that would be found."""
    name = typed.rstrip(".")
    first, _, namespace = name.partition(".")
    pod = f"{namespace or namespace_of(source)}/{first}"
    if pod in labmap.by_name:
        return pod
    services = {one.name: f"{one.name}.{one.namespace}" for one in labmap.services} if inside else {}
    outside = nearest(name, (one.name for one in labmap.internet))
    found = services.get(nearest(first, services), "") or outside
    return "" if found == name else found
