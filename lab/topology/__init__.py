"""What the person wants: the topology file, read, checked and completed. Pure: it is given text and gives back values.

Everything may import it; it imports nothing of ours but lab.errors.
"""

from __future__ import annotations

from lab.topology.firewall.iptables_rule import FirewallRule
from lab.topology.loading import LoadedFile, load_manifests, load_topology
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document

__all__ = ["Document", "FirewallRule", "LoadedFile", "Topology", "load_manifests", "load_topology"]
