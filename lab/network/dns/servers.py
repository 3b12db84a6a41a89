"""Who answers names: the cluster's DNS servers, dnsmasq or the real CoreDNS, and the internet's resolver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.dns import coredns, dnsmasq
from lab.network.dns.oci import BUNDLES, digest
from lab.network.objects import File, Listener, Object, Process
from lab.network.wiring import INTERNET

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.dns.coredns import Given
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology


def servers(
    topology: Topology, cluster: Cluster, addresses: Addresses, given: Given = coredns.NOTHING
) -> Iterator[Object]:
    """The DNS pods' containers, the internet's resolver and its web server."""
    yield from cluster_servers(topology, cluster, addresses, given)
    yield from _outside(topology, addresses)


def cluster_servers(
    topology: Topology, cluster: Cluster, addresses: Addresses, given: Given = coredns.NOTHING
) -> Iterator[Object]:
    """The DNS pods' containers."""
    for pod in cluster.pods:
        if not pod.running:
            continue
        if pod.system == "dnsmasq":
            yield from dnsmasq.server(topology, cluster, addresses, pod)
        elif pod.system == "coredns":
            yield from coredns.server(topology, addresses, pod, given)


def unanswered(topology: Topology, cluster: Cluster) -> tuple[str, ...]:
    """What of this cluster the chosen server answers otherwise than Kubernetes' DNS does: a sentence for each."""
    return tuple(dnsmasq.unanswered(cluster)) if topology.spec.dns.server == "dnsmasq" else ()


def _outside(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    names = topology.spec.internet.names
    path, hosts = f"{BUNDLES}/{INTERNET}/dnsmasq.conf", f"{BUNDLES}/{INTERNET}/dnsmasq.hosts"
    told = dnsmasq.resolver_told(names, addresses, hosts)
    config = File(INTERNET, path, told.config, "names of the internet")
    read_again = File(INTERNET, hosts, told.hosts, "names of the internet")
    yield config
    yield read_again
    # --no-daemon: without a group of its own to change to, which an ordinary user's sandbox does not allow.
    argv = ("dnsmasq", "--no-daemon", f"--conf-file={path}")
    yield Process(
        INTERNET,
        "resolver",
        argv,
        digest((config,)),
        reload=digest((read_again,)),
        reload_signal=dnsmasq.RELOAD,
        overlaps=True,
        ready_udp=dnsmasq.PORT,
        intent="the internet's resolver",
    )
    yield Listener(INTERNET, "tcp", 80, names[0] if names else INTERNET, "the internet's web server")
