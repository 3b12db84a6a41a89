"""nft tables of a place, read by nft itself: what it prints is what people know, and the design's objects have.

Only tables that are the design's own are looked at: iptables (nf_tables) keeps its own beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.errors import KernelError, MachineError
from lab.kernel.host import packages
from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, Message, NetfilterSocket
from lab.kernel.netlink.transport import text
from lab.kernel.rules.running import Running, start
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.kubeproxy.nftables.fixed import TABLE
from lab.network.objects import NftChain, NftElement, NftHook, NftObject, NftSet, NftTable, Rule
from lab.network.objects.nft_text import PRIORITIES

LOAD = "nft -f -"
TRIAL = "nft -c -f -"
FEATURES = """add table ip probe
add set ip probe ends { type ipv4_addr . ipv4_addr . inet_proto . inet_service ; }
add set ip probe seen { type ipv4_addr ; flags dynamic,timeout ; timeout 1s ; }
add map ip probe ways { type ipv4_addr . inet_proto . inet_service : verdict ; }
add chain ip probe filter { type filter hook input priority 0 ; }
add chain ip probe nat { type nat hook prerouting priority -100 ; }
add chain ip probe source { type nat hook postrouting priority 100 ; }
add chain ip probe refused
add rule ip probe refused reject
add rule ip probe filter ct state new jump refused
add rule ip probe nat ip daddr . meta l4proto . th dport vmap @ways
add rule ip probe nat fib daddr type local update @seen { ip saddr }
add rule ip probe nat numgen random mod 2 vmap { 0 : accept, 1 : drop }
add rule ip probe nat meta l4proto tcp dnat to 10.0.0.1:80
add rule ip probe nat meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 80 }
add rule ip probe source meta mark set meta mark | 0x00004000
add rule ip probe source ct status dnat ip saddr . ip daddr . meta l4proto . th dport @ends masquerade fully-random
"""
"""What kube-proxy's table needs of nft and of the kernel."""
BUSY = "Device or resource busy"
_LIST = f"nft -s list table ip {TABLE}"
_GETTABLE = SUBSYSTEM_NFTABLES << 8 | 1

_BLOCK = re.compile(r"\t(set|map|chain) (\S+) \{")
_HOOK = re.compile(r"type (\w+) hook (\w+) priority (\w+|-?\d+)(?: ([+-]) (\d+))?; policy (\w+);")
_COMMENT = re.compile(r'comment "(.*)"')
_ELEMENT = re.compile(r'(?:"[^"]*"|[^,"])+')
_PARTS = re.compile(r'(?P<key>.*?)(?: comment "(?P<comment>[^"]*)")?(?: : (?P<verdict>.*))?')
_TIMES = re.compile(r"(\d+)([dhms])")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def start_list(namespaces: Namespaces, place: str) -> Running | None:
    """Start the listing of our table; None where there is none, or nobody who could have made it."""
    with namespaces.entered(place):
        return start(place, _LIST) if _is_there() and packages.find("nft") else None


def _is_there() -> bool:
    with NetfilterSocket() as netlink:
        try:
            netlink.ask(Message(_GETTABLE, body=text(1, TABLE)))
        except OSError:
            return False
    return True


def start_load(namespaces: Namespaces, place: str, transaction: str) -> Running:
    """Start carrying out a transaction: all of it or nothing."""
    with namespaces.entered(place):
        return start(place, LOAD, transaction)


def require(namespaces: Namespaces, place: str) -> None:
    """MachineError when nft is missing, or it or the kernel lacks something that kube-proxy's table needs. Nothing is
    changed in the place.
    """
    packages.require(("nft",))
    try:
        with namespaces.entered(place):
            start(place, TRIAL, FEATURES).result()
    except KernelError as error:
        told = f"services.proxy: nftables needs more than this machine's nft and kernel have: {error.message}"
        modules = "nf_tables nft_fib_ipv4 nft_numgen nft_reject_ipv4 nft_chain_nat nft_nat nft_masq nft_ct"
        hint = f"choose `proxy: iptables`, or load it: sudo modprobe -a {modules}"
        raise MachineError(told, hint) from error


def objects(place: str, listed: str) -> list[NftObject]:
    """What `nft -s list table` tells of."""
    return list(_objects(place, iter(listed.splitlines())))


def _objects(place: str, lines: Iterator[str]) -> Iterator[NftObject]:
    table = ""
    for line in lines:
        if begins := _BLOCK.fullmatch(line):
            kind, name = begins.groups()
            inside = [inner.strip() for inner in _until_closed(lines)]
            if kind == "chain":
                yield _chain(place, table, name, inside)
            else:
                yield _set(place, table, name, inside)
        elif line.startswith("table ip "):
            table = line.split()[2]
            yield NftTable(place, table)


def _until_closed(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "\t}":
            return
        yield line


def _chain(place: str, table: str, name: str, lines: Iterable[str]) -> NftChain:
    hook, rules = None, []
    for line in lines:
        if told := _HOOK.fullmatch(line):
            hook = _hook(*told.groups())
        elif not _COMMENT.fullmatch(line):
            rules.append(Rule(line))
    return NftChain(place, table, name, tuple(rules), hook)


def _hook(kind: str, hook: str, priority: str, sign: str, away: str, policy: str) -> NftHook:
    base = PRIORITIES[priority] if priority in PRIORITIES else int(priority)
    return NftHook(kind, hook, base + int(f"{sign}{away}") if away else base, policy)


def _set(place: str, table: str, name: str, lines: list[str]) -> NftSet:
    joined = " ".join(lines)
    _, _, rest = joined.partition("elements = { ")
    kind = next((line.removeprefix("type ") for line in lines if line.startswith("type ")), "")
    limit = next((line.removeprefix("timeout ") for line in lines if line.startswith("timeout ")), "")
    elements: tuple[NftElement, ...] = ()
    if not limit and rest:
        elements = tuple(sorted(map(_element, _ELEMENT.findall(rest.removesuffix(" }"))), key=lambda one: one.key))
    return NftSet(place, table, name, kind, elements, _duration(limit))


def _element(told: str) -> NftElement:
    parts = _PARTS.fullmatch(told.strip())
    assert parts is not None  # every part of it may be missing
    return NftElement(parts["key"], parts["verdict"] or "", parts["comment"] or "")


def _duration(told: str) -> int:
    """Seconds: nft prints `1h30m`; fractions of a second are none of ours."""
    return sum(int(count) * _SECONDS[unit] for count, unit in _TIMES.findall(told))
