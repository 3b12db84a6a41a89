"""What the two archives hold: names that are fixed, and the command that prints each file."""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = 1
ABOUT, NOTES = "about.txt", "notes.txt"
"""In every archive: what it is of (`key=value` lines), and what could not be collected, in the programs' own words."""
CLUSTER, NODE = "hoplab-cluster", "hoplab-node"
"""The only folder of an archive; a node's has a dash and the machine's name behind it."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A file, and the command that prints it. Where the first word is not to be found, or fails, notes say so.
    `otherwise` is tried then: an older program lacks an option.
    """

    file: str
    command: str
    otherwise: str = ""


def _get(file: str, resource: str) -> Printed:
    return Printed(file, f"kubectl get {resource} -A -o json")


def _configmap(file: str, namespace: str, name: str) -> Printed:
    return Printed(file, f"kubectl get configmap {name} -n {namespace} -o json")


CLUSTER_FILES = (
    Printed("version.json", "kubectl version -o json"),
    _get("nodes.json", "nodes"),
    _get("namespaces.json", "namespaces"),
    _get("pods.json", "pods"),
    _get("services.json", "services"),
    _get("endpointslices.json", "endpointslices.discovery.k8s.io"),
    _get("networkpolicies.json", "networkpolicies.networking.k8s.io"),
    _get("servicecidrs.json", "servicecidrs.networking.k8s.io"),
    _get("ippools.json", "ippools.crd.projectcalico.org"),
    _get("blockaffinities.json", "blockaffinities.crd.projectcalico.org"),
    _configmap("coredns.json", "kube-system", "coredns"),
    _configmap("kube-proxy.json", "kube-system", "kube-proxy"),
    _configmap("kube-flannel.json", "kube-flannel", "kube-flannel-cfg"),
)
"""Secrets are not among them."""

NODE_FILES = (
    Printed("addresses.json", "ip -j -d addr", "ip -d addr"),
    Printed("links.json", "ip -j -d link", "ip -d link"),
    Printed("routes.json", "ip -j -d -N route show table all", "ip -N route show table all"),
    Printed("policy-rules.json", "ip -j -d -N rule", "ip -N rule"),
    Printed("neighbours.json", "ip -j -d neigh", "ip neigh"),
    Printed("fdb.json", "bridge -j fdb", "bridge fdb"),
    Printed("sysctl.txt", "sysctl net"),
    Printed("iptables.txt", "iptables-save"),
    Printed("ip6tables.txt", "ip6tables-save"),
    Printed("nftables.json", "nft -j list ruleset"),
    Printed("ipset.txt", "ipset save"),
    Printed("conntrack.txt", "conntrack -S"),
    Printed("ipvs.txt", "ipvsadm -Sn"),
)
