"""kube-proxy in iptables mode: all chains of a node, as `iptables-save` prints them once they are loaded.

Source of chains, order and comments: kube-proxy. `iptables-save` (1.8.9) moves `-s`, `-d` and `-p` to the front, writes
--or-mark and --xor-mark as --set-xmark, REJECT with its default, and a probability as the kernel keeps it (in 1/2^31).
Left out are the canary chains of a real node, by which kube-proxy and kubelet notice that somebody flushed the tables
(here whoever observes the node notices), and the nfacct matches that only count for kube-proxy's metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lab.network.kubeproxy.iptables.choice import probabilities
from lab.network.kubeproxy.iptables.fixed import jumps
from lab.network.kubeproxy.ruleset import LARGE_CLUSTER, RuleSet

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses
    from lab.network.objects import Chain

__all__ = ["LARGE_CLUSTER", "chains", "jumps", "probabilities"]


def chains(cluster: Cluster, addresses: PodAddresses, node: str, options: ProxyOptions) -> tuple[Chain, ...]:
    """All of kube-proxy's chains on `node`, the filter table's first.

    The rules are made once and shared by all nodes: asking for another node costs little.
    """
    return _rules(_Inputs(cluster, addresses, options)).chains(node)


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What the chains follow from, compared by identity: hashing a whole cluster costs as much as making its rules."""

    cluster: Cluster
    addresses: PodAddresses
    options: ProxyOptions

    def __hash__(self) -> int:
        return hash((id(self.cluster), id(self.addresses), self.options))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Inputs)
            and self.cluster is other.cluster
            and self.addresses is other.addresses
            and self.options == other.options
        )


@lru_cache(maxsize=2)
def _rules(inputs: _Inputs) -> RuleSet:
    return RuleSet(inputs.cluster, inputs.addresses, inputs.options)
