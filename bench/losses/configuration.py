"""The labs that are broken: one topology in several make-ups of CNI and kube-proxy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bench import ROOT
from lab.agent.design.blueprint import read_design
from lab.map.labmap import LabMap
from lab.map.survey import lab_map
from lab.network.objects import Network

NODE_PORT = 30080
# The Service of two-subnet once more, for whoever asks a node.
OUTSIDE = f"""
---
apiVersion: v1
kind: Service
metadata: {{name: outside, namespace: namespace001}}
spec:
  type: NodePort
  clusterIP: 172.16.10.20
  selector: {{app: myapp}}
  ports:
    - {{name: http, port: 80, targetPort: 8080, nodePort: {NODE_PORT}}}
"""


@dataclass(frozen=True)
class Configuration:
    """A topology that comes with Hoplab, and what is set otherwise in it."""

    name: str
    topology: str
    settings: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return str(ROOT / "topologies" / f"{self.topology}.yaml")

    @cached_property
    def text(self) -> str:
        """The topology with a node port."""
        return (ROOT / "topologies" / f"{self.topology}.yaml").read_text(encoding="utf-8") + OUTSIDE

    @cached_property
    def plan(self) -> Plan:
        """What such a lab holds, worked out without one."""
        found = read_design(self.text, self.file, self.settings)
        return Plan(
            lab_map(found.topology, found.cluster, found.addresses, found.network, self.name),
            found.network,
        )


@dataclass(frozen=True)
class Plan:
    """The lab as its readers see it, and all that its kernel should hold."""

    labmap: LabMap
    network: Network


CONFIGURATIONS: tuple[Configuration, ...] = (
    Configuration("calico", "two-subnet"),
    Configuration("calico-nft", "two-subnet", ("services.proxy=nftables",)),
    Configuration("calico-vxlan", "two-subnet", ("cni.encapsulation=VXLAN",)),
    Configuration("flannel", "two-subnet-bridge"),
    Configuration("flannel-nft", "two-subnet-bridge", ("services.proxy=nftables",)),
)
