"""Names as dnsmasq is told them: what the cluster's DNS servers answer, and what the internet's resolver does.

The answers are those of Kubernetes' DNS-based service discovery 1.1.0, as far as dnsmasq can give them. It sends no
SOA with a negative answer, and `unanswered` says what else of a cluster is beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lab.network.dns.oci import bundle, digest, run_command
from lab.network.objects import File, Object, Process
from lab.topology.defaults import pools_of

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, Pod, Service
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

VERSION = "1.1.0"
TTL = 30  # seconds, as in the usual Corefile
OUTSIDE_TTL = 300
PORT = 53
CONFIG = "/etc/dnsmasq.conf"
HOSTS = "/etc/dnsmasq.hosts"
RELOAD = "SIGHUP"
MOST_NAMED = 3


def server(topology: Topology, cluster: Cluster, addresses: Addresses, pod: Pod) -> Iterator[Object]:
    """The container of one DNS pod."""
    argv = ("dnsmasq", "--keep-in-foreground", f"--conf-file={CONFIG}")
    told = _shared(_Inputs(topology, cluster, addresses))
    made = tuple(bundle(pod.place, pod.name, argv, {CONFIG: told.config, HOSTS: told.hosts}))
    read_again = [item for item in made if isinstance(item, File) and item.path.endswith(HOSTS)]
    yield from made
    yield Process(
        pod.place,
        "dnsmasq",
        run_command(pod.place),
        digest(item for item in made if item not in read_again),
        pod.place,
        reload=digest(read_again),
        reload_signal=RELOAD,
        overlaps=True,
        ready_udp=PORT,
        ready_name=topology.spec.dns.domain,
        intent="DNS server of the cluster",
    )


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What a configuration follows from, compared by identity: it is the same for every server of one state."""

    topology: Topology
    cluster: Cluster
    addresses: Addresses

    def __hash__(self) -> int:
        return hash((id(self.cluster), id(self.addresses)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Inputs) and self.cluster is other.cluster and self.addresses is other.addresses


@lru_cache(maxsize=2)
def _shared(inputs: _Inputs) -> Told:
    return told(inputs.topology, inputs.cluster, inputs.addresses)


@dataclass(frozen=True, slots=True)
class Told:
    """What a server is told: `config` it reads when it begins, `hosts` again at every RELOAD."""

    config: str
    hosts: str


def told(topology: Topology, cluster: Cluster, addresses: Addresses) -> Told:
    """What dnsmasq is told in a DNS pod. Names with addresses are in `hosts`: it is they that readiness changes."""
    zone = topology.spec.dns.domain
    lines = [
        *_fixed(TTL, HOSTS),
        "cache-size=10000",
        f"max-cache-ttl={TTL}",
        f"server={addresses.resolver}",
        f"local=/{zone}/",
        f"txt-record=dns-version.{zone},{VERSION}",
        _exists(f"pod.{zone}"),
    ]
    for namespace in sorted(cluster.namespaces):
        lines.append(_exists(f"{namespace}.svc.{zone}"))
        lines += [f"synth-domain={namespace}.pod.{zone},{pool.cidr}" for pool in pools_of(topology.spec.cni)]
    slices: dict[str, list[EndpointSlice]] = {}
    for item in cluster.slices:
        slices.setdefault(f"{item.namespace}/{item.service}", []).append(item)
    outside = dict.fromkeys(topology.spec.internet.names, addresses.web)
    hosts: list[str] = []
    for service in sorted(cluster.services, key=lambda one: one.full_name):
        lines += _records(service, slices.get(service.full_name, []), addresses, zone)
        hosts += _names(service, slices.get(service.full_name, []), addresses, zone, outside)
    return Told(_text(lines), "".join(f"{line}\n" for line in hosts))


def resolver_told(names: tuple[str, ...], addresses: Addresses, hosts: str) -> Told:
    """What dnsmasq is told as the internet's resolver: its own names, and no others exist. `hosts` is a file's path."""
    lines = [*_fixed(OUTSIDE_TTL, hosts), f"listen-address={addresses.resolver}", "bind-interfaces", "local=/#/"]
    return Told(_text(lines), "".join(f"{addresses.web} {name}\n" for name in names))


def unanswered(cluster: Cluster) -> Iterator[str]:
    """What of this cluster dnsmasq cannot answer as Kubernetes' DNS does: a sentence for each."""
    owners: dict[str, set[str]] = {}
    for item in cluster.slices:
        for endpoint in (endpoint for port in item.ports for endpoint in port.endpoints if endpoint.ready):
            owners.setdefault(endpoint.pod or endpoint.address, set()).add(f"{item.namespace}/{item.service}")
    shared = [f"{endpoint} ({', '.join(sorted(names))})" for endpoint, names in owners.items() if len(names) > 1]
    if shared:
        more = f" and {len(shared) - MOST_NAMED} more" if len(shared) > MOST_NAMED else ""
        told = "dnsmasq names only one Service in the reverse name of an endpoint of several"
        yield f"{told}: {', '.join(shared[:MOST_NAMED])}{more}; CoreDNS names all (dns.server: coredns)"


def endpoint_name(endpoint: Endpoint, address: str) -> str:
    """An endpoint's own name under its Service: its hostname, else its address with dashes."""
    return endpoint.hostname or address.replace(".", "-")


def _fixed(ttl: int, hosts: str) -> tuple[str, ...]:
    how = ("port=53", "user=root", "pid-file", "log-facility=-")
    return (*how, "no-resolv", "no-hosts", f"addn-hosts={hosts}", "no-poll", f"local-ttl={ttl}")


def _text(lines: Iterable[str]) -> str:
    """The configuration ends with what comes on standard input: nothing. A server that is to take another's place waits
    there, all read and not yet bound, until its port is free.
    """
    return "\n".join((*lines, "conf-file=-")) + "\n"


def _exists(name: str) -> str:
    """Makes a name exist without an address: NOERROR and nothing, where dnsmasq would say NXDOMAIN."""
    return f"naptr-record={name},0,0,,,"


def _names(
    service: Service, slices: list[EndpointSlice], addresses: Addresses, zone: str, outside: dict[str, str]
) -> Iterator[str]:
    """Addresses and their names, as in /etc/hosts. The first name of an address is the one that its PTR gives: names of
    endpoints come before those of their Service.
    """
    name = f"{service.name}.{service.namespace}.svc.{zone}"
    if service.external_name:
        if service.external_name in outside:
            yield f"{outside[service.external_name]} {service.external_name}"
        return
    ready = _ready(slices, addresses)
    for label, address in ready:
        yield f"{address} {label}.{name}"
    if service.cluster_ip:
        yield f"{service.cluster_ip} {name}"
        return
    for address in dict.fromkeys(address for _, address in ready):
        yield f"{address} {name}"


def _records(service: Service, slices: list[EndpointSlice], addresses: Addresses, zone: str) -> Iterator[str]:
    """Aliases and ports: only the configuration can say these."""
    name = f"{service.name}.{service.namespace}.svc.{zone}"
    if service.external_name:
        yield f"cname={name},{service.external_name}"
    elif service.cluster_ip:
        for port in service.ports:
            if port.name:
                yield f"srv-host=_{port.name}._{port.protocol.lower()}.{name},{name},{port.port},0,100"
    else:
        yield from _headless_srv(slices, addresses, name)


def _ready(slices: list[EndpointSlice], addresses: Addresses) -> tuple[tuple[str, str], ...]:
    """(name, address) of every ready endpoint, each once, sorted."""
    found = set()
    for item in slices:
        for port in item.ports:
            for endpoint in port.endpoints:
                if endpoint.ready:
                    address = _address(endpoint, addresses)
                    found.add((endpoint_name(endpoint, address), address))
    return tuple(sorted(found))


def _headless_srv(slices: list[EndpointSlice], addresses: Addresses, name: str) -> Iterator[str]:
    targets: dict[tuple[str, str], dict[tuple[str, int], None]] = {}
    for item in slices:
        for port in item.ports:
            if port.port:
                of_port = targets.setdefault((port.port, port.protocol.lower()), {})
                for endpoint in port.endpoints:
                    if endpoint.ready:
                        of_port[endpoint_name(endpoint, _address(endpoint, addresses)), port.target] = None
    for (port_name, protocol), found in targets.items():
        for label, number in sorted(found):
            weight = max(1, 100 // len(found))
            yield f"srv-host=_{port_name}._{protocol}.{name},{label}.{name},{number},0,{weight}"


def _address(endpoint: Endpoint, addresses: Addresses) -> str:
    return addresses.pods[endpoint.pod] if endpoint.pod else endpoint.address
