"""What a design needs of the machine beyond what every lab needs, tried before anything is built."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from lab.errors import MachineError
from lab.kernel.check import saved_settings
from lab.kernel.holdings import Holdings
from lab.kernel.host import coredns, modules, packages
from lab.kernel.netlink.rtnetlink import interface, qdisc
from lab.kernel.netlink.transport import RequestError, RouteSocket
from lab.kernel.rules import nft, trial
from lab.network.objects import Interface, Ipip, Network, NftTable, Process, Qdisc, VirtualServer
from lab.network.objects.qdisc import NETEM
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED

# With addresses of its own: where the module is loaded, tunl0 is the one for any to any.
_ENDS = Ipip("192.0.2.1", "192.0.2.2")
_IPIP = Interface(place=UNDERLAY, name="probe", kind="ipip", mac="", mtu=1480, ipip=_ENDS)
_WIREGUARD = Interface(place=UNDERLAY, name="probe", kind=SEALED, mac="", mtu=1420)

INSTEAD = "`up --vm` has a kernel of its own that has it; loss and rate work without"


def has_netem(holdings: Holdings) -> bool:
    """Whether the kernel has what holds, doubles and spoils packets."""
    with holdings.namespaces.entered(UNDERLAY):
        return qdisc.has_netem()


def _require_netem(holdings: Holdings, qdiscs: Iterable[Qdisc]) -> None:
    needing = next((item for item in qdiscs if item.kind == NETEM), None)
    if needing is not None and not has_netem(holdings):
        told = f"this kernel has no netem, which the {needing.intent} asks for: {needing.words.partition(' ')[2]}"
        raise MachineError(told, INSTEAD)


def require(holdings: Holdings, network: Network) -> None:
    """MachineError when a program is missing that the network runs, or the kernel cannot make a kind of link, or hold
    a rule, that it has: what needs it, what to do.
    """
    processes, qdiscs, others, kinds = [], [], set(), set()
    for item in network:
        if isinstance(item, Process):
            processes.append(item)
        elif isinstance(item, Qdisc):
            qdiscs.append(item)
        elif isinstance(item, Interface):
            kinds.add(item.kind)
        else:
            others.add(type(item))
    if any(item.name == "coredns" for item in processes):
        coredns.require()
    trial.require(holdings, network)
    saved_settings.require(holdings, network)
    _require_netem(holdings, qdiscs)
    if NftTable in others:
        nft.require(holdings.namespaces, UNDERLAY)
    if VirtualServer in others:
        _require_ipvs(holdings)
    if "ipip" in kinds:
        _require_ipip(holdings)
    if SEALED in kinds:
        _require_wireguard(holdings)


def _require_ipip(holdings: Holdings) -> None:
    if unloaded := modules.unloaded(("ipip",)):
        told = "IPIP, which cni.encapsulation asks for, is a module of this kernel that is not loaded"
        raise MachineError(told, f"{modules.how_to_load(unloaded)}; or `up --vm`; or VXLANCrossSubnet")
    try:
        _make(holdings, _IPIP)
    except RequestError as error:
        told = f"this kernel has no IPIP ({error.strerror}), which cni.encapsulation asks for"
        raise MachineError(
            told, "choose VXLAN or VXLANCrossSubnet, or `up --vm`, which has a kernel of its own"
        ) from error


def _require_wireguard(holdings: Holdings) -> None:
    try:
        _make(holdings, _WIREGUARD)
    except RequestError as error:
        told = f"this kernel has no WireGuard ({error.strerror}), which cni.wireguardEnabled asks for"
        raise MachineError(told, "leave it out, or `up --vm`, which has a kernel of its own that has it") from error


def _make(holdings: Holdings, probe: Interface) -> None:
    """Make the device, and take it away again. RequestError where the kernel cannot."""
    with holdings.namespaces.entered(UNDERLAY), RouteSocket() as netlink:
        index = max(interface.read(netlink, UNDERLAY).indexes.values()) + 1
        netlink.execute([interface.add(probe, index, {}, None), interface.remove(index)])


def _require_ipvs(holdings: Holdings) -> None:
    """MachineError when the kernel has no IPVS, or will not be asked by this lab, which is not --privileged."""
    instead = "choose `proxy: nftables` or `iptables`, or `up --vm`, which has a kernel of its own"
    if unloaded := modules.unloaded(("ip_vs", "dummy")):
        lacking = " and ".join(unloaded)
        told = f"services.proxy: ipvs needs {lacking}, which this kernel has as modules that are not loaded"
        raise MachineError(told, f"{modules.how_to_load(unloaded)}, then up --privileged; or {instead}")
    from lab.kernel.netlink.ipvs import IpvsSocket  # noqa: PLC0415  pyroute2 for this mode alone

    try:
        with holdings.namespaces.entered(UNDERLAY), IpvsSocket() as kernel:
            kernel.try_out()
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            told = "services.proxy: ipvs needs IPVS, which the kernel lets only root of the machine itself program"
            raise MachineError(told, f"as root: up --privileged; or {instead}") from error
        told = "services.proxy: ipvs needs IPVS (the module ip_vs), which this kernel has not"
        raise MachineError(told, f"{instead}; where the kernel has it: as root, up --privileged") from error
    packages.require(("ipset",))
