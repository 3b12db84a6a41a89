"""Settings of the topology's author, tried in a namespace that nobody else sees before anything is built."""

from __future__ import annotations

from lab.errors import MachineError
from lab.kernel import sysctl
from lab.kernel.holdings import Holdings
from lab.network.objects import Network, Sysctl
from lab.network.underlay.saved_machine import held_by

MOST_TOLD = 8


def require(holdings: Holdings, network: Network) -> None:
    """MachineError where the kernel has no such setting, or takes no such value: which, by file and line.

    Those of an interface go with its link, which is not there yet: their numbers are the same in all kernels.
    """
    items = [item for item in network if isinstance(item, Sysctl) and held_by(item.intent)]
    tried = [item for item in items if not sysctl.link_of(item.name)]
    if not tried:
        return
    refused = []
    with holdings.namespaces.scratch():
        for item in tried:
            try:
                sysctl.write(item)
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                refused.append(f"  {held_by(item.intent)}: {item.name} = {item.value}: {said}")
    if refused:
        more = [f"  and {len(refused) - MOST_TOLD} more"] if len(refused) > MOST_TOLD else []
        raise MachineError(
            "\n".join(("this kernel does not take these settings of machines:", *refused[:MOST_TOLD], *more)),
            "take them out of sysctlFile; or `up --vm`, which has a kernel of its own",
        )
