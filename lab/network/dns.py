"""Names: what the cluster's DNS servers and the internet's resolver answer, as dnsmasq is told it.

The answers are those of Kubernetes' DNS-based service discovery 1.1.0, as far as dnsmasq can give them. It sends no
SOA with a negative answer, and a CNAME to a name outside only with the lab's own internet behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from lab.network.objects import File, Listener, Object, Process
from lab.network.oci import BUNDLES, bundle, run_command
from lab.network.wiring import INTERNET

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, Service
    from lab.network.addressing import Addresses
    from lab.topology.schema import Topology

VERSION = "1.1.0"
TTL = 30  # seconds, as in the usual Corefile
OUTSIDE_TTL = 300
PORT = 53
CONFIG = "/etc/dnsmasq.conf"


def servers(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[Object]:
    """The DNS pods' containers, the internet's resolver and its web server."""
    told = cluster_config(topology, cluster, addresses)
    argv = ("dnsmasq", "--keep-in-foreground", f"--conf-file={CONFIG}")
    for pod in cluster.pods:
        if pod.system == "dnsmasq":
            files = tuple(bundle(pod.place, pod.name, argv, {CONFIG: told}))
            yield from files
            content = "".join(item.content for item in files if isinstance(item, File))
            yield Process(
                pod.place,
                "dnsmasq",
                run_command(pod.place),
                _digest(content),
                pod.place,
                PORT,
                "DNS server of the cluster",
            )
    yield from _outside(topology, addresses)


def _outside(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    names = topology.spec.internet.names
    path = f"{BUNDLES}/{INTERNET}/dnsmasq.conf"
    told = resolver_config(names, addresses)
    yield File(INTERNET, path, told, "names of the internet")
    # --no-daemon: without a group of its own to change to, which an ordinary user's sandbox does not allow.
    argv = ("dnsmasq", "--no-daemon", f"--conf-file={path}")
    yield Process(INTERNET, "resolver", argv, _digest(told), ready_udp=PORT, intent="the internet's resolver")
    yield Listener(INTERNET, "tcp", 80, names[0] if names else INTERNET, "the internet's web server")


def cluster_config(topology: Topology, cluster: Cluster, addresses: Addresses) -> str:
    """dnsmasq's configuration for a DNS pod."""
    zone = topology.spec.dns.domain
    lines = [
        *_fixed(TTL),
        "cache-size=10000",
        f"max-cache-ttl={TTL}",
        f"server={addresses.resolver}",
        f"local=/{zone}/",
        f"txt-record=dns-version.{zone},{VERSION}",
        _exists(f"pod.{zone}"),
    ]
    for namespace in cluster.namespaces:
        lines.append(_exists(f"{namespace}.svc.{zone}"))
        lines.append(f"synth-domain={namespace}.pod.{zone},{addresses.pod_cidr}")
    slices: dict[str, list[EndpointSlice]] = {}
    for item in cluster.slices:
        slices.setdefault(f"{item.namespace}/{item.service}", []).append(item)
    outside = dict.fromkeys(topology.spec.internet.names, addresses.web)
    for service in cluster.services:
        lines += _service(service, slices.get(service.full_name, []), addresses, zone, outside)
    return "\n".join(lines) + "\n"


def resolver_config(names: tuple[str, ...], addresses: Addresses) -> str:
    """dnsmasq's configuration for the internet's resolver: its own names, and no others exist."""
    lines = [*_fixed(OUTSIDE_TTL), f"listen-address={addresses.resolver}", "bind-interfaces", "local=/#/"]
    lines += [f"host-record={name},{addresses.web}" for name in names]
    return "\n".join(lines) + "\n"


def endpoint_name(endpoint: Endpoint, address: str) -> str:
    """An endpoint's own name under its Service: its hostname, else its address with dashes."""
    return endpoint.hostname or address.replace(".", "-")


def _fixed(ttl: int) -> tuple[str, ...]:
    how = ("port=53", "user=root", "pid-file", "log-facility=-")
    return (*how, "no-resolv", "no-hosts", "no-poll", f"local-ttl={ttl}")


def _exists(name: str) -> str:
    """Makes a name exist without an address: NOERROR and nothing, where dnsmasq would say NXDOMAIN."""
    return f"naptr-record={name},0,0,,,"


def _service(
    service: Service, slices: list[EndpointSlice], addresses: Addresses, zone: str, outside: dict[str, str]
) -> Iterator[str]:
    name = f"{service.name}.{service.namespace}.svc.{zone}"
    if service.external_name:
        if service.external_name in outside:
            yield f"host-record={service.external_name},{outside[service.external_name]}"
        yield f"cname={name},{service.external_name}"
        return
    # Names of endpoints come first: the first name of an address is the one that its PTR gives.
    ready = _ready(slices, addresses)
    for label, address in ready:
        yield f"host-record={label}.{name},{address}"
    if service.cluster_ip:
        yield f"host-record={name},{service.cluster_ip}"
        for port in service.ports:
            if port.name:
                yield f"srv-host=_{port.name}._{port.protocol.lower()}.{name},{name},{port.port},0,100"
        return
    for address in dict.fromkeys(address for _, address in ready):
        yield f"host-record={name},{address}"
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


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
