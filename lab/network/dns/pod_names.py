"""What a pod is called and whom it asks for names: its host name, resolver and hosts file.

Source: kubelet (pkg/kubelet/network/dns, and the hosts file of kubelet_pods.go); limits are those of the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.network.dns.resolver import MOST_NAMESERVERS, HostsEntry, Resolver

if TYPE_CHECKING:
    from lab.cluster.objects import Pod

NDOTS = "ndots:5"
MOST_SEARCHED = 32
LONGEST_SEARCH_LINE = 2048
LONGEST_DOMAIN = 253
LONGEST_LABEL = 63
LONGEST_HOST_NAME = 64  # the kernel's

# kubelet writes these lines into every pod's file.
MANAGED_HOSTS = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
ALIASES = "\n# Entries added by HostAliases.\n"


def searched(namespace: str, domain: str) -> tuple[str, ...]:
    """The search list of the namespace's pods."""
    return (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)


def resolver(pod: Pod, domain: str, cluster_dns: tuple[str, ...], of_node: Resolver) -> Resolver:
    """What a pod's resolv.conf says. `cluster_dns` is the address of kube-dns, if there is such a Service; `of_node` is
    the resolver of its node.
    """
    wanted = _wanted(pod, domain, cluster_dns, of_node)
    return wanted if pod.dns.adds_nothing else _limited(wanted)


def _wanted(pod: Pod, domain: str, cluster_dns: tuple[str, ...], of_node: Resolver) -> Resolver:
    """Its policy's, and behind that what it says itself."""
    base, told = _base(pod, domain, cluster_dns, of_node), pod.dns
    return Resolver(
        _each_once(base.nameservers, told.nameservers),
        _each_once(base.search, told.searches),
        _merged(base.options, told.options),
    )


def _limited(wanted: Resolver) -> Resolver:
    return Resolver(wanted.nameservers[:MOST_NAMESERVERS], _fitting(wanted.search), wanted.options)


def _base(pod: Pod, domain: str, cluster_dns: tuple[str, ...], of_node: Resolver) -> Resolver:
    """By its policy. A pod in its node's network asks as the node does, unless it says ClusterFirstWithHostNet."""
    policy = pod.dns.policy
    if policy == "None":
        return Resolver()
    if policy == "Default" or not cluster_dns or (policy == "ClusterFirst" and pod.host_network):
        return of_node
    return Resolver(cluster_dns, _each_once(searched(pod.namespace, domain), of_node.search), (NDOTS,))


def _each_once(first: Iterable[str], then: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))


def _fitting(search: tuple[str, ...]) -> tuple[str, ...]:
    """As many as a resolver is told of: 32 domains, 2,048 characters, and none that is no name."""
    kept = [domain for domain in search[:MOST_SEARCHED] if len(domain) <= LONGEST_DOMAIN]
    while len(" ".join(kept)) > LONGEST_SEARCH_LINE:
        kept.pop()
    return tuple(kept)


def _merged(base: Iterable[str], told: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The pod's own options count where both say the same one."""
    options = {name: value for name, _, value in (text.partition(":") for text in base)}
    options.update(told)
    return tuple(f"{name}:{value}" if value else name for name, value in options.items())


def short_name(pod: Pod) -> str:
    """Its host name, as far as its first dot would be: `hostname`, else its own name, cut where that is too long."""
    return (pod.hostname or pod.name)[:LONGEST_LABEL].rstrip("-.")


def full_name(pod: Pod, domain: str) -> str:
    """Its name with the domain that `subdomain` gives it; "" without one."""
    return f"{short_name(pod)}.{pod.subdomain}.{pod.namespace}.svc.{domain}" if pod.subdomain else ""


def host_name(pod: Pod, domain: str) -> str:
    """What the kernel calls it: the full name when it asks for that and the kernel takes it, else the short one."""
    full = full_name(pod, domain)
    return full if pod.fqdn and full and len(full) <= LONGEST_HOST_NAME else short_name(pod)


def hosts(pod: Pod, domain: str, address: str) -> Iterator[HostsEntry]:
    """The pod's own lines: itself, and what its hostAliases say."""
    full = full_name(pod, domain)
    yield HostsEntry(address, (full, short_name(pod)) if full else (short_name(pod),))
    for alias in pod.host_aliases:
        yield HostsEntry(alias.ip, alias.hostnames)


def hosts_text(entries: Iterable[HostsEntry]) -> str:
    """The whole file, of the entries that `hosts` gives."""
    own, *aliases = (entry.to_text() for entry in entries)
    return "".join((MANAGED_HOSTS, own, *((ALIASES, *aliases) if aliases else ())))


def troubles(pod: Pod, domain: str, cluster_dns: tuple[str, ...], of_node: Resolver) -> Iterator[tuple[str, str]]:
    """Reason and message of the Events with which a kubelet says that a pod gets less than it asks for."""
    wanted = _wanted(pod, domain, cluster_dns, of_node)
    given = _limited(wanted)
    for what, parts, had, got in (
        ("Nameserver", "nameservers", wanted.nameservers, given.nameservers),
        ("Search Line", "search paths", wanted.search, given.search),
    ):
        if had != got:
            line = f"the applied {what.lower().removesuffix(' line')} line is: {' '.join(got)}"
            yield "DNSConfigForming", f"{what} limits were exceeded, some {parts} have been omitted, {line}"
    full = full_name(pod, domain)
    if pod.fqdn and len(full) > LONGEST_HOST_NAME:
        told = f"FQDN {full} is too long ({LONGEST_HOST_NAME} characters is the max, {len(full)} characters requested)"
        yield "FailedCreatePodSandBox", f"{told}: a cluster would not start the pod, here it has its short name"
