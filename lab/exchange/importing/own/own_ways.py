"""A machine's own routes, policy rules, neighbours, forwarding entries and settings, as files for the lab: all but
what the lab's components make just so. A route to another node's pods that is right is theirs; a wrong one is a file's.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TypeVar

from lab.exchange.importing.collection.machine import Machine
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.routing import MAIN as MAIN_TABLE
from lab.exchange.importing.collection.routing import Route
from lab.exchange.importing.collection.text import text
from lab.exchange.importing.own.judging import file_lines, judged
from lab.exchange.importing.own.renaming import MAIN, Renaming
from lab.exchange.importing.own.world import World
from lab.exchange.importing.surroundings.network import FLANNEL, TUNNELS
from lab.exchange.importing.surroundings.underlay import Placed
from lab.network.naming import calico_tunnel_mac
from lab.network.naming import mac as lab_mac
from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import Entry
from lab.topology.machine.entries import SavedEntry, SavedNeighbour, forwarding, neighbours
from lab.topology.machine.policy_rule import policy_rules
from lab.topology.machine.route import routes

T = TypeVar("T")
SMALLEST = 24  # the length of the largest block that a node has

_WITHOUT = {"iptables.txt": "rules", "routes.json": "routes", "addresses.json": "addresses"}
"""What a node's dump must have for the lab to be like it."""


def missing(machine: Machine, notes: Notes) -> None:
    """Notes on files that the dump has not."""
    said = (text(machine.collected, "notes.txt", notes) or "").splitlines()
    for file, what in _WITHOUT.items():
        if not machine.collected.files.get(file, b"").strip():
            program = "iptables-save" if file == "iptables.txt" else "ip "
            reason = next((line for line in said if line.startswith(program)), "it was not collected")
            told = f"{machine.collected.called(file)} is missing ({reason})"
            notes.add(f"{told}: {machine.name} has the {what} of the lab's own", f"dumps without {what}")


def own_routes(here: Placed, found: list[Route], world: World, devices: Devices, notes: Notes) -> str:
    """As a routesFile; "" where there are none."""
    assert here.machine is not None
    file = here.machine.collected.called("routes.json")
    renaming = Renaming(here.device)
    out = next((one.via for one in found if one.destination == "default" and one.table in MAIN_TABLE), "")
    nodes = {one.address for one in world.ground.nodes}
    kept = []
    for one in found:
        if _is_made(one, here, world):
            continue
        if _by_another_router(one, here, world) and one.via not in nodes:
            told = f"{file}:{one.line}: {here.name} reaches {one.destination} by {one.via}, which is no node"
            notes.add(f"{told}: the lab's router stands for it", "ways by other routers")
            continue
        words = list(renaming.words(one.words))
        if out and out not in nodes and out in words:
            words[words.index(out)] = world.router(here.subnet)
        kept.append(Entry(one.line, tuple(words)))
    _say_missing(here, found, world, file, notes)
    lines = judged(kept, routes(devices), file, notes)
    return "".join(f"{line}\n" for line in lines if not _is_default(line, world.router(here.subnet)))


def _by_another_router(one: Route, here: Placed, world: World) -> bool:
    """Whether it leads to another subnet of the cluster, by a machine that no dump knows."""
    network = one.network
    if network is None or not one.via or one.kernel or one.table not in MAIN_TABLE:
        return False
    return any(network.subnet_of(its) for name, its in world.ground.subnets.items() if name != here.subnet)


def _is_default(line: str, router: str) -> bool:
    """Whether the lab's own default route says the same."""
    words = line.split()
    return words[:5] == ["default", "via", router, "dev", MAIN] and "mtu" not in words and not _elsewhere(words)


def _elsewhere(words: list[str]) -> bool:
    return "table" in words and words[words.index("table") + 1] not in MAIN_TABLE


def _is_made(one: Route, here: Placed, world: World) -> bool:
    """Whether the lab's components make it as it is, or would if the lab had that node's pods."""
    network = one.network
    if network is None or one.kernel or one.table not in MAIN_TABLE or one.destination == "default":
        return False
    there = world.owners.get(network)
    if there is None:
        return False
    if there.node.name not in world.chosen:
        return True
    if there.node.name == here.node.name:
        return one.kind == "blackhole" or one.device == "cni0"
    return _leads(one, here, there, world, network)


def _leads(one: Route, here: Placed, there: Placed, world: World, block: IPv4Network) -> bool:
    """Whether it leads to a node's pods as the encapsulation says."""
    kind = world.network.encapsulation_of(block)
    tunnelled = kind in ("VXLAN", "IPIP") or (kind.endswith("CrossSubnet") and here.subnet != there.subnet)
    if one.kind:
        return False
    if not tunnelled:
        return one.device == here.device and one.via in (there.address, world.router(here.subnet), "")
    if one.device == "tunl0":
        return one.via == there.address
    return one.device in TUNNELS and (
        one.via == str(block.network_address) or world.tunnels.get(one.via) == there.node.name
    )


def _say_missing(here: Placed, found: list[Route], world: World, file: str, notes: Notes) -> None:
    """A file says what is there: of what is not, people have to know."""
    if not found:
        return
    there = {one.destination for one in found}
    wide = [one.network for one in found if one.network and 0 < one.network.prefixlen < SMALLEST and not one.kernel]
    for other in world.ground.nodes:
        if other.node.name == here.node.name or other.node.name not in world.chosen:
            continue
        for block in world.blocks.get(other.node.name, ()):
            known = str(block) in there or any(block.subnet_of(one) for one in wide)
            if not known and not (world.network.encapsulation_of(block) == "None" and other.subnet != here.subnet):
                notes.add(
                    f"{file}: {here.name} has no route to {block}, pods of {other.name}: the lab makes one; "
                    f"./inv exec {here.name} -- ip route del {block} makes it as it was",
                    "routes to pods that are missing",
                )


def own_policy_rules(here: Placed, devices: Devices, notes: Notes) -> str:
    """As a policyRulesFile."""
    return file_lines(here, "policy-rules.json", policy_rules(devices), lambda one: one is not None, notes)


def own_neighbours(here: Placed, world: World, devices: Devices, notes: Notes) -> str:
    """As a neighboursFile: those of tunnels that are right are the lab's own."""

    def counts(one: SavedNeighbour) -> bool:
        if one.device not in TUNNELS:
            return True
        owner = world.tunnels.get(one.address, "")
        return owner in world.chosen and world.macs.get(one.mac, "") not in ("", owner)

    return _translated(file_lines(here, "neighbours.json", neighbours(devices), counts, notes), world)


def own_entries(here: Placed, world: World, devices: Devices, notes: Notes) -> str:
    """As an fdbFile: entries for a node's tunnel that lead elsewhere."""
    addresses = {one.node.name: one.address for one in world.ground.nodes}

    def counts(one: SavedEntry) -> bool:
        owner = world.macs.get(one.mac, "")
        return owner in world.chosen and addresses[owner] != one.remote

    return _translated(file_lines(here, "fdb.json", forwarding(devices), counts, notes), world)


def _translated(lines: str, world: World) -> str:
    """With the addresses that the lab's tunnels have."""
    names = {one.node.name: one.name for one in world.ground.nodes}
    for address, node in world.macs.items() if lines else ():
        here = names[node]
        its = lab_mac(here, "flannel.1") if world.network.plugin == FLANNEL else calico_tunnel_mac(here)
        lines = lines.replace(address, its)
    return lines
