"""UDP flows that a change of the cluster leaves leading to the wrong endpoint: the kernel is made to forget them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.kubeproxy.stale_flows import Chosen, changed_flows

if TYPE_CHECKING:
    from lab.agent.design.blueprint import Design
    from lab.kernel.holdings import Holdings
    from lab.kernel.netlink.conntrack_entry import Event


def forget_flows(holdings: Holdings, before: Design, wanted: Design) -> None:
    """UDP flows to endpoints that are no longer chosen, on every node whose kube-proxy runs. One that was started again
    knows what has changed while it was stopped.
    """
    chosen = changed_flows(before.cluster, before.addresses, wanted.cluster, wanted.addresses)
    nodes = [node for node in wanted.cluster.nodes if node not in wanted.stale]
    for node in nodes:
        of_node = chosen
        if node in before.stale:
            of_node = changed_flows(*before.stale[node], wanted.cluster, wanted.addresses)
        if of_node:
            _forget(holdings, node, of_node, frozenset(_held(wanted)))


def _held(design: Design) -> Iterator[str]:
    """The nodes' own addresses: who asks for one of these asks for a node port."""
    for node in design.addresses.nodes:
        yield from design.addresses.held(node)


def _forget(holdings: Holdings, node: str, chosen: Chosen, own: frozenset[str]) -> None:
    # Few changes come so far: what follows is imported for them alone.
    from lab.kernel.rules.conntrack import forget  # noqa: PLC0415

    def stale(entry: Event) -> bool:
        asked, answering = entry.original, entry.reply
        end = ("" if asked.destination in own else asked.destination, asked.dport)
        allowed = chosen.get(end)
        return (
            asked.protocol == "udp" and allowed is not None and f"{answering.source}:{answering.sport}" not in allowed
        )

    with holdings.namespaces.entered(node):
        forget(node, stale)
