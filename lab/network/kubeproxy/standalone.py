"""kube-proxy's rules on one node of a cluster of which there are only objects: no pods, no lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from lab.cluster.recorded.dump import read_dump
from lab.cluster.recorded.written import Written, written_cluster
from lab.errors import UsageError
from lab.network.kubeproxy.iptables.restore import built_in_chains, restore_text
from lab.network.kubeproxy.iptables.ruleset import chains, jumps
from lab.network.kubeproxy.ipvs.servers import ipvs, ipvs_text
from lab.network.kubeproxy.nftables.explained import nft_listing
from lab.network.kubeproxy.nftables.ruleset import tables
from lab.network.kubeproxy.options import LOOPBACK, ProxyOptions
from lab.network.kubeproxy.release import spoken_for
from lab.network.kubeproxy.service_ports import proxied_ports
from lab.topology.schema import SCHEDULERS

if TYPE_CHECKING:
    from lab.network.kubeproxy.difference import Compared
    from lab.network.kubeproxy.service_ports import ProxiedPort
    from lab.network.objects import Chain, NftObject

MODES = ("iptables", "nftables", "ipvs")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class BareAddresses:
    """Addresses by node, each one's own and the others that it has; all endpoints are bare addresses."""

    nodes: Mapping[str, str]
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node], *self.further.get(node, ()))

    def pod(self, place: str) -> str:
        """No pod is known. Raises KeyError."""
        raise KeyError(place)


@dataclass(frozen=True, slots=True)
class Options:
    """kube-proxy's mode and options as people type them, and the node's addresses, its own one first."""

    proxy: str = "iptables"
    cluster_cidr: str = ""
    masquerade_all: bool = False
    nodeport_addresses: str = ""
    localhost_nodeports: str = "true"
    node_ip: str = ""
    scheduler: str = "rr"

    @property
    def node_ips(self) -> tuple[str, ...]:
        """The node's addresses, if they were given."""
        return tuple(part.strip() for part in self.node_ip.split(",")) if self.node_ip else ()

    def checked(self) -> Options:
        """The same. UsageError where one of them cannot be."""
        if self.proxy not in MODES:
            raise UsageError(f"kube-proxy has no mode {self.proxy!r}", f"it is one of {', '.join(MODES)}")
        if self.localhost_nodeports not in _FLAGS:
            told = f"--iptables-localhost-nodeports is {self.localhost_nodeports!r}"
            raise UsageError(told, "it is true or false")
        for address in self.node_ips:
            if not _is_address(address):
                raise UsageError(f"--node-ip {address!r} is not an IPv4 address", "such as 10.0.1.10")
        if self.scheduler not in SCHEDULERS:
            raise UsageError(f"IPVS has no scheduler {self.scheduler!r}", f"it is one of {', '.join(SCHEDULERS)}")
        return self

    def proxys(self, address: str) -> ProxyOptions:
        """What kube-proxy makes of them on the node that has `address`. UsageError for a prefix that is none."""
        own = _prefixes("--cluster-cidr", self.cluster_cidr)
        if len(own) > 1:
            raise UsageError("--cluster-cidr has several IPv4 prefixes", "kube-proxy takes one of each IP family")
        named = self.nodeport_addresses
        if named == "primary":
            named = f"{address}/32"
        return ProxyOptions(
            own[0] if own else "",
            self.masquerade_all,
            _prefixes("--nodeport-addresses", named),
            _FLAGS[self.localhost_nodeports],
            self.scheduler,
        )


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _prefixes(option: str, text: str) -> tuple[str, ...]:
    """Those of IPv4; others are for the other family's rules."""
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        try:
            if ":" in word:
                IPv6Network(word, strict=False)
            else:
                found.append(str(IPv4Network(word, strict=False)))
        except ValueError:
            raise UsageError(f"{option} {word!r} is not an IP prefix", f"such as {option} 10.244.0.0/16") from None
    return tuple(found)


@dataclass(frozen=True)
class NodeRules:
    """The rules of one node. `mode` is one of MODES."""

    mode: str
    node: str
    written: Written
    addresses: BareAddresses
    options: ProxyOptions

    @property
    def warnings(self) -> Sequence[str]:
        return self.written.warnings

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """All chains of iptables mode, the built-in ones with the jumps first."""
        made = chains(self.written.cluster, self.addresses, self.node, self.options)
        return (*built_in_chains(self.node, jumps()), *made)

    @cached_property
    def tables(self) -> tuple[NftObject, ...]:
        """All of nftables mode."""
        cidrs = self.written.service_cidrs
        return tables(self.written.cluster, self.addresses, self.node, self.options, cidrs)

    @cached_property
    def ports(self) -> tuple[ProxiedPort, ...]:
        """What is balanced."""
        return proxied_ports(self.written.cluster, self.addresses)

    @property
    def summary(self) -> str:
        """How much was looked at, in words."""
        zone = self.written.cluster.zone_of[self.node]
        endpoints = sum(len(port.near(self.node, zone)) for port in self.ports)
        return f"{len(self.ports)} Service ports with {endpoints} endpoints"

    def text(self, *, explained: bool = False) -> str:
        """What `iptables-restore --noflush`, or `nft -f`, reads; in ipvs mode a part for each tool that takes one."""
        told = f"# kube-proxy {spoken_for(self.mode)}, {self.mode} mode, on {self.node}\n" if explained else ""
        if self.mode == "ipvs":
            made = ipvs(self.written.cluster, self.addresses, self.node, self.options)
            return told + ipvs_text(self.node, made, explained=explained)
        if self.mode == "nftables":
            return told + nft_listing(self.tables, explained=explained)
        return told + restore_text(self.chains, explained=explained)

    def compared(self, saved: str, file: str) -> Compared:
        """What differs on a node that printed `saved`. Raises FileError for what no node prints."""
        from lab.network.kubeproxy.difference import iptables_differences, nft_differences  # noqa: PLC0415

        if self.mode == "ipvs":
            raise UsageError("--diff compares no rules of ipvs mode", "leave --diff out, and compare with ipvsadm -Sn")
        if self.mode == "nftables":
            return nft_differences(self.tables, self.ports, self.options, saved, file)
        return iptables_differences(self.chains, self.ports, saved, file)


def rules_of(text: str, file: str, node: str, options: Options) -> NodeRules:
    """The rules on `node` for the objects of the text. Raises FileError and UsageError."""
    written = written_cluster(read_dump(text, file), node)
    # kube-proxy, too, falls back on loopback
    address, *further = options.node_ips or written.node_addresses[:1] or (LOOPBACK,)
    addresses = BareAddresses({node: address}, {node: tuple(further)})
    return NodeRules(options.proxy, node, written, addresses, options.proxys(address))
