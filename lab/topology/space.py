"""What addresses and prefixes of a topology must be to each other: apart, in their places, and enough."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from lab.topology.defaults import PLUGINS
from lab.topology.objection import Objection
from lab.topology.prefixes import overlaps
from lab.topology.schema import Spec
from lab.topology.yaml.document import Path

FIRST_NODE = 10  # the first address of a subnet that is given to a node, as x.y.z.10
SPARE = 2  # network and broadcast address


def prefixes(spec: Spec) -> Iterator[Objection]:
    """No two prefixes overlap, and each is as large as what lives in it needs."""
    ranges: list[tuple[Path, str, bool]] = [
        *_pod_ranges(spec),
        (("spec", "services", "cidr"), spec.services.cidr, "cidr" in spec.services.model_fields_set),
        (("spec", "internet", "cidr"), spec.internet.cidr, "cidr" in spec.internet.model_fields_set),
    ]
    # Defaults come first: of two that overlap, the one that the file names is objected to.
    told: list[tuple[Path, str]] = [(path, text) for path, text, given in ranges if not given]
    told += [(("spec", "subnets", i, "cidr"), subnet.cidr) for i, subnet in enumerate(spec.subnets)]
    told += [(path, text) for path, text, given in ranges if given]
    owners = {path: _owner(spec, path) for path, _ in told}
    for later, network, earlier, other in overlaps(told):
        problem = f"{network} overlaps {owners[earlier]}, {other}"
        yield Objection(later, problem, "every address must have one meaning: choose another prefix")
    for field, text, longest, need in (
        ("services", spec.services.cidr, 28, "the tenth address is the DNS Service's"),
        ("internet", spec.internet.cidr, 29, "the gateway, the web server and the resolver live in it"),
    ):
        if IPv4Network(text).prefixlen > longest:
            yield Objection(("spec", field, "cidr"), f"{text} is too small", f"use /{longest} or shorter: {need}")


def _pod_ranges(spec: Spec) -> Iterator[tuple[Path, str, bool]]:
    """The prefixes of pods' addresses: where each stands, and whether the file names it."""
    for i, pool in enumerate(spec.cni.ip_pools):
        yield ("spec", "cni", "ipPools", i, "cidr"), pool.cidr, True
    if not spec.cni.ip_pools:
        yield ("spec", "cni", "podCIDR"), spec.cni.pod_cidr, "pod_cidr" in spec.cni.model_fields_set


def _owner(spec: Spec, path: Path) -> str:
    names: dict[Path, str] = {
        ("spec", "cni", "podCIDR"): "the pods' prefix",
        ("spec", "services", "cidr"): "the Services' prefix",
        ("spec", "internet", "cidr"): "the internet's prefix",
    }
    if path[2] == "ipPools":
        return f"the pool ipPools[{path[3]}]"
    return names.get(path) or f"the subnet {spec.subnets[int(path[2])].name}"


def room(spec: Spec, path: Path, cidr: str, nodes: int) -> Iterator[Objection]:
    """A prefix of pods' addresses has a block for so many nodes."""
    block = PLUGINS[spec.cni.plugin].block
    length = IPv4Network(cidr).prefixlen
    if length > block or 2 ** (block - length) < nodes:
        need = block - (nodes - 1).bit_length()
        problem = f"{cidr} is too small: {nodes} nodes take a /{block} each"
        yield Objection(path, problem, f"use /{need} or shorter")


def blocks(spec: Spec) -> Iterator[Objection]:
    """What nodes are given of the pods' addresses: whole blocks, each of one node."""
    length = PLUGINS[spec.cni.plugin].block
    pools = [IPv4Network(text) for _, text, _ in _pod_ranges(spec)]
    owners: dict[str, str] = {}
    for i, node in enumerate(spec.nodes):
        if spec.cni.plugin == "flannel" and len(node.pod_cidrs) > 1:
            yield Objection(("spec", "nodes", i, "podCIDRs", 1), "with flannel a node has one", "leave it out")
        for j, text in enumerate(node.pod_cidrs):
            path: Path = ("spec", "nodes", i, "podCIDRs", j)
            network = IPv4Network(text)
            if network.prefixlen != length:
                yield Objection(path, f"{text} is no /{length}", f"{spec.cni.plugin} gives nodes a /{length}")
            elif not any(network.subnet_of(pool) for pool in pools):
                yield Objection(path, f"{text} is not of the pods' addresses", f"they are {', '.join(map(str, pools))}")
            elif text in owners:
                yield Objection(path, f"{text} is {owners[text]}'s already", "give each block to one node")
            owners.setdefault(text, node.name)


def addresses(spec: Spec) -> Iterator[Objection]:
    """Nodes' addresses: in their subnet, usable, not a router's, unique; and enough for those that have none."""
    routers = {subnet.name: sum(subnet.name in router.subnets for router in spec.routers) for subnet in spec.subnets}
    networks = {subnet.name: IPv4Network(subnet.cidr) for subnet in spec.subnets}
    taken: dict[str, str] = {}
    members = dict.fromkeys(networks, 0)
    for i, node in enumerate(spec.nodes):
        network = networks.get(node.subnet or "")
        if network is None or node.subnet is None:
            continue
        members[node.subnet] += 1
        if node.address is None:
            continue
        if problem := _misplaced(IPv4Address(node.address), network, node.subnet, routers[node.subnet]):
            first, last = network[min(FIRST_NODE, network.num_addresses - SPARE)], network[-SPARE]
            yield Objection(("spec", "nodes", i, "address"), problem, f"use one of {first} to {last}")
        elif node.address in taken:
            problem = f"{node.address} is already the address of {taken[node.address]}"
            yield Objection(("spec", "nodes", i, "address"), problem, "choose another, or leave it out")
        taken.setdefault(node.address, node.name)
    for i, subnet in enumerate(spec.subnets):
        fits = networks[subnet.name].num_addresses - SPARE - routers[subnet.name]
        if members[subnet.name] > fits:
            problem = f"{subnet.cidr} has room for {max(fits, 0)} nodes beside its routers, not {members[subnet.name]}"
            yield Objection(("spec", "subnets", i, "cidr"), problem, "use a shorter prefix")


def _misplaced(address: IPv4Address, network: IPv4Network, subnet: str, routers: int) -> str:
    if address not in network:
        return f"{address} is not in {subnet}, {network}"
    if address == network.network_address:
        return f"{address} is the network's own address"
    if address == network.broadcast_address:
        return f"{address} is the broadcast address"
    if int(address) - int(network.network_address) <= routers:
        return f"{address} is a router's address"
    return ""
