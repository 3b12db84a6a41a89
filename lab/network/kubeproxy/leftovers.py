"""What a kube-proxy of another mode leaves on its node when nobody cleans up behind it.

kube-proxy itself removes what its other modes made when it starts. Where it cannot (its image has no modprobe, or the
mode was changed by a tool that starts none), all of that stays: to be learnt from, `up --leftovers` has it so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.network.kubeproxy.ipvs.servers import DEVICE
from lab.network.kubeproxy.nftables.fixed import TABLE
from lab.network.objects import (
    Address,
    Chain,
    Interface,
    IpSet,
    Network,
    NftChain,
    NftSet,
    NftTable,
    Object,
    RealServer,
    VirtualServer,
)

OWN = "KUBE-"
SERVICES = f"{OWN}SERVICES"
NFT = f"table ip {TABLE}"
"""By these it is told that all of a mode's was left: the chain of its Services, or its table as nft prints it."""
_JUMP = f"-j {OWN}"
_JUMPS = (_JUMP, "-j cali-")


def with_leftovers(wanted: Network, before: Network) -> Network:
    """The wanted network with what kube-proxy had made in the one before it and does not make now."""
    old = {item.key: item for item in before if item.place in wanted.places}
    kept = tuple(_with_jumps(item, old.pop(item.key, None)) for item in wanted)
    return Network((*kept, *(left for item in old.values() for left in _left(item))))


def _left(item: Object) -> Iterator[Object]:
    match item:
        case Chain() if item.policy:
            jumps = tuple(rule for rule in item.rules if _JUMP in rule.text)
            if jumps:
                yield replace(item, rules=jumps)
        case Chain() | IpSet() if item.name.startswith(OWN):
            yield item
        case VirtualServer() | RealServer():
            yield item
        case Interface(name=name) if name == DEVICE:
            yield item
        case Address(device=device) if device == DEVICE:
            yield item
        case NftTable(name=name) if name == TABLE:
            yield item
        case NftSet(table=table) | NftChain(table=table) if table == TABLE:
            yield item


def _with_jumps(item: Object, before: Object | None) -> Object:
    """A built-in chain keeps the jumps that it had, below those that the components make now."""
    if not isinstance(item, Chain) or not item.policy or not isinstance(before, Chain):
        return item
    made = {rule.text for rule in item.rules}
    jumps = tuple(rule for rule in before.rules if _JUMP in rule.text and rule.text not in made)
    if not jumps:
        return item
    places = [number for number, rule in enumerate(item.rules, 1) if any(word in rule.text for word in _JUMPS)]
    at = max(places, default=0)
    return replace(item, rules=(*item.rules[:at], *jumps, *item.rules[at:]))
