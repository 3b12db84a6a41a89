"""Which nodes there are, in which subnets: from Node objects, and from what their machines say of their addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lab.exchange.importing.collection.machine import Machine
from lab.exchange.importing.collection.notes import Notes, refused
from lab.exchange.importing.collection.objects import Node

GUESSED = 24
_CALICO = "projectcalico.org/IPv4Address"
_LONGEST_NAME = 63
_TAKEN = ("router", "gateway", "internet", "underlay", "localhost", "lo", "all", "default")


@dataclass(frozen=True, slots=True)
class Placed:
    """A node as the lab has it: `name` is a label, `device` the machine's own name of what is eth0 here."""

    node: Node
    name: str
    subnet: str
    machine: Machine | None = None
    device: str = "eth0"

    @property
    def address(self) -> str:
        return self.node.address


@dataclass(frozen=True, slots=True)
class Underlay:
    """Subnets by name, and the nodes in them."""

    subnets: dict[str, IPv4Network]
    nodes: tuple[Placed, ...]

    def node(self, name: str) -> Placed | None:
        """By the cluster's name of it."""
        return next((one for one in self.nodes if one.node.name == name), None)


def matched(nodes: list[Node], machines: list[Machine], notes: Notes) -> dict[str, Machine]:
    """The machine of each node, by the node's name: the one that has its address. Others are told, and left out."""
    found: dict[str, Machine] = {}
    addresses = {node.address: node.name for node in nodes if node.address}
    for machine in machines:
        own = [str(its.ip) for device in machine.devices.values() for its in device.addresses]
        named = next((addresses[address] for address in own if address in addresses), "")
        if not named and not own:  # addresses are missing in it: its name alone tells
            named = next(
                (node.name for node in nodes if machine.name.partition(".")[0] == node.name.partition(".")[0]), ""
            )
        if not named:
            has = (
                f"it has {', '.join([one for one in own if not one.startswith('127.')][:3])}"
                if own
                else "it has no addresses"
            )
            notes.add(
                f"{machine.origin}: {machine.name} is no node of this cluster ({has}): left out", "machines of no node"
            )
        elif named in found:
            notes.add(f"{machine.origin}: {named} was collected twice: {found[named].origin} counts")
        else:
            found[named] = machine
    return found


def underlay(nodes: Sequence[Node], machines: dict[str, Machine], file: str, notes: Notes) -> Underlay:
    """The nodes with an address, in subnets. FileError where there is none."""
    placed: list[tuple[Node, IPv4Network]] = []
    known: list[IPv4Network] = []
    waiting: list[Node] = []
    for node in nodes:
        if not node.address:
            notes.add(f"{file}: the node {node.name} has no InternalIP of IPv4: left out", "nodes without an address")
        elif prefix := _prefix(node, machines.get(node.name)):
            placed.append((node, prefix))
            known.append(prefix)
        else:
            waiting.append(node)
    for node in waiting:
        prefix = next((one for one in known if IPv4Address(node.address) in one), None)
        if prefix is None:
            prefix = IPv4Interface(f"{node.address}/{GUESSED}").network
            notes.add(
                f"{node.name}: nothing says how large the subnet of {node.address} is: {prefix} is taken (collect "
                "this node to know it)",
                "subnets that are guessed",
            )
            known.append(prefix)
        placed.append((node, prefix))
    if not placed:
        raise refused(file, 1, "there is no node in it", "collect the cluster anew: kubectl get nodes -o json")
    order = {node.name: place for place, node in enumerate(nodes)}
    placed.sort(key=lambda one: order[one[0].name])
    wide = _widest(prefix for _, prefix in placed)
    names = {prefix: _subnet_name(i) for i, prefix in enumerate(wide)}
    made, taken = [], set(_TAKEN) | {*names.values()}
    for node, prefix in placed:
        name = _label(node.name, taken, notes)
        taken.add(name)
        subnet = names[next(one for one in wide if prefix.subnet_of(one))]
        machine = machines.get(node.name)
        device = machine.device_of(node.address) if machine else None
        made.append(Placed(node, name, subnet, machine, device.name if device else "eth0"))
    return Underlay({name: prefix for prefix, name in names.items()}, tuple(made))


def _prefix(node: Node, machine: Machine | None) -> IPv4Network | None:
    device = machine.device_of(node.address) if machine else None
    for its in device.addresses if device else ():
        if str(its.ip) == node.address and 8 <= its.network.prefixlen <= 30:
            return its.network
    told = node.annotation(_CALICO)
    if re.fullmatch(r"[0-9.]+/[0-9]{1,2}", told):
        try:
            network = IPv4Interface(told).network
        except ValueError:
            return None
        return network if 8 <= network.prefixlen <= 30 else None
    return None


def _widest(known: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Without those that lie in others, in order of first appearance."""
    every = [*dict.fromkeys(known)]
    return [one for one in every if not any(one != other and one.subnet_of(other) for other in every)]


def _subnet_name(index: int) -> str:
    return f"subnet-{chr(ord('a') + index)}" if index < 26 else f"subnet-{index + 1}"


def _label(name: str, taken: set[str], notes: Notes) -> str:
    """The node's name as one label: dots become dashes."""
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower())[:_LONGEST_NAME].strip("-") or "node"
    found, number = plain, 2
    while found in taken:
        found = f"{plain[: _LONGEST_NAME - 5]}-{number}"
        number += 1
    if found != name:
        notes.add(f"the node {name} is called {found} in the lab", "nodes with other names")
    return found
