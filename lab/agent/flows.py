"""UDP flows that a change of the cluster leaves leading to the wrong endpoint: the kernel is made to forget them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.network.kubeproxy.flows import changed_flows

if TYPE_CHECKING:
    from lab.agent.reading import Design
    from lab.kernel.connections import Event
    from lab.kernel.holdings import Holdings


def forget_flows(holdings: Holdings, before: Design, wanted: Design) -> None:
    """UDP flows to endpoints that are no longer chosen, on every node."""
    chosen = changed_flows(before.cluster, before.addresses, wanted.cluster, wanted.addresses)
    if not chosen:
        return
    # Few changes come so far: what follows is imported for them alone.
    from lab.kernel.conntrack import forget  # noqa: PLC0415

    nodes = {*wanted.addresses.nodes.values(), *wanted.addresses.tunnels.values()}

    def stale(entry: Event) -> bool:
        asked, answering = entry.original, entry.reply
        end = ("" if asked.destination in nodes else asked.destination, asked.dport)
        allowed = chosen.get(end)
        return (
            asked.protocol == "udp" and allowed is not None and f"{answering.source}:{answering.sport}" not in allowed
        )

    for node in wanted.cluster.nodes:
        with holdings.namespaces.entered(node):
            forget(node, stale)
