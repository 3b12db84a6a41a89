"""A destination that nobody has: which node's block it is in and what takes it there, or where it leaves to."""

from __future__ import annotations

from lab.map.place import Link, Place, Way
from lab.network.ipv4 import Prefix, number
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.queries.neighbour import FAILING
from lab.trace.explain.queries.route import as_printed
from lab.trace.journey import KERNEL, QUERIED, REQUEST

MULTICAST, EVERYBODY = "224.0.0.0/4", "255.255.255.255"


def nobody_has_it(case: Case) -> Finding | None:
    """No place of the lab has the address that the request is for."""
    exchange, address = case.passage.exchange, next(iter(case.destinations), "")
    known = {*case.labmap.owners, *case.labmap.by_address, *(one.address for one in case.labmap.internet)}
    if case.direction != REQUEST or not address or address in known or address.startswith("127."):
        return None
    for_all = _for_all(case, address)
    if for_all is not None:
        return for_all
    service, _ = case.passage.asked or (None, None)
    through = f"Service {service.full_name} leads to {address}. " if service and address != exchange.destination else ""
    for node in case.labmap.of_kind("node"):
        for way in node.routes:
            if way.type == "blackhole" and number(address) in Prefix.of(way.destination):
                return _in_block(case, node, way, address, through)
    for place in (one for name in case.suspects if (one := case.place(name)) is not None):
        for link in place.links:
            if any(number(address) in Prefix.of(one) and not one.endswith("/32") for one in link.addresses):
                return _in_subnet(case, place, link, address, through)
    return _outside(case, address, through)


def _for_all(case: Case, address: str) -> Finding | None:
    """An address that is nobody's, since it is everybody's: no MAC is asked for."""
    if number(address) in Prefix.of(MULTICAST) or address == EVERYBODY:
        kind = "the broadcast address" if address == EVERYBODY else "a multicast address"
        spoken = case.passage.exchange.protocol
        why = f"{address} is {kind}: nobody has it for its own, and no {spoken} is spoken with it."
        return Finding(case.client, Cause.NO_SUCH_ADDRESS, address, why, (), QUERIED, "route")
    for place in (one for name in case.suspects if (one := case.place(name)) is not None):
        for link in place.links:
            for subnet in (Prefix.of(one) for one in link.addresses if not one.endswith(("/32", "/31"))):
                if address == subnet.address(subnet.size - 1):
                    said = f"broadcast {address} dev {link.name}"
                    why = (
                        f"{address} is the broadcast address of {subnet}, the subnet of {link.name} of {place.name}: "
                        "nobody has it for its own, and nobody is asked for its MAC."
                    )
                    return Finding(place.name, Cause.NO_SUCH_ADDRESS, said, why, (), QUERIED, "route")
    return None


def _in_block(case: Case, node: Place, way: Way, address: str, through: str) -> Finding:
    held, _ = case.about(node.name).routes(address)
    said = as_printed(held) if held is not None and held.type == "blackhole" else f"blackhole {way.destination}"
    reached = any(one.place == node.name for one in case.seen)
    takes = f"whose route `{said}` drops whatever no pod has"
    why = f"{through}No pod has {address}: it is in {node.name}'s block, {takes}."
    return Finding(node.name, Cause.NO_SUCH_ADDRESS, said, why, (), KERNEL if reached else QUERIED, "route")


def _in_subnet(case: Case, place: Place, link: Link, address: str, through: str) -> Finding:
    seen = next((one for one in case.about(place.name).neighbours if one.address == address), None)
    said = seen.text if seen is not None else f"{address} dev {link.name}"
    what = "pod" if link.kind == "bridge" or place.kind == "pod" else "node"
    asked = f"{place.name} asked on {link.name} who has it, and nobody answered"
    why = f"{through}No {what} has {address}: it is in the subnet of {link.name} of {place.name}. {asked}."
    evidence = KERNEL if seen is not None and seen.state in FAILING else QUERIED
    return Finding(place.name, Cause.NO_SUCH_ADDRESS, said, why, (), evidence, "route")


def _outside(case: Case, address: str, through: str) -> Finding | None:
    client = case.place(case.client)
    node = client.node if client is not None and client.node else case.client
    route, _ = case.about(node).routes(address)
    if route is None:
        return None
    why = (
        f"{through}No pod, node or Service has {address}, and no node has a block or a subnet with it: {node} sends it "
        f"by `{as_printed(route)}` out of the cluster, where nobody has it either."
    )
    return Finding(node, Cause.NO_SUCH_ADDRESS, as_printed(route), why, (), QUERIED, "route")
