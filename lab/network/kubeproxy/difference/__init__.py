"""What differs between the rules that kube-proxy would make and those of a real node, in words.

`saved` reads the node's, `ownership` says whose a chain is, `comparison` finds what is missing, stale or foreign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.network.kubeproxy.difference.comparison import Comparison
from lab.network.kubeproxy.difference.finding import Compared, gathered, older
from lab.network.kubeproxy.difference.forms import form_of, saved_in, wanted_in
from lab.network.kubeproxy.difference.nft import nft_differences
from lab.network.kubeproxy.difference.saved import read_saved

if TYPE_CHECKING:
    from lab.network.kubeproxy.service_ports import ProxiedPort
    from lab.network.objects import Chain

__all__ = ["Compared", "iptables_differences", "nft_differences"]


def iptables_differences(chains: Sequence[Chain], ports: Sequence[ProxiedPort], saved: str, file: str) -> Compared:
    """What differs; `saved` is what `iptables-save` printed. Raises FileError for what it would not."""
    there = read_saved(saved, file)
    form = form_of(there)
    if form is None:
        return Compared(gathered(Comparison(chains, ports, there).findings()))
    found = Comparison(wanted_in(form, chains), ports, saved_in(form, there)).findings()
    return Compared(gathered(found), (older(form.version, form.compared),))
