"""Names: what pods ask, and whom DNS servers ask."""

from __future__ import annotations

import re
from dataclasses import replace

from lab.faults.difference import Difference, Given
from lab.faults.fault import Fault, Rewrite
from lab.faults.ground import Ground
from lab.network.dns.dnsmasq import CONFIG
from lab.network.objects import File, Process

RESOLV = "/resolv.conf"
NOBODY = "203.0.113.250"  # of the usual internet's prefix, where nobody is
_UPSTREAM = re.compile(r"^server=\d.*$", re.MULTILINE)
_SEARCH = re.compile(r"^search .*\n", re.MULTILINE)
_NAMESERVER = re.compile(r"^nameserver .*$", re.MULTILINE)


def _resolver_file(ground: Ground, place: str) -> File | None:
    return next((item for item in ground.held(place, File) if item.path.endswith(RESOLV)), None)


def _asking(ground: Ground) -> tuple[str, ...]:
    return tuple(pod for pod in ground.pods if _resolver_file(ground, pod))


def _rewritten(ground: Ground, place: str, what: re.Pattern[str], text: str) -> Difference:
    held = _resolver_file(ground, place)
    return Difference(objects=(replace(held, content=what.sub(text, held.content)),)) if held else Difference()


def _no_search(ground: Ground, place: str, _: Given) -> Difference:
    return _rewritten(ground, place, _SEARCH, "search example.com\n")


def _as_node(ground: Ground, place: str, _: Given) -> Difference:
    return _rewritten(ground, place, _NAMESERVER, f"nameserver {ground.addresses.resolver}")


def _dnsmasqs(ground: Ground) -> tuple[str, ...]:
    if ground.topology.spec.dns.server != "dnsmasq":
        return ()
    return tuple(pod.place for pod in ground.cluster.pods if pod.system)


def _asks(ground: Ground, place: str, upstream: str) -> Difference:
    """The DNS server of the pod, started anew with another one to ask."""
    files = [item for item in ground.held(place, File) if item.path.endswith(CONFIG)]
    programs = [replace(item, config=f"{item.config} {upstream}") for item in ground.held(place, Process)]
    told = [replace(item, content=_UPSTREAM.sub(f"server={upstream}", item.content)) for item in files]
    return Difference(objects=(*told, *programs))


def _upstream_dead(ground: Ground, place: str, _: Given) -> Difference:
    return _asks(ground, place, NOBODY)


def _loop(ground: Ground, place: str, _: Given) -> Difference:
    services = (one for one in ground.cluster.services if one.full_name == "kube-system/kube-dns")
    return next((_asks(ground, place, one.cluster_ip) for one in services), Difference())


FAULTS = (
    Fault(
        "wrong-search-list",
        "a pod's resolv.conf has another search list",
        "k0sproject/k0s#6416",
        "full names are found, short ones are not",
        "a pod",
        _asking,
        Rewrite(_no_search),
    ),
    Fault(
        "dns-policy-default",
        "a pod that needs Services asks its node's DNS server",
        "coredns/coredns#5031",
        "outside names are found, those of the cluster are not",
        "a pod",
        _asking,
        Rewrite(_as_node),
    ),
    Fault(
        "dns-upstream-dead",
        "the DNS server that the cluster's asks for outside names does not answer",
        "coredns/coredns#2514, coredns/coredns#3982",
        "names of the cluster are found, outside ones take long and fail",
        "a pod of kube-dns, with dnsmasq",
        _dnsmasqs,
        Rewrite(_upstream_dead),
    ),
    Fault(
        "dns-loop",
        "the cluster's DNS server asks itself for outside names",
        "coredns/coredns#2087",
        "outside names fail, and the server works for nothing",
        "a pod of kube-dns, with dnsmasq",
        _dnsmasqs,
        Rewrite(_loop),
    ),
)
