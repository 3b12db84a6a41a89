"""From one design to the next: the steps between them, designed as far as the change reaches and no further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.agent.design.blueprint import Design
from lab.network.chains import proxy_options, service_cidrs
from lab.network.kubeproxy.sync import ChangedChain, IpvsProxier, NftProxier, Proxier
from lab.network.objects import Network
from lab.network.part import dns_part, extent, part
from lab.plan import Plan, RuleStep, plan
from lab.plan.steps import ChainChange

FEW = 32  # pods that are worked on one by one; with more, everything is looked at

AnyProxier = Proxier | NftProxier | IpvsProxier


class NodeProxies:
    """What the kube-proxies of all nodes have programmed; nothing is known at first, and after something failed."""

    def __init__(self) -> None:
        self._proxier: AnyProxier | None = None

    def forget(self) -> None:
        self._proxier = None

    def begin(self, design: Design) -> AnyProxier:
        """They have programmed all that follows from this design, the stopped ones what they knew."""
        if self._proxier is None:
            self._proxier = _proxier(design)
            for node, known in design.stale.items():
                self._proxier.follow(*known)
                self._proxier.programmed(node)
            self._proxier.follow(design.cluster, design.addresses)
            for node in _followers(design):
                self._proxier.programmed(node)
        return self._proxier

    def steps(self, before: Design, after: Design, around: tuple[Network, Network]) -> Plan:
        """From one state to the other with what each node's kube-proxy changes, after which that counts as programmed.

        `around` is what else there is in both states.
        """
        proxier = self.begin(before)
        proxier.follow(after.cluster, after.addresses)
        was, to_be = around
        if isinstance(proxier, Proxier):
            changes = ((node, proxier.sync(node)) for node in _followers(after))
            return _joined(plan(to_be, was), changes)
        tables = [proxier.sync(node) for node in _followers(after)]
        held = Network.of(was, *(table.before for table in tables))
        return plan(Network.of(to_be, *(table.after for table in tables)), held)


def _followers(design: Design) -> list[str]:
    """The nodes whose kube-proxy runs."""
    return [node for node in design.cluster.nodes if node not in design.stale]


def _proxier(design: Design) -> AnyProxier:
    options = proxy_options(design.topology, design.addresses)
    if design.topology.spec.services.proxy == "nftables":
        return NftProxier(options, service_cidrs(design.topology))
    if design.topology.spec.services.proxy == "ipvs":
        return IpvsProxier(options)
    return Proxier(options)


def adds_little(before: Design, wanted: Design) -> bool:
    """Whether little differs but what a few pods and the Services need that are new, or are otherwise than before."""
    if wanted.topology.spec.services.proxy == "ipvs":  # real servers of before may still have connections
        return False
    if not before.is_whole or not wanted.is_whole:  # what is broken may be anywhere
        return False
    same = (before.topology, before.impairments, before.stale) == (wanted.topology, wanted.impairments, wanted.stale)
    reached = extent(before.cluster, before.addresses, wanted.cluster, wanted.addresses) if same else None
    if reached is None or len(reached.pods) > FEW:
        return False
    old, new = (
        {
            pod.place: (pod.node, one.addresses.pods.get(pod.place))
            for pod in one.cluster.pods
            if pod.place in reached.pods
        }
        for one in (before, wanted)
    )
    return all(new.get(place) == where for place, where in old.items())


class Following:
    """One change of the cluster, in two strides: what carries packets, then what answers names."""

    def __init__(self, proxies: NodeProxies, before: Design, wanted: Design) -> None:
        self._proxies = proxies
        self._before = before
        self._wanted = wanted

    def strides(self) -> Iterator[tuple[Plan, Network]]:
        """Steps, and the part of the network that they lead to. Each is worked out when the one before is done."""
        before, wanted = self._before, self._wanted
        reached = None
        is_whole = before.is_whole and wanted.is_whole
        if is_whole and before.topology is wanted.topology and before.impairments == wanted.impairments:
            reached = extent(before.cluster, before.addresses, wanted.cluster, wanted.addresses)
        if reached is None:
            self._proxies.forget()
            yield plan(wanted.held, before.held), wanted.held
            return
        after = part(wanted.topology, wanted.cluster, wanted.addresses, reached, wanted.stale)
        around = part(before.topology, before.cluster, before.addresses, reached, before.stale), after
        yield self._proxies.steps(before, wanted, around), after
        known = _names(before)  # first: it was made for the change before this one, and is still at hand
        names = _names(wanted)
        yield plan(names, known), names


def _names(design: Design) -> Network:
    return dns_part(design.topology, design.cluster, design.addresses, design.given)


def _joined(steps: Plan, changes: Iterable[tuple[str, tuple[ChangedChain, ...]]]) -> Plan:
    """The steps with kube-proxy's chains in the same load as the node's others, before programs are started."""
    by_node = {node: tuple(map(_chain_change, changed)) for node, changed in changes if changed}
    made = []
    for step in steps.steps:
        if isinstance(step, RuleStep) and step.place in by_node:
            step = RuleStep(step.place, (*step.changes, *by_node.pop(step.place)))  # noqa: PLW2901  the same step, longer
        made.append(step)
    return Plan((*made, *(RuleStep(node, changed) for node, changed in by_node.items())))


def _chain_change(changed: ChangedChain) -> ChainChange:
    chain = changed.after or changed.before
    assert chain is not None
    if changed.after is None:
        return ChainChange("remove", chain)
    return ChainChange("change" if changed.before else "add", chain, changed.before)
