"""`calicoctl ipam show`: how much of the pools and blocks is given away, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lab.calicoctl import tables
from lab.calicoctl.answers import Answer
from lab.calicoctl.options import Given, Options
from lab.calicoctl.seen import Block, Pool, Seen
from lab.network.ipv4 import Prefix

OPTIONS = Options(
    {"ip": "", "config": "c"},
    {"show-blocks": "", "show-borrowed": "", "show-configuration": "", "allow-version-mismatch": "", "help": "h"},
)
ALTERNATIVES = ("ip", "show-blocks", "show-borrowed", "show-configuration")
_HEADINGS = ("GROUPING", "CIDR", "IPS TOTAL", "IPS IN USE", "IPS FREE")


def show(given: Given, seen: Seen) -> Answer:
    """What was asked for of it."""
    if given.has("ip"):
        return _address(given.value("ip"), seen)
    if given.has("show-borrowed"):
        headings = ("IP", "BORROWING-NODE", "BLOCK", "BLOCK OWNER", "TYPE", "ALLOCATED-TO")
        return Answer(tables.box(headings, list(_borrowed(seen))))
    if given.has("show-configuration"):
        return Answer(tables.box(("PROPERTY", "VALUE"), _CONFIGURATION))
    return Answer(tables.box(_HEADINGS, list(_rows(seen, blocks=given.has("show-blocks")))))


# How the lab gives out addresses: a node has none of another's block, and takes as many blocks as its pods need.
_CONFIGURATION = (
    ("StrictAffinity", "true"),
    ("AutoAllocateBlocks", "true"),
    ("MaxBlocksPerHost", "0"),
    ("KubeVirtVMAddressPersistence", "(*ipam.VMAddressPersistence)(nil)"),
)


def _rows(seen: Seen, *, blocks: bool) -> Iterator[tuple[str, ...]]:
    for pool in seen.pools:
        own = [block for block in seen.blocks if _is_of(block, pool)]
        used = {block.cidr: len(seen.within(block)) for block in own}
        yield _row("IP Pool", pool.cidr, sum(used.values()), Prefix.of(pool.cidr).size)
        for block in own if blocks else ():
            yield _row("Block", block.cidr, used[block.cidr], block.size)


def _is_of(block: Block, pool: Pool) -> bool:
    return Prefix.of(block.cidr).network in Prefix.of(pool.cidr)


def _row(kind: str, cidr: str, used: int, capacity: int) -> tuple[str, ...]:
    def part(number: int) -> str:
        return f"{number:.5g} ({100 * number / capacity:.0f}%)"

    return kind, cidr, f"{capacity:.5g}", part(used), part(capacity - used)


def _borrowed(seen: Seen) -> Iterator[tuple[str, ...]]:
    for block in seen.blocks:
        for one in seen.within(block):
            if one.node != block.node:
                told = dict(one.attributes)
                whose = ("pod", f"{told['namespace']}/{told['pod']}") if "pod" in told else (told.get("type", ""), "")
                yield one.address, one.node, block.cidr, block.node, *whose


def _address(typed: str, seen: Seen) -> Answer:
    try:
        address = str(ip_address(typed))
    except ValueError:
        return Answer(f"Error executing command: invalid IP address specified: {typed}\n", "", 1)
    one = next((one for one in seen.allocations if one.address == address), None)
    if one is None:
        return Answer(f"{address} is not assigned\n")
    lines = [f"IP {address} is in use", f"Handle ID: {one.handle or '<none>'}", "Active Owner Attributes:"]
    lines += [f"  {name}: {value}" for name, value in one.attributes]
    return Answer("".join(f"{line}\n" for line in lines))
