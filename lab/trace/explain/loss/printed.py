"""A network object in one line, as its own tool prints it: what a loss names as its object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    File,
    Interface,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    NftChain,
    NftSet,
    NftTable,
    Object,
    Offload,
    Process,
    Qdisc,
    RealServer,
    Route,
    RoutingRule,
    Symlink,
    Sysctl,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.plan.commands import sysctl_name
from lab.trace.explain.queries.route import as_printed


def printed(item: Object) -> str:
    """`10.0.1.10/24 dev eth0`, `net.ipv4.ip_forward = 0`, `set cali40masq-ipam-pools`, …"""
    return _PRINTERS[type(item)](item)


def _interface(item: Interface) -> str:
    master = f" master {item.master}" if item.master else ""
    hairpin = " hairpin on" if item.hairpin else ""
    return f"{item.name} mtu {item.mtu}{master} state {'UP' if item.up else 'DOWN'} link/ether {item.mac}{hairpin}"


def _virtual(item: RealServer) -> str:
    return f"{item.protocol.upper()} {item.address}:{item.port}"


_PRINTERS: dict[type, Callable[[Any], str]] = {
    Namespace: lambda item: item.place,
    Interface: _interface,
    Offload: lambda item: f"{item.device} tso off gso off gro off",
    Qdisc: lambda item: f"qdisc {item.words} dev {item.device} root",
    Sysctl: lambda item: f"{sysctl_name(item.name)} = {item.value}",
    Address: lambda item: f"{item.address} dev {item.device}",
    Route: as_printed,
    RoutingRule: lambda item: f"{item.priority}: {item.selector}",
    Neighbour: lambda item: f"{item.address} dev {item.device} lladdr {item.mac} PERMANENT",
    FdbEntry: lambda item: f"{item.mac} dev {item.device} dst {item.remote} self permanent",
    WireguardDevice: lambda item: f"{item.device} listen-port {item.port} fwmark {item.mark:#x}",
    WireguardPeer: lambda item: f"{item.device} peer {item.public_key} endpoint {item.endpoint}",
    IpSet: lambda item: f"set {item.name}",
    VirtualServer: lambda item: f"virtual server {item.title} {item.scheduler}",
    RealServer: lambda item: f"real server {item.endpoint} weight {item.weight} of {_virtual(item)}",
    Chain: lambda item: f"chain {item.name} of {item.table}",
    NftTable: lambda item: f"table ip {item.name}",
    NftSet: lambda item: f"{item.kind} ip {item.table} {item.name}",
    NftChain: lambda item: f"chain ip {item.table} {item.name}",
    File: lambda item: item.path,
    Symlink: lambda item: item.path,
    Listener: lambda item: f"{item.protocol} port {item.port}",
    Process: lambda item: item.name,
}
