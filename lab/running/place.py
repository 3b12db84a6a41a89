"""A place of a running lab, in the words of the tools that people know: pyroute2's and scapy's."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import LabError
from lab.kernel.netlink.transport import NETLINK_ROUTE
from lab.map.labmap import LabMap
from lab.running.sockets import lent

if TYPE_CHECKING:
    from pyroute2 import IPRoute

    from lab.running.scapy_verbs import Packets
    from lab.trace.explain.queries.inquiry import Inquiry


@dataclass(frozen=True, slots=True)
class RunningPlace:
    """A pod, node, router, the gateway or the internet: a network namespace. `name` is its whole one."""

    lab: str
    name: str

    @classmethod
    def called(cls, lab: str, name: str) -> RunningPlace:
        """The place that is meant. UsageError if there is none, LabError without the lab, or where it is not here."""
        if folder.is_in_machine(lab):
            told = f"lab {lab!r} is in a virtual machine, and its namespaces are not this machine's"
            raise LabError(told, "a lab without --vm has them")
        with calls.connect(lab) as connected:
            return cls(lab, LabMap.from_json(connected.request("read", what="map")).find(name).name)

    def iproute(self, **options: Any) -> IPRoute:  # noqa: ANN401  pyroute2's own
        """pyroute2's IPRoute in this place, to read, change and watch what is there; close it, or use it with `with`.

        For one thread. Options are IPRoute's. What is changed is a person's change, as by `exec PLACE -- ip …`.
        """
        from pyroute2 import IPRoute  # noqa: PLC0415  0.1 s that no other test pays

        with calls.connect(self.lab) as connected:
            _, (netlink,) = lent(connected.sandbox, self.name, _netlink)
        try:
            made = IPRoute(fileno=netlink.fileno(), **options)
        except BaseException:  # an option that there is not: nobody else would close it
            netlink.close()
            raise
        netlink.detach()
        return made

    @property
    def scapy(self) -> Packets:
        """What sends, answers and sniffs scapy's packets here. MachineError where scapy is not installed."""
        from lab.trace.ask.crafted.extra import require_scapy  # noqa: PLC0415

        require_scapy()
        from lab.running.scapy_verbs import Packets  # noqa: PLC0415

        return Packets(self.lab, self.name)


def _netlink(_: Inquiry) -> tuple[None, tuple[socket.socket]]:
    return None, (socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_ROUTE),)
