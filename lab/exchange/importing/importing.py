"""From archives to a lab's folder: what `import` does between reading and writing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from lab.exchange.importing.anonymous.replaced_addresses import ReplacedAddresses
from lab.exchange.importing.anonymous.replaced_names import ReplacedNames
from lab.exchange.importing.collection.archive import Collected
from lab.exchange.importing.collection.machine import Machine, read_machine
from lab.exchange.importing.collection.notes import Notes, refused
from lab.exchange.importing.collection.objects import Objects, cluster_uid, read_objects
from lab.exchange.importing.collection.routing import Route, read_routes
from lab.exchange.importing.collection.text import single, text
from lab.exchange.importing.composition import TOPOLOGY, Draft, checked
from lab.exchange.importing.manifests import manifests
from lab.exchange.importing.own.own_rules import own_rules, own_sets
from lab.exchange.importing.own.own_settings import own_settings
from lab.exchange.importing.own.own_ways import (
    missing,
    own_entries,
    own_neighbours,
    own_policy_rules,
    own_routes,
)
from lab.exchange.importing.own.renaming import Renaming
from lab.exchange.importing.own.world import World
from lab.exchange.importing.surroundings.blocks import blocks
from lab.exchange.importing.surroundings.network import network
from lab.exchange.importing.surroundings.ranges import proxy_mode, service_cidr
from lab.exchange.importing.surroundings.selection import Asked, Chosen, choose
from lab.exchange.importing.surroundings.underlay import Placed, matched, underlay
from lab.topology import load_topology
from lab.topology.consistency import cables
from lab.topology.firewall.chain_owners import household
from lab.topology.machine.devices import devices
from lab.topology.schema import Spec

FURTHER = 20
_COMMENT = re.compile(rb' -m comment --comment (?!"?(?:cali:|flanneld |kube))(?:"(?:[^"\\\n]|\\.)*"|\S+)')
"""One of a person's: those of components tell whose a rule is."""
_DOMAIN = re.compile(r"^\s*kubernetes\s+([a-z0-9.-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Imported:
    """The folder's files by name, topology.yaml among them; what is to be said; and how much of the cluster it is."""

    files: dict[str, str]
    notes: tuple[str, ...]
    summary: str


def imported(archives: list[Collected], name: str, asked: Asked, key: bytes = b"") -> Imported:
    """The lab of a cluster. FileError where the archives are of no cluster or of two, or it cannot be held.

    With a `key` names and addresses are others, which follow from it.
    """
    notes = Notes()
    cluster = _cluster(archives, notes)
    if key:
        _replace_addresses(archives, key)
    objects = read_objects(cluster, notes)
    if key:
        names = ReplacedNames()
        objects, asked = names.objects(objects), names.asked(asked)
    machines = matched(objects.nodes, [read_machine(one, notes) for one in archives if not one.is_cluster], notes)
    _refuse_strangers(archives, machines, cluster)
    ground = underlay(objects.nodes, machines, cluster.called("nodes.json"), notes)
    chosen = choose(objects, ground, asked, notes)
    routes = _routes(_telling(machines, chosen), notes)
    found = network(objects, machines, routes, ground, notes)
    owned = blocks(objects, found, routes, notes)
    used = {one.subnet for one in chosen.nodes}
    draft = Draft(
        name,
        {subnet: str(prefix) for subnet, prefix in ground.subnets.items() if subnet in used},
        chosen.nodes,
        found,
        owned,
        service_cidr(objects, notes),
        proxy_mode(machines, notes),
        _domain(cluster, notes),
    )
    if objects.policies:
        notes.add(f"{objects.policies} NetworkPolicies are left out: the lab forbids nothing by policy")
    _own_files(draft, World(ground, found, owned, frozenset(one.node.name for one in chosen.nodes)), routes, notes)
    draft.manifests = manifests(objects, chosen, ground)
    files = {TOPOLOGY: checked(draft, notes), **draft.texts}
    return Imported(files, notes.all(), _summary(objects, chosen, draft))


def _replace_addresses(archives: list[Collected], key: bytes) -> None:
    """In all files, before anything is read; what people wrote beside rules goes."""
    addresses = ReplacedAddresses(key)
    for one in archives:
        for file, data in one.files.items():
            replaced = addresses.text(data)
            one.files[file] = _COMMENT.sub(b"", replaced) if file == "iptables.txt" else replaced


def _cluster(archives: list[Collected], notes: Notes) -> Collected:
    found = [one for one in archives if one.is_cluster]
    if not found:
        remedy = (
            "run the script that `./inv collect --cluster` prints where kubectl works, and give its archive as well"
        )
        raise refused(
            archives[0].origin, 1, "no archive is of a cluster: nothing says which nodes and Services there are", remedy
        )
    uids = [cluster_uid(one) for one in found[1:]]
    if uids:
        first = cluster_uid(found[0])
        told = f"{found[0].origin} and {found[1].origin}"
        if any(uid != first for uid in uids):
            raise refused(found[1].origin, 1, f"two clusters are mixed: {told}", "import each by itself")
        notes.add(f"the cluster was collected twice: {found[0].origin} counts, of {told}")
    return found[0]


def _refuse_strangers(archives: list[Collected], machines: dict[str, Machine], cluster: Collected) -> None:
    """Machines of which none is of the cluster are another's."""
    others = [one for one in archives if not one.is_cluster]
    if others and not machines:
        told = f"none of the {len(others)} machines is a node of {cluster.origin}: two clusters are mixed"
        raise refused(others[0].origin, 1, told, "give the archives of one cluster's nodes")


def _telling(machines: dict[str, Machine], chosen: Chosen) -> dict[str, Machine]:
    """Those whose routes are read: of the nodes that the lab gets, and a few others for what all have in common."""
    names = {one.node.name for one in chosen.nodes} | {*islice(machines, FURTHER)}
    return {name: machine for name, machine in machines.items() if name in names}


def _routes(machines: dict[str, Machine], notes: Notes) -> dict[str, list[Route]]:
    found = {}
    for name, machine in machines.items():
        told = text(machine.collected, "routes.json", notes)
        if told is None:
            continue
        found[name], mistakes = read_routes(told, machine.collected.called("routes.json"))
        for one in mistakes:
            notes.add(f"{one.file}:{one.line}: {one.problem}: the file is left out; {one.remedy}")
    return found


def _domain(cluster: Collected, notes: Notes) -> str:
    corefile = str((single(cluster, "coredns.json", notes).get("data") or {}).get("Corefile", ""))
    found = _DOMAIN.search(corefile)
    return found[1] if found else "cluster.local"


def _own_files(draft: Draft, world: World, routes: dict[str, list[Route]], notes: Notes) -> None:
    """The files of each node that was collected."""
    if not any(one.machine for one in draft.nodes):
        notes.add("no node was collected: all have the rules and routes of the lab's components alone")
        return
    alone = [one.name for one in draft.nodes if not one.machine]
    if alone:
        more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
        notes.add(
            f"{', '.join(alone[:5])}{more}: not collected, with the rules and routes of the lab's components alone"
        )
    spec = load_topology(draft.topology(()), TOPOLOGY, str).topology.spec
    ends = cables(spec)
    for one in draft.nodes:
        if one.machine:
            missing(one.machine, notes)
            own = _of(one, one.machine, spec, ends[one.name], world, routes.get(one.node.name, []), notes)
            if own:
                draft.files[one.name] = own
        _say_nft(one, notes)


def _of(
    one: Placed,
    machine: Machine,
    spec: Spec,
    ends: tuple[str, ...],
    world: World,
    routes: list[Route],
    notes: Notes,
) -> dict[str, str]:
    home, there = household(spec, one.name), devices(spec, one.name, ends)
    rules = own_rules(machine, home, Renaming(one.device), notes)
    made = {
        "rulesFile": rules,
        "setsFile": own_sets(machine, home, rules, notes),
        "routesFile": own_routes(one, routes, world, there, notes),
        "policyRulesFile": own_policy_rules(one, there, notes),
        "neighboursFile": own_neighbours(one, world, there, notes),
        "fdbFile": own_entries(one, world, there, notes),
        "sysctlFile": own_settings(one, there, notes),
    }
    return {name: text_ for name, text_ in made.items() if text_}


_IPTABLES = ("filter", "nat", "mangle", "raw", "security")


def _say_nft(one: Placed, notes: Notes) -> None:
    tables = one.machine.nft if one.machine else ()
    own = sorted(f"{family} {name}" for family, name in tables if name not in _IPTABLES and name != "kube-proxy")
    if own:
        notes.add(
            f"{one.name} has tables of nft's own, which the lab cannot hold: {', '.join(own)}", "tables of nft's own"
        )


def _summary(objects: Objects, chosen: Chosen, draft: Draft) -> str:
    pods = sum(not pod.host for pod in objects.pods)
    return (
        f"{len(chosen.nodes)} of {len(objects.nodes)} nodes in {len(draft.subnets)} subnets, {len(chosen.pods)} of "
        f"{pods} pods, {len(chosen.services)} of {len(objects.services)} Services, {len(draft.files)} nodes with files "
        "of their own"
    )


def lab_name(folder: str) -> str:
    """A topology's name for what is written there."""
    last = folder.rstrip("/").rpartition("/")[2]
    plain = re.sub(r"[^a-z0-9-]+", "-", last.lower().partition(".")[0]).strip("-")[:40].strip("-")
    return plain or "imported"
