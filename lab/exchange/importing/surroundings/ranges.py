"""Where addresses of pods and Services come from, and which mode kube-proxy has.

Sources: ServiceCIDRs and the arguments of the control plane's pods; where these are not there, rules of the machines,
and last the smallest prefix that has all addresses in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network

from lab.exchange.importing.collection.machine import Machine
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.objects import Objects, ipv4
from lab.exchange.importing.collection.routing import prefix

_OF_SERVICES = re.compile(r"-A KUBE-(?:SVC|CLUSTER-IP|SERVICES)\S* ! -s (\d+\.\d+\.\d+\.\d+/\d+) ")
_POOL = re.compile(r"add cali40all-ipam-pools (\S+)")


def pod_cidr(objects: Objects, machines: dict[str, Machine], notes: Notes) -> str:
    """Of all pods' addresses."""
    said = [
        *_argument(objects, "--cluster-cidr="),
        *(found for machine in machines.values() for found in _POOL.findall(machine.sets)),
        *(found for machine in machines.values() for found in _OF_SERVICES.findall(machine.rules)),
    ]
    for one in said:
        if network := prefix(one):
            return str(network)
    inside = [network for node in objects.nodes for text in node.pod_cidrs if (network := prefix(text))]
    inside += [IPv4Network(pod.address) for pod in objects.pods if not pod.host]
    if not inside:
        return "10.244.0.0/16"
    found = covering(inside, 16)
    notes.add(
        f"nothing says what the prefix of all pods' addresses is: {found}, which has all that are known, is taken"
    )
    return str(found)


def covering(inside: list[IPv4Network], longest: int) -> IPv4Network:
    """The smallest prefix that has all of them in it, not longer than that."""
    first = inside[0]
    found = first if first.prefixlen <= longest else first.supernet(new_prefix=longest)
    while not all(one.subnet_of(found) for one in inside) and found.prefixlen > 0:
        found = found.supernet()
    return found


def _argument(objects: Objects, name: str) -> Iterator[str]:
    """What the control plane's pods were told."""
    for pod in objects.pods:
        for word in pod.words:
            if word.startswith(name):
                yield word[len(name) :].partition(",")[0]


def service_cidr(objects: Objects, notes: Notes) -> str:
    """Where ClusterIPs come from."""
    for one in (*objects.service_cidrs, *_argument(objects, "--service-cluster-ip-range=")):
        if network := prefix(one):
            return str(network)
    addresses = [found for one in objects.services if (found := prefix(ipv4(one.spec.get("clusterIP")) or "none"))]
    if not addresses:
        return "10.96.0.0/12"
    found = covering(addresses, 16)
    notes.add(f"nothing says what the prefix of the ClusterIPs is: {found}, which has all of them, is taken")
    return str(found)


def proxy_mode(machines: dict[str, Machine], notes: Notes) -> str:
    """kube-proxy's, by what most machines hold."""
    found = Counter(filter(None, map(_mode_of, machines.values())))
    if not found:
        notes.add("nothing of kube-proxy is in the dumps: the lab has it in iptables mode")
        return "iptables"
    if len(found) > 1:
        told = " and ".join(f"{mode} on {count}" for mode, count in found.most_common())
        notes.add(
            f"kube-proxy's rules are of several modes ({told} machines): the lab has {found.most_common(1)[0][0]}"
        )
    return found.most_common(1)[0][0]


def _mode_of(machine: Machine) -> str:
    if ("ip", "kube-proxy") in machine.nft:
        return "nftables"
    if "kube-ipvs0" in machine.devices:
        return "ipvs"
    return "iptables" if "KUBE-SVC-" in machine.rules or "KUBE-SERVICES" in machine.rules else ""
