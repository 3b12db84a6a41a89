"""Routes, rules of policy routing and addresses: missing, stolen, or leading elsewhere."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.difference import Difference, Given
from lab.faults.fault import Fault, Parameter, Rewrite
from lab.faults.ground import Ground
from lab.network.objects import Address, Interface, Route, RoutingRule
from lab.network.objects.policy_rule import PolicyRule

PRIORITY = 100  # of a rule of policy routing: before the main table's


def _far_route(ground: Ground, node: str, further: int = 0) -> Route | None:
    """A node's route to the pods of the node that is farthest; with `further`, of the one after it."""
    others = ground.others(node)
    if len(others) <= further:
        return None
    blocks = ground.addresses.blocks.get(others[further], ())
    found = (item for item in ground.held(node, Route) if item.destination in blocks and not item.table)
    return next(found, None)


def _joined_nodes(ground: Ground) -> tuple[str, ...]:
    return tuple(node for node in ground.of_kind("node") if _far_route(ground, node))


def _missing(ground: Ground, place: str, _: Given) -> Difference:
    found = _far_route(ground, place)
    return Difference(gone=(found.key,)) if found else Difference()


def _blackhole(ground: Ground, place: str, _: Given) -> Difference:
    found = _far_route(ground, place)
    return Difference(objects=(Route(place, found.destination, type="blackhole"),)) if found else Difference()


def _by_third(ground: Ground, node: str) -> tuple[Route, Route] | None:
    """The routes to two other nodes' pods, which leave by one device to two next hops."""
    found, other = _far_route(ground, node), _far_route(ground, node, 1)
    if found is None or other is None or found.device != other.device or found.via in ("", other.via):
        return None
    return found, other


def _asymmetric(ground: Ground, place: str, _: Given) -> Difference:
    routes = _by_third(ground, place)
    return Difference(objects=(replace(routes[0], via=routes[1].via),)) if routes else Difference()


def _policy_route(ground: Ground, place: str, given: Given) -> Difference:
    table = given["table"]
    blocks = ground.addresses.blocks.get(place, ())
    asked = (PolicyRule(priority, source=block, table=table) for priority, block in enumerate(blocks, start=PRIORITY))
    nowhere = Route(place, "default", type="blackhole", table=table)
    return Difference(objects=(nowhere, *(RoutingRule.of(place, one, "") for one in asked)))


def _with_blocks(ground: Ground) -> tuple[str, ...]:
    return tuple(node for node in _joined_nodes(ground) if ground.addresses.blocks.get(node))


def _far_pod(ground: Ground, node: str) -> str:
    """A pod of another node, the farthest that has one."""
    for other in ground.others(node):
        found = [pod for pod in ground.pods if ground.node_of(pod) == other]
        if found:
            return found[0]
    return ""


def _receiving(ground: Ground) -> tuple[str, ...]:
    return tuple(node for node in ground.of_kind("node") if _far_pod(ground, node))


def _martian(ground: Ground, place: str, _: Given) -> Difference:
    pod = _far_pod(ground, place)
    return Difference(objects=(Address(place, "lo", f"{ground.addresses.pod(pod)}/32"),)) if pod else Difference()


def _own_pod(ground: Ground, node: str) -> str:
    return next((pod for pod in ground.pods if ground.node_of(pod) == node), "")


def _with_tunnel_and_pods(ground: Ground) -> tuple[str, ...]:
    return tuple(node for node in ground.tunnel_nodes if _own_pod(ground, node))


def _pods_address_taken(ground: Ground, place: str, _: Given) -> Difference:
    link, pod = ground.tunnel(place), _own_pod(ground, place)
    if link is None or not pod:
        return Difference()
    return Difference(objects=(Address(place, link.name, f"{ground.addresses.pod(pod)}/32"),))


def _duplicate(ground: Ground, place: str, _: Given) -> Difference:
    """The pod has another node's pod's address as well, and its own node a route to it there."""
    node = ground.node_of(place) if place in ground.pods else ""
    other = _far_pod(ground, node) if node else ""
    eth0 = ground.link(place, "eth0")
    if not other or not isinstance(eth0, Interface):
        return Difference()
    address = f"{ground.addresses.pod(other)}/32"
    way = Route(node, address, device=eth0.peer_name, scope="link")
    return Difference(objects=(Address(place, "eth0", address), way))


def _routed_pods(ground: Ground) -> tuple[str, ...]:
    if ground.is_bridged:
        return ()
    return tuple(pod for pod in ground.pods if _far_pod(ground, ground.node_of(pod)))


FAULTS = (
    Fault(
        "route-missing",
        "the route to another node's pods is missing",
        "many",
        "the pods of one node are not reached from here, or their answers leave by the default route",
        "a node that routes to another's pods",
        _joined_nodes,
        Rewrite(_missing),
    ),
    Fault(
        "route-blackhole",
        "the route to another node's pods is a blackhole",
        "many",
        "packets for the pods of one node vanish",
        "a node that routes to another's pods",
        _joined_nodes,
        Rewrite(_blackhole),
    ),
    Fault(
        "asymmetric-path",
        "answers take another way than questions, past a node that saw no question and drops them as invalid",
        "kubernetes/kubernetes#94861, kubernetes/kubernetes#74839",
        "connections do not come about, though every request arrives",
        "a node with a tunnel to two others",
        lambda ground: tuple(node for node in ground.of_kind("node") if _by_third(ground, node)),
        Rewrite(_asymmetric),
    ),
    Fault(
        "policy-route",
        "a rule of policy routing sends what pods send to a table that leads nowhere",
        "VPN clients, and second network cards",
        "the node reaches everything, its pods reach nothing",
        "a node with pods",
        _with_blocks,
        Rewrite(_policy_route),
        (Parameter("table", 100, 1, 252, "the table's number"),),
    ),
    Fault(
        "martian-source",
        "the node holds the address of another node's pod as its own",
        "many",
        "what comes from that pod is dropped as martian",
        "a node, and a pod on another one",
        _receiving,
        Rewrite(_martian),
    ),
    Fault(
        "tunnel-has-pods-address",
        "the tunnel's device and a pod were given the same address",
        "projectcalico/calico#3589",
        "the node answers in the pod's stead",
        "a node with a tunnel and a pod",
        _with_tunnel_and_pods,
        Rewrite(_pods_address_taken),
    ),
    Fault(
        "duplicate-address",
        "two pods have the same address",
        "weaveworks/weave#3438",
        "who asks the one from here reaches the other",
        "a pod with Calico, and another one on another node",
        _routed_pods,
        Rewrite(_duplicate),
    ),
)
