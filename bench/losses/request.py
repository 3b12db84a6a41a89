"""What is asked of a lab: by which pod, of whom, how."""

from __future__ import annotations

from dataclasses import dataclass

from bench.losses.configuration import NODE_PORT
from lab.map.labmap import LabMap

NAMESPACE = "namespace001"
SERVICE, SERVICE_ADDRESS, SERVICE_PORT = "myapp.namespace001", "172.16.10.10", 80
POD_PORT = 8080
PODS = tuple(f"{NAMESPACE}/pod-{number}" for number in range(4))
BACKENDS = ("pod-2", "pod-3")
LARGE = 1400  # bytes of a datagram that fits into a pod's MTU in any of the configurations, and into nothing smaller


@dataclass(frozen=True, slots=True)
class Request:
    """`host` and `port` as a client's program is given them; `via` is the pod that a Service shall choose.

    `address` is where it goes, and `endpoint` where it ends: another one behind a Service.
    """

    source: str
    host: str
    port: int
    address: str
    endpoint: str
    protocol: str = "tcp"
    via: str = ""
    size: int = 0

    @property
    def is_named(self) -> bool:
        """Whether DNS is asked first."""
        return not self.host.replace(".", "").isdecimal()

    @property
    def to(self) -> str:
        """As `trace --to` takes it."""
        return self.host if self.protocol == "icmp" else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        more = (
            f"--protocol {self.protocol}" if self.protocol != "tcp" else "",
            f"--via {self.via}" if self.via else "",
        )
        size = f"--size {self.size}" if self.size else ""
        return " ".join(filter(None, (f"--from {self.source} --to {self.to}", *more, size)))


def requests(labmap: LabMap) -> tuple[Request, ...]:
    """Everything that is asked: same node, same subnet, other subnet, Services, node ports, the outside, names."""
    address = {name: labmap.by_name[name].address for name in PODS}
    found: list[Request] = []
    for source in PODS:
        for target in PODS:
            if source == target:
                continue
            there = address[target]
            found.append(Request(source, there, POD_PORT, there, there))
            found.append(Request(source, there, POD_PORT, there, there, "udp"))
            found.append(Request(source, there, POD_PORT, there, there, "udp", size=LARGE))
            found.append(Request(source, there, 0, there, there, "icmp"))
        for via in BACKENDS:
            chosen = address[f"{NAMESPACE}/{via}"]
            if f"{NAMESPACE}/{via}" == source:
                continue
            found.append(Request(source, SERVICE_ADDRESS, SERVICE_PORT, SERVICE_ADDRESS, chosen, via=via))
            found.append(Request(source, SERVICE, SERVICE_PORT, SERVICE_ADDRESS, chosen, via=via))
            for node in labmap.of_kind("node"):
                found.append(Request(source, node.address, NODE_PORT, node.address, chosen, via=via))
        for name in labmap.internet:
            found.append(Request(source, name.address, 80, name.address, name.address))
            found.append(Request(source, name.name, 80, name.address, name.address))
    return tuple(found)
