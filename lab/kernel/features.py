"""What a design needs of the machine beyond what every lab needs, tried before anything is built."""

from __future__ import annotations

from lab.errors import MachineError
from lab.kernel import coredns, modules, nft, trial
from lab.kernel.holdings import Holdings
from lab.kernel.netlink import RequestError, RouteSocket
from lab.kernel.rtnetlink import interface, qdisc
from lab.network.objects import Interface, Ipip, Network, NftTable, Process, Qdisc
from lab.network.place import UNDERLAY
from lab.network.qdisc import NETEM

_PROBE = Interface(place=UNDERLAY, name="probe", kind="ipip", mac="", mtu=1480, ipip=Ipip())


INSTEAD = "`up --vm` has a kernel of its own that has it; loss and rate work without"


def has_netem(holdings: Holdings) -> bool:
    """Whether the kernel has what holds, doubles and spoils packets."""
    with holdings.namespaces.entered(UNDERLAY):
        return qdisc.has_netem()


def _require_netem(holdings: Holdings, network: Network) -> None:
    needing = next((item for item in network if isinstance(item, Qdisc) and item.kind == NETEM), None)
    if needing is not None and not has_netem(holdings):
        told = f"this kernel has no netem, which the {needing.intent} asks for: {needing.words.partition(' ')[2]}"
        raise MachineError(told, INSTEAD)


def require(holdings: Holdings, network: Network) -> None:
    """MachineError when a program is missing that the network runs, or the kernel cannot make a kind of link, or hold
    a rule, that it has: what needs it, what to do.
    """
    if any(isinstance(item, Process) and item.name == "coredns" for item in network):
        coredns.require()
    trial.require(holdings, network)
    _require_netem(holdings, network)
    if any(isinstance(item, NftTable) for item in network):
        nft.require(holdings.namespaces, UNDERLAY)
    needing = next((item for item in network if isinstance(item, Interface) and item.ipip), None)
    if needing is None:
        return
    if unloaded := modules.unloaded(("ipip",)):
        told = "IPIP, which cni.encapsulation asks for, is a module of this kernel that is not loaded"
        raise MachineError(told, f"{modules.how_to_load(unloaded)}; or `up --vm`; or VXLANCrossSubnet")
    try:
        with holdings.namespaces.entered(UNDERLAY), RouteSocket() as netlink:
            index = max(interface.read(netlink, UNDERLAY).indexes.values()) + 1
            netlink.execute([interface.add(_PROBE, index, {}, None), interface.remove(index)])
    except RequestError as error:
        told = f"this kernel has no IPIP ({error.strerror}), which cni.encapsulation asks for"
        raise MachineError(
            told, "choose VXLAN or VXLANCrossSubnet, or `up --vm`, which has a kernel of its own"
        ) from error
