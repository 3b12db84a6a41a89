"""The commands that bring an object to what the design has, as they are run inside the place: `./inv exec PLACE -- …`.

They come from the plan's own printer, so that they are the lines that `up` itself stands for.
"""

from __future__ import annotations

from dataclasses import replace

from lab.network.ipv4 import Prefix
from lab.network.objects import (
    Address,
    FdbEntry,
    Interface,
    Neighbour,
    Network,
    Object,
    Route,
    Sysctl,
    WireguardDevice,
    WireguardPeer,
)
from lab.network.place_names import UNDERLAY
from lab.plan import quoting
from lab.plan.commands import commands
from lab.plan.drift import changed
from lab.plan.steps import Action, Step
from lab.trace.journey import Decision

Command = tuple[str, ...]
LOOPBACK = "127.0.0.1/8"
_BOUND = (Address, Route, Neighbour, FdbEntry, WireguardDevice, WireguardPeer)


def mended(action: Action, item: Object) -> Command:
    """The lines that add, change or remove one object, from inside its place."""
    # The sandbox's own namespace is the one for which the printer names no other.
    return tuple(commands(Step(action, replace(item, place=UNDERLAY))).splitlines())


def route(held: Route | None, desired: Route | None, present: Network) -> Command:
    """From the route that an address matches to the one that it should match; `present` is all that the place holds."""
    if (
        held is not None
        and desired is not None
        and desired.proto == "kernel"
        and held.destination == desired.destination
    ):
        return connected(desired, present)  # it stands where the kernel's own was
    lines: Command = ()
    stays = held is not None and desired is not None and held.key == desired.key  # what is wrong of it is replaced
    if held is not None and not stays and held.proto != "kernel":
        lines = mended("remove", held)
    if desired is not None and desired.proto != "kernel" and present.by_key.get(desired.key) != desired:
        lines += mended("change", desired)
    return lines


def connected(wanted: Route, present: Network) -> Command:
    """The route that the kernel makes by itself of an address, which has to be there, in place of any other."""
    for one in present:
        if (
            isinstance(one, Address)
            and one.device == wanted.device
            and str(Prefix.of(one.address)) == wanted.destination
        ):
            source = one.address.partition("/")[0]
            return (f"ip route replace {wanted.destination} dev {wanted.device} proto kernel scope link src {source}",)
    return ()


def unheld(address: Address, held: Network, desired: Network) -> Command:
    """An address off its device. With its last address a device loses its routes, also those that stay right.

    No command of one that belongs there: the design's, or the kernel's own of the loopback.
    """
    if address.key in desired.by_key or address.address == LOOPBACK:
        return ()
    lines = mended("remove", address)
    others = (one for one in held if isinstance(one, Address) and one.device == address.device)
    if any(one.address != address.address for one in others):
        return lines
    kept = (one for one in desired if isinstance(one, Route) and one.device == address.device)
    return (*lines, *(line for one in kept for line in mended("change", one)))


def device(name: str, held: Network, desired: Network) -> Command:
    """A device with all that hangs on it: made anew if need be, else changed; then what fell with it."""
    before = next((item for item in held if isinstance(item, Interface) and item.name == name), None)
    after = next((item for item in desired if isinstance(item, Interface) and item.name == name), None)
    if after is None:
        return ()
    lines: Command = ()
    remade = before is None or (before.vxlan, before.ipip) != (after.vxlan, after.ipip)
    if before is not None and remade:
        lines += mended("remove", before)
    if remade:
        lines += mended("add", after)
    elif before is not None:
        lines += changed(before, after)
    present = {} if remade else held.by_key
    for item in sorted((one for one in desired if hangs_on(one, name)), key=lambda one: one.rank):
        if present.get(item.key) != item or (before is not None and not before.up and isinstance(item, Route)):
            lines += mended("add" if isinstance(item, Address) else "change", item)
    return lines


def unfragmented(after: Interface) -> Command:
    """A VXLAN's DF bit back to the design's; all else of the link stays."""
    return (f"ip link set dev {after.name} type vxlan df {after.vxlan.df}",) if after.vxlan else ()


def without(decision: Decision) -> Command:
    """The line that takes a rule out, by its text or, of nft's, by its handle; none where neither is known."""
    head = f"-A {decision.chain} "
    if decision.text.startswith(head):
        return (removed(decision.table, decision.chain, decision.text[len(head) :]),)
    if decision.handle:
        return (f"nft delete rule {decision.table} {decision.chain} handle {decision.handle}",)
    return ()


def removed(table: str, chain: str, text: str) -> str:
    """A rule out of its chain; `text` is what follows `-A CHAIN`."""
    return quoting.saved(f"{_iptables(table)} -D {chain} {text}")


def let_through(table: str, chain: str, words: str) -> str:
    """Packets that these words match are accepted before any other rule of the chain is asked."""
    return f"{_iptables(table)} -I {chain} {words} -j ACCEPT"


def policy(table: str, chain: str, wanted: str = "ACCEPT") -> str:
    return f"{_iptables(table)} -P {chain} {wanted}"


def _iptables(table: str) -> str:
    """The program and the table; a decision's table says `legacy filter` for iptables-legacy."""
    flavour, _, name = table.rpartition(" ")
    program = f"iptables-{flavour}" if flavour else "iptables"
    return program if name in ("", "filter") else f"{program} -t {name}"


def hangs_on(item: Object, name: str) -> bool:
    """Whether an object goes with the device of that name."""
    if isinstance(item, Sysctl):
        return f".{name}." in item.name
    return isinstance(item, _BOUND) and item.device == name
