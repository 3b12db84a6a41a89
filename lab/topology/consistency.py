"""What the parts of a topology must be to each other: names unique, references found, addresses in their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.topology.broken import MOST as MAX_FAULTS
from lab.topology.defaults import PLUGINS, overhead, tunnel_pool
from lab.topology.expect.expectation import MOST as MAX_EXPECTATIONS
from lab.topology.expect.expectation import contradictions
from lab.topology.field_errors import unknown
from lab.topology.handed.drifted import MOST as MAX_DRIFTED
from lab.topology.objection import Objection
from lab.topology.schema import ZONE, Spec
from lab.topology.space import addresses, blocks, prefixes, room
from lab.topology.yaml.document import Path, shown

MAX_NODES, MAX_SUBNETS, MAX_ROUTERS, MAX_FIREWALLS, MAX_LINKS = 1000, 200, 200, 2000, 2000
MAX_MACHINES = 1200
MAX_POOLS = 100
PLACES = {
    "gateway": "the NAT gateway",
    "internet": "the world outside",
    "underlay": "the sandbox's own namespace",
    "localhost": "every machine itself",
}
BRIDGES = {
    "transit": "the segment before the gateway",
    "internet": "the segment behind the gateway",
    "lo": "the loopback interface",
    "all": "the kernel: its settings of all interfaces",
    "default": "the kernel: its settings of new interfaces",
}
LAB_LABELS = (
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
)


def check(spec: Spec) -> Iterator[Objection]:
    """Everything that cannot be right in a complete spec, roughly in the file's order."""
    too_many = [*_too_many(spec)]
    yield from too_many
    if too_many:
        return
    for field, items in (("subnets", spec.subnets), ("nodes", spec.nodes)):
        if not items:
            yield Objection(("spec", field), "the list is empty", "leave it out for the default, or name at least one")
    yield from _names(spec)
    yield from _references(spec)
    yield from _labels(spec)
    yield from _reachability(spec)
    yield from prefixes(spec)
    yield from _plugin(spec)
    yield from blocks(spec)
    yield from addresses(spec)
    yield from _outside(spec)
    yield from _links(spec)
    yield from (Objection(*one) for one in contradictions(spec.expect, ("spec", "expect")))
    yield from spec.kept.objections(("spec", "kept"))


def _too_many(spec: Spec) -> Iterator[Objection]:
    for field, items, limit in (
        ("subnets", spec.subnets, MAX_SUBNETS),
        ("nodes", spec.nodes, MAX_NODES),
        ("routers", spec.routers, MAX_ROUTERS),
        ("firewalls", spec.firewalls, MAX_FIREWALLS),
        ("machines", spec.machines, MAX_MACHINES),
        ("links", spec.links, MAX_LINKS),
        ("expect", spec.expect, MAX_EXPECTATIONS),
        ("faults", spec.faults, MAX_FAULTS),
        ("drift", spec.drift, MAX_DRIFTED),
    ):
        if len(items) > limit:
            yield Objection(("spec", field), f"there are {len(items)}", f"at most {limit} are possible")


def _names(spec: Spec) -> Iterator[Objection]:
    """Subnets' names among themselves; nodes' and routers' together, for both are places."""
    subnets: list[tuple[Path, str]] = [(("spec", "subnets", i), subnet.name) for i, subnet in enumerate(spec.subnets)]
    yield from _twice(subnets, "subnet")
    routers = ((("spec", "routers", i), router.name) for i, router in enumerate(spec.routers))
    nodes = ((("spec", "nodes", i), node.name) for i, node in enumerate(spec.nodes))
    places: list[tuple[Path, str]] = [*routers, *nodes]
    yield from _twice(places, "node or router")
    for named, taken in ((subnets, BRIDGES), (places, PLACES)):
        for path, name in named:
            if name in taken:
                yield Objection((*path, "name"), f"the name {name} is taken by {taken[name]}", "choose another")


def _twice(names: Iterable[tuple[Path, str]], what: str) -> Iterator[Objection]:
    first: dict[str, Path] = {}
    for path, name in names:
        if name in first:
            where = f"{first[name][1]}[{first[name][2]}]"
            yield Objection((*path, "name"), f"{name} is already the name of a {what}, {where}", "choose another")
        first.setdefault(name, path)


def _references(spec: Spec) -> Iterator[Objection]:
    subnets = [subnet.name for subnet in spec.subnets]
    for i, node in enumerate(spec.nodes):
        if subnets and node.subnet not in subnets:
            yield Objection(("spec", "nodes", i, "subnet"), *unknown("subnet", node.subnet or "", subnets))
    for i, router in enumerate(spec.routers):
        for j, name in enumerate(router.subnets):
            path = ("spec", "routers", i, "subnets", j)
            if name not in subnets:
                yield Objection(path, *unknown("subnet", name, subnets))
            elif name in router.subnets[:j]:
                yield Objection(path, f"{router.name} joins {name} twice", "name each subnet once")
    places = [router.name for router in spec.routers] + [node.name for node in spec.nodes]
    for i, firewall in enumerate(spec.firewalls):
        if firewall.on not in places:
            yield Objection(("spec", "firewalls", i, "on"), *unknown("node or router", firewall.on, places))
    named: set[str] = set()
    for i, machine in enumerate(spec.machines):
        if machine.on not in places:
            yield Objection(("spec", "machines", i, "on"), *unknown("node or router", machine.on, places))
        elif machine.on in named:
            yield Objection(
                ("spec", "machines", i, "on"), f"{machine.on} is named twice", "name its files in one place"
            )
        named.add(machine.on)


def _labels(spec: Spec) -> Iterator[Objection]:
    """Labels that are not the file's to give."""
    for i, node in enumerate(spec.nodes):
        for key in node.labels:
            path = ("spec", "nodes", i, "labels", key)
            if key == ZONE and node.zone:
                yield Objection(path, f"{node.name} has a zone already", "keep one of `zone` and this label")
            elif key in LAB_LABELS:
                yield Objection(path, f"the lab itself says the label {key}", "leave it out")


def _reachability(spec: Spec) -> Iterator[Objection]:
    """Every subnet is joined to the first by routers: those reached grow until nothing is added."""
    known = {subnet.name for subnet in spec.subnets}
    reached = {spec.subnets[0].name} if spec.subnets else set()
    waiting = [set(router.subnets) & known for router in spec.routers]
    while joined := next((names for names in waiting if names & reached), None):
        reached |= joined
        waiting.remove(joined)
    for i, subnet in enumerate(spec.subnets):
        if subnet.name not in reached:
            problem = f"no router joins {subnet.name} with {spec.subnets[0].name}"
            yield Objection(("spec", "subnets", i), problem, "name it in a router's subnets")
    if spec.subnets and not any(spec.subnets[0].name in router.subnets for router in spec.routers):
        yield Objection(
            ("spec", "subnets", 0), f"no router stands in {spec.subnets[0].name}", "name it in a router's subnets"
        )


def _plugin(spec: Spec) -> Iterator[Objection]:
    cni, plugin = spec.cni, PLUGINS[spec.cni.plugin]
    if cni.wireguard_enabled and cni.plugin != "calico":
        told = f"{cni.plugin} here does not encrypt"
        yield Objection(("spec", "cni", "wireguardEnabled"), told, "leave it out, or use calico")
    if cni.ip_pools:
        yield from _pools(spec)
        return
    if cni.encapsulation not in plugin.encapsulations:
        possible = " or ".join(plugin.encapsulations)
        problem = f"{cni.plugin} has no {cni.encapsulation}"
        yield Objection(("spec", "cni", "encapsulation"), problem, f"use {possible}")
    elif cni.mtu and cni.encapsulation and cni.mtu > 65535 - overhead(cni.encapsulation):
        yield Objection(("spec", "cni", "mtu"), f"{cni.mtu} leaves no room for the tunnel's headers", "make it smaller")
    if not cni.nat_outgoing and cni.plugin != "calico":
        problem = f"{cni.plugin} has no natOutgoing"
        yield Objection(("spec", "cni", "natOutgoing"), problem, "leave it out, or use calico")
    yield from room(spec, ("spec", "cni", "podCIDR"), cni.pod_cidr, len(spec.nodes))


def _pools(spec: Spec) -> Iterator[Objection]:
    """Calico alone has pools; those with a tunnel have the same kind, and one of them an address for every node."""
    cni, at = spec.cni, ("spec", "cni", "ipPools")
    if cni.plugin != "calico":
        yield Objection(at, f"{cni.plugin} has no pools", "give one podCIDR, or use calico")
        return
    if len(cni.ip_pools) > MAX_POOLS:
        yield Objection(at, f"there are {len(cni.ip_pools)}", f"at most {MAX_POOLS} are possible")
        return
    kinds = {overhead(pool.encapsulation or "None"): pool.encapsulation for pool in cni.ip_pools} | {0: None}
    if len(kinds) > 2:
        told = " and ".join(str(one) for one in kinds.values() if one)
        yield Objection(at, f"{told} are two kinds of tunnel", "use VXLAN or IPIP for all that have one")
    for i, pool in enumerate(cni.ip_pools):
        needed = len(spec.nodes) if i == tunnel_pool(cni) else 1
        yield from room(spec, (*at, i, "cidr"), pool.cidr, needed)


def _outside(spec: Spec) -> Iterator[Objection]:
    for i, name in enumerate(spec.internet.names):
        if name == spec.dns.domain or name.endswith(f".{spec.dns.domain}"):
            problem = f"{name} is inside the cluster's domain {spec.dns.domain}"
            yield Objection(("spec", "internet", "names", i), problem, "names outside must not end with it")


def _links(spec: Spec) -> Iterator[Objection]:
    """Each names an interface that a cable of the underlay ends in, once."""
    known = cables(spec)
    seen: set[str] = set()
    for i, link in enumerate(spec.links):
        path = ("spec", "links", i, "on")
        place, _, _ = link.on.partition("/")
        if link.on in seen:
            yield Objection(path, f"{link.on} is named twice", "say all of it in one place")
        elif place not in known:
            yield Objection(path, *unknown("node or router", place, [*known]))
        elif link.on not in known[place]:
            yield Objection(
                path, f"{place} has no {shown(link.on.partition('/')[2])}", f"it has {', '.join(known[place])}"
            )
        seen.add(link.on)
        for error in link.impairment.contradictions():
            yield Objection(("spec", "links", i, error.field), str(error), error.remedy)


def cables(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The interfaces of every place in which a cable of the underlay ends, as `spec.links` names them."""
    found = {node.name: 1 for node in spec.nodes}
    first = spec.routers[0].name if spec.routers else ""
    found |= {router.name: len(router.subnets) + (router.name == first) for router in spec.routers}
    found |= {"gateway": 2, "internet": 1}
    return {place: tuple(f"{place}/eth{number}" for number in range(count)) for place, count in found.items()}
