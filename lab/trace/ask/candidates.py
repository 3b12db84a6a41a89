"""Which endpoints of the Service that was asked the request may be sent to, why not to the others, and that in words.

Source of who is chosen from: kube-proxy; of a headless Service it is DNS that leaves out those that are not ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.map.labmap import LabMap
from lab.map.path import Walker
from lab.map.place import Place
from lab.map.services import Endpoint, Service, ServicePort, preferred
from lab.network.kubeproxy.hints import meant_for
from lab.trace.journey import Candidate

NODE = "node"
LOCAL = "Local"
MOST_NAMED = 6
"""So many are named in one breath."""


def choosing_node(labmap: LabMap, source: Place, address: str) -> str:
    """The node that turns a Service's address into an endpoint's: the one asked on a node port, else the client's own,
    else the first on the way; "" if there is none.
    """
    owner, _ = labmap.owners.get(address, (None, None))
    if owner and owner.kind == NODE:
        return owner.name
    own = home(source)
    if own or not address:
        return own
    places = (labmap.by_name[one] for one in Walker(labmap).walk(source.name, address).places)
    return next((one.name for one in places if one.kind == NODE), "")


def home(source: Place) -> str:
    """The node on which a place asks: a pod's, or the node itself; "" for others."""
    return source.name if source.kind == NODE else source.node


def choosable(labmap: LabMap, source: Place, address: str, service: Service, port: ServicePort) -> tuple[Endpoint, ...]:
    """The endpoints that a request of `source` to that address of the Service may be sent to."""
    if service.is_headless:
        return tuple(one for one in port.endpoints if one.ready)
    policy = _local_policy(labmap, source, address, service)
    node = choosing_node(labmap, source, address)
    found = preferred([one for one in port.endpoints if not policy or labmap.node_of(one) == node])
    return found if policy or not (found and found[0].ready) else meant_for(found, node, _zone(labmap, node))


def _zone(labmap: LabMap, node: str) -> str:
    place = labmap.by_name.get(node)
    return place.zone if place else ""


def candidates(
    labmap: LabMap, source: Place, address: str, service: Service, port: ServicePort, chosen: str
) -> tuple[Candidate, ...]:
    """All endpoints; the one with the address `chosen` got the request."""
    wanted = frozenset(choosable(labmap, source, address, service, port))
    policy = _local_policy(labmap, source, address, service)
    node = choosing_node(labmap, source, address)

    def why(one: Endpoint) -> str:
        elsewhere = f"not on {node}, and {policy} is {LOCAL}" if policy and labmap.node_of(one) != node else ""
        meant = f"hints mean it for {', '.join(one.for_nodes or one.for_zones)}" if one.ready and not elsewhere else ""
        return one.why or elsewhere or ("" if one in wanted else meant)

    return tuple(
        Candidate(one.name, one.address, one.port, one.ready, one in wanted, one.address == chosen, why(one))
        for one in port.endpoints
    )


def _local_policy(labmap: LabMap, source: Place, address: str, service: Service) -> str:
    """The policy that leaves only the choosing node's own endpoints, "" when none does.

    The external one is for those outside: to its own node's ports and to external addresses a pod comes from inside.
    """
    if service.is_headless:
        return ""
    if address in ("", service.cluster_ip):
        return "internalTrafficPolicy" if service.internal_policy == LOCAL else ""
    outside = choosing_node(labmap, source, address) != home(source)
    return "externalTrafficPolicy" if service.external_policy == LOCAL and outside else ""


def line(found: Sequence[Candidate]) -> str:
    """`candidates: pod-2, pod-3; not pod-4 (its readiness probe fails: …)`."""
    names = short_names(found)
    told = f"candidates: {_grouped([one for one in found if one.candidate], names) or 'none'}"
    others = _grouped([one for one in found if not one.candidate], names)
    return f"{told}; not {others}" if others else told


def without(found: Sequence[Candidate]) -> str:
    """Those that are no candidates, each with why."""
    return _grouped([one for one in found if not one.candidate], short_names(found))


def _grouped(found: Iterable[Candidate], names: Mapping[str, str]) -> str:
    """Those of the same reason together: `pod-4, pod-5 (terminating)`."""
    groups: dict[str, list[str]] = {}
    for one in found:
        groups.setdefault(one.why, []).append(names[one.name])
    return ", ".join(f"{named(group)} ({why})" if why else named(group) for why, group in groups.items())


def lines(found: Sequence[Candidate]) -> Iterator[str]:
    """One for each, with its address."""
    names = short_names(found)
    width = max((len(name) for name in names.values()), default=0)
    for one in found:
        state = "chosen" if one.chosen else "candidate" if one.candidate else "not"
        why = f"  {one.why}" if one.why else ""
        yield f"{state:<9}  {names[one.name]:<{width}}  {one.address}:{one.port}{why}"


def short_names(found: Iterable[Candidate]) -> dict[str, str]:
    """By name, without the namespace where all have the same."""
    names = [one.name for one in found]
    spaces = {name.rpartition("/")[0] for name in names}
    return {name: name.rpartition("/")[2] if len(spaces) == 1 else name for name in names}


def named(names: Sequence[str]) -> str:
    """All of a few, or the first of many and how many more."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"
