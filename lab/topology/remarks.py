"""What can be built and is likely to be a mistake, or in vain: what follows from it, for whoever brings it up."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from lab.topology.defaults import most_overhead, tunnel_mtu
from lab.topology.schema import Spec
from lab.topology.yaml.document import Path

MANY = 50


def remarks(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Of a complete spec: where it stands, and a sentence."""
    yield from _mode(spec)
    yield from _node_ports(spec)
    yield from _mtu(spec)
    yield from _saved(spec)


def _mode(spec: Spec) -> Iterator[tuple[Path, str]]:
    services = spec.services
    if services.proxy == "ipvs":
        yield (
            ("spec", "services", "proxy"),
            "Kubernetes has deprecated kube-proxy's ipvs mode since 1.35; nftables is its successor",
        )
    elif "scheduler" in services.ipvs.model_fields_set:
        told = f"scheduler has no effect: with services.proxy {services.proxy} kube-proxy does not use IPVS"
        yield ("spec", "services", "ipvs", "scheduler"), told


def _node_ports(spec: Spec) -> Iterator[tuple[Path, str]]:
    services = spec.services
    for i, text in enumerate(services.node_port_addresses if services.proxy != "iptables" else ()):
        if IPv4Network(text).is_loopback:
            told = f"{text} has no effect: with services.proxy {services.proxy} no node port answers on 127.0.0.0/8"
            yield ("spec", "services", "nodePortAddresses", i), told


def _mtu(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Pods whose packets do not fit into what carries them."""
    cni, nodes, needed = spec.cni, spec.underlay_mtu, most_overhead(spec.cni)
    pods, tunnel = cni.mtu or 0, tunnel_mtu(cni, nodes)
    if pods <= nodes - needed:
        return
    if pods > nodes:
        told = f"the nodes' interfaces only {nodes}: larger packets need ICMP to become smaller, or are lost"
    elif tunnel < pods:
        told = (
            f"their nodes' tunnels {tunnel}, the most that the kernel allows over {nodes}: a larger packet for a "
            "tunnel is answered with an ICMP that says so, and a connection hangs where that ICMP is lost"
        )
    else:
        told = f"with the tunnel's headers a packet has up to {pods + needed} bytes, the nodes' interfaces have {nodes}"
    yield ("spec", "cni", "mtu"), f"pods have an MTU of {pods}, and {told}; leave mtu out for {nodes - needed}"


def _saved(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Whole clusters that were imported: each file is read, judged and compared at every `up`."""
    own = {one.on for one in spec.firewalls if one.rules_file} | {one.on for one in spec.machines}
    if len(own) > MANY:
        told = f"{len(own)} machines have files of their own: `up` takes its time over more than {MANY}"
        yield ("spec", "nodes"), f"{told}; import with --around NAMESPACE/SERVICE keeps those that a request can touch"
