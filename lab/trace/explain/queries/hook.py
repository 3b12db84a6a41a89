"""Chains at hooks that iptables does not show: netdev's ingress and egress, inet's ingress, bridge and arp; and those
that a packet meets before netfilter is told to report of it.

netlink says quickly whether there are any; only then nft lists their tables, for what it prints is what people know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, UNSPECIFIED, Answer, Message, NetfilterSocket
from lab.kernel.netlink.transport import attributes
from lab.kernel.rules.running import start

NETDEV, BRIDGE, ARP, INET, IP = "netdev", "bridge", "arp", "inet", "ip"
EARLY = {0: "prerouting", 3: "output"}
"""Hooks at which a packet comes into a place's rules, by NF_INET_* number."""
REPORTED_FROM = -399
"""The priority of the rule that has netfilter report; what is asked before that shows in no report."""
_FAMILIES = {1: INET, 2: IP, 3: ARP, 5: NETDEV, 7: BRIDGE}
_HOOKS = {
    NETDEV: ("ingress", "egress"),
    BRIDGE: ("prerouting", "input", "forward", "output", "postrouting"),
    ARP: ("input", "output", "forward"),
}
_INET_INGRESS = 5
_GETCHAIN = SUBSYSTEM_NFTABLES << 8 | 4
_TABLE, _NAME, _HOOK, _POLICY = 1, 3, 4, 5  # NFTA_CHAIN_*
_NUMBER, _PRIORITY, _DEVICE, _DEVICES = 1, 2, 3, 4  # NFTA_HOOK_*
_CHAIN = re.compile(r"\tchain (\S+) \{")
_RULE = re.compile(r"\t\t(.*?) # handle (\d+)")


@dataclass(frozen=True, slots=True)
class HookRule:
    """A rule as nft prints it, its handle, and its chain."""

    text: str
    handle: int
    chain: str = ""


@dataclass(frozen=True, slots=True)
class HookChain:
    """A chain at a hook. `devices` are those that it is bound to; () where it sees all. `others` are the rules of the
    chains of its table, to which its own may jump.
    """

    family: str
    table: str
    name: str
    hook: str
    priority: int = 0
    devices: tuple[str, ...] = ()
    drops: bool = False
    rules: tuple[HookRule, ...] = ()
    others: dict[str, tuple[HookRule, ...]] = field(default_factory=dict, compare=False)


def read(place: str) -> tuple[HookChain, ...]:
    """Those of the calling thread's namespace, which is the place's, in the order in which a packet meets them."""
    with NetfilterSocket() as netlink:
        found = [one for answer in netlink.dump(Message(_GETCHAIN, family=UNSPECIFIED)) if (one := _chain(answer))]
    listing = {where: start(place, f"nft -a list table {' '.join(where)}") for where in _tables(found)}
    listed = {where: _rules(running.result()) for where, running in listing.items()}
    whole = (
        HookChain(
            one.family,
            one.table,
            one.name,
            one.hook,
            one.priority,
            one.devices,
            one.drops,
            listed[one.family, one.table].get(one.name, ()),
            listed[one.family, one.table],
        )
        for one in found
    )
    return tuple(sorted(whole, key=lambda one: one.priority))


def _tables(found: list[HookChain]) -> dict[tuple[str, str], None]:
    return dict.fromkeys((one.family, one.table) for one in found)


def _chain(answer: Answer) -> HookChain | None:
    """A base chain of a family or hook that is looked for; None for all others."""
    family = _FAMILIES.get(answer.family, "")
    told = attributes(answer.body)
    if not family or _HOOK not in told:
        return None
    hook = attributes(told[_HOOK])
    position = int.from_bytes(hook[_NUMBER], "big")
    priority = int.from_bytes(hook[_PRIORITY], "big", signed=True)
    if family in _HOOKS:
        name = _HOOKS[family][position]
    elif (family, position) == (INET, _INET_INGRESS):
        name = "ingress"
    elif position in EARLY and priority < REPORTED_FROM:
        name = EARLY[position]
    else:
        return None
    return HookChain(
        family,
        _string(told[_TABLE]),
        _string(told[_NAME]),
        name,
        priority,
        tuple(_devices(hook)),
        int.from_bytes(told.get(_POLICY, b"\1"), "big") == 0,
    )


def _devices(hook: dict[int, memoryview]) -> Iterator[str]:
    if _DEVICES in hook:
        # All of one kind: attributes() keeps the last of them only.
        data, offset = hook[_DEVICES], 0
        while offset + 4 <= len(data):
            size = int.from_bytes(data[offset : offset + 2], "little")
            yield _string(data[offset + 4 : offset + size])
            offset += (size + 3) & ~3
    elif _DEVICE in hook:
        yield _string(hook[_DEVICE])


def _rules(listed: str) -> dict[str, tuple[HookRule, ...]]:
    """By chain."""
    found: dict[str, list[HookRule]] = {}
    chain = ""
    for line in listed.splitlines():
        if begins := _CHAIN.match(line):
            chain = begins[1]
            found[chain] = []
        elif chain and (rule := _RULE.fullmatch(line)):
            found[chain].append(HookRule(rule[1], int(rule[2]), chain))
    return {name: tuple(several) for name, several in found.items()}


def _string(data: memoryview) -> str:
    return bytes(data).rstrip(b"\0").decode(errors="replace")
