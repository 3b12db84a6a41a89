"""What the kernel should hold: one frozen dataclass per kind of object, named as iproute2 names it.

Every object says in which `place` (network namespace) it lives, has a `key` that identifies it there, and an
`intent` that says what it is for. Two objects are equal when the kernel would hold the same; the intent and
what the kernel does not tell (which veth was made first) do not count.

A place is named as people name it: `node-0`, `router`, `namespace001/pod-0`.
"""

from __future__ import annotations

from lab.network.objects.devices import Interface, Ipip, Key, Namespace, Offload, Sysctl, Vxlan
from lab.network.objects.ipvs import RealServer, VirtualServer
from lab.network.objects.network import Network, Object
from lab.network.objects.qdisc import Qdisc
from lab.network.objects.rules import Chain, IpSet, NftChain, NftElement, NftHook, NftObject, NftSet, NftTable, Rule
from lab.network.objects.served import File, Listener, Process, Reply, Symlink
from lab.network.objects.ways import Address, FdbEntry, Neighbour, NextHop, Route, RoutingRule
from lab.network.objects.wireguard import WireguardDevice, WireguardPeer

__all__ = [
    "Address",
    "Chain",
    "FdbEntry",
    "File",
    "Interface",
    "IpSet",
    "Ipip",
    "Key",
    "Listener",
    "Namespace",
    "Neighbour",
    "Network",
    "NextHop",
    "NftChain",
    "NftElement",
    "NftHook",
    "NftObject",
    "NftSet",
    "NftTable",
    "Object",
    "Offload",
    "Process",
    "Qdisc",
    "RealServer",
    "Reply",
    "Route",
    "RoutingRule",
    "Rule",
    "Symlink",
    "Sysctl",
    "VirtualServer",
    "Vxlan",
    "WireguardDevice",
    "WireguardPeer",
]
