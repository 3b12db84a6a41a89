"""Something that a component made is gone, or was changed: rules of kube-proxy and the CNI, elements, sets' members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from bench.losses.breakage import Break, Kind, Named, at
from bench.losses.scene import Scene
from lab.network.objects import Chain, IpSet, NftChain, NftSet

TARGETS = re.compile(r"-j (?:DNAT|MASQUERADE|KUBE-SVC-\S+|KUBE-SEP-\S+|KUBE-SERVICES|KUBE-NODEPORTS|KUBE-EXT-\S+)")
NFT_TABLE = "ip kube-proxy"


def _places(scene: Scene) -> tuple[str, ...]:
    """The nodes and the gateway on the way."""
    found = dict.fromkeys(one.place for one in scene.passes)
    return tuple(name for name in found if scene.place(name).kind in ("node", "gateway"))


def _chains(scene: Scene) -> Iterator[Chain]:
    places = _places(scene)
    return (item for item in scene.network if isinstance(item, Chain) and item.place in places and item.rules)


def _is_about(scene: Scene, text: str) -> bool:
    """Whether a rule has to do with where the request goes, as far as its text tells."""
    request = scene.request
    service = {"172.16.10.10": "namespace001/myapp", "10.0": "namespace001/outside"}
    about = next((name for head, name in service.items() if request.address.startswith(head)), "")
    general = not re.search(r"(namespace001|kube-system|default)/", text)
    named = request.is_named and "kube-system/kube-dns:dns " in f"{text} "
    return general or (about != "" and about in text) or named or request.endpoint in text


def _rule_gone(scene: Scene, rng: Random) -> Break | None:
    """A rule that translates, or leads there."""
    found = [
        (chain, rule.text)
        for chain in _chains(scene)
        for rule in chain.rules
        if chain.table == "nat" and TARGETS.search(rule.text) and _is_about(scene, rule.text)
    ]
    if not found:
        return None
    chain, text = rng.choice(found)
    target = TARGETS.search(text)
    assert target is not None
    return _without(chain, text, (chain.name, target[0]))


def _accept_gone(scene: Scene, rng: Random) -> Break | None:
    """A rule that lets the tunnel's packets in."""
    found = [
        (chain, rule.text)
        for chain in _chains(scene)
        for rule in chain.rules
        if chain.table == "filter"
        and "-j ACCEPT" in rule.text
        and ("vxlan" in rule.text.lower() or "flannel" in rule.text)
    ]
    if not found:
        return None
    chain, text = rng.choice(found)
    words = [
        word for word in ("--match-set cali40all-vxlan-net", "-s 10.244.0.0/16", "-d 10.244.0.0/16") if word in text
    ]
    return _without(chain, text, (chain.name, *words[:1], "-j ACCEPT"))


def _without(chain: Chain, text: str, words: tuple[str, ...]) -> Break:
    command = f"iptables -t {chain.table} -D {chain.name} {text}"
    # A rule cannot be put back to its place by its text alone: `up` does that.
    return Break(at(chain.place, command), (), (Named(chain.place, words),))


def _chain_flushed(scene: Scene, rng: Random) -> Break | None:
    found = [
        chain
        for chain in _chains(scene)
        if chain.table == "nat" and any(_is_about(scene, rule.text) for rule in chain.rules)
    ]
    found = [chain for chain in found if not chain.name.startswith(("cali-fip", "OUTPUT"))]
    if not found:
        return None
    chain = rng.choice(found)
    return Break(at(chain.place, f"iptables -t nat -F {chain.name}"), (), (Named(chain.place, (chain.name,)),))


def _table_flushed(scene: Scene, rng: Random) -> Break | None:
    found = list(dict.fromkeys(chain.place for chain in _chains(scene) if chain.table == "nat"))
    if not found:
        return None
    place = rng.choice(found)
    lost = (chain.name for chain in _chains(scene) if (chain.place, chain.table) == (place, "nat"))
    named = (Named(place, ("nat",)), *(Named(place, (name,)) for name in lost))
    return Break(at(place, "iptables -t nat -F"), (), named)


def _elements(scene: Scene) -> Iterator[tuple[NftSet, str, str]]:
    ports = {"172.16.10.10": "172.16.10.10 . tcp . 80", "10.0": "tcp . 30080"}
    wanted = {key for head, key in ports.items() if scene.request.address.startswith(head)}
    if scene.request.is_named:
        wanted.add(f"{scene.labmap.dns.service_ip} . udp . 53")
    for item in scene.network:
        if isinstance(item, NftSet) and item.place in _places(scene):
            for element in item.elements:
                if element.key in wanted:
                    yield item, element.key, element.verdict


def _element_gone(scene: Scene, rng: Random) -> Break | None:
    found = [one for one in _elements(scene) if one[0].name in ("service-ips", "service-nodeports")]
    if not found:
        return None
    held, key, verdict = rng.choice(found)
    command = f"nft delete element {NFT_TABLE} {held.name} '{{ {key} }}'"
    undo = f"nft add element {NFT_TABLE} {held.name} '{{ {key} : {verdict} }}'"
    return Break(at(held.place, command), at(held.place, undo), (Named(held.place, (key,)),))


def _nft_chains(scene: Scene) -> list[NftChain]:
    request = scene.request
    about = {"172.16.10.10": "namespace001/myapp/", "10.0": "namespace001/outside/"}
    words = [word for head, word in about.items() if request.address.startswith(head)]
    if request.is_named:
        words.append("kube-dns/udp")
    found = [
        item
        for item in scene.network
        if isinstance(item, NftChain) and item.place == (scene.chooser or scene.source.node)
    ]
    general = ("services", "nat-prerouting", "masquerading", "nat-postrouting")
    return [item for item in found if item.rules and (item.name in general or any(word in item.name for word in words))]


def _nft_chain_flushed(scene: Scene, rng: Random) -> Break | None:
    found = _nft_chains(scene)
    if not found:
        return None
    chain = rng.choice(found)
    command = f"nft flush chain {NFT_TABLE} {chain.name}"
    return Break(at(chain.place, command), (), (Named(chain.place, (chain.name,)),))


def _nft_table_gone(scene: Scene, rng: Random) -> Break | None:
    found = list(dict.fromkeys(chain.place for chain in _nft_chains(scene)))
    if not found:
        return None
    place = rng.choice(found)
    return Break(at(place, f"nft delete table {NFT_TABLE}"), (), (Named(place, ("kube-proxy",)),))


def _nft_rule_inside(scene: Scene, rng: Random) -> Break | None:
    """A drop among kube-proxy's own chains."""
    chains = {chain.place for chain in _nft_chains(scene)}
    there = [one for one in scene.passes if one.place in chains and not one.tunnel]
    if not there:
        return None
    one = rng.choice(there)
    command = f"nft insert rule {NFT_TABLE} filter-forward ip daddr {one.destination} drop"
    return Break(at(one.place, command), (), (Named(one.place, (f"ip daddr {one.destination}", "drop")),))


def _sets(scene: Scene) -> Iterator[IpSet]:
    places = _places(scene)
    return (item for item in scene.network if isinstance(item, IpSet) and item.place in places and item.members)


def _member_gone(scene: Scene, rng: Random) -> Break | None:
    found = [(item, member) for item in _sets(scene) for member in item.members if not item.name.endswith("this-host")]
    if not found:
        return None
    held, member = rng.choice(found)
    return Break(
        at(held.place, f"ipset del {held.name} {member}"),
        at(held.place, f"ipset add {held.name} {member} -exist"),
        (Named(held.place, (held.name, member)),),
    )


def _set_emptied(scene: Scene, rng: Random) -> Break | None:
    found = [item for item in _sets(scene) if not item.name.endswith("this-host")]
    if not found:
        return None
    held = rng.choice(found)
    undo = (f"ipset add {held.name} {member} -exist" for member in held.members)
    return Break(at(held.place, f"ipset flush {held.name}"), at(held.place, *undo), (Named(held.place, (held.name,)),))


def _member_too_many(scene: Scene, rng: Random) -> Break | None:
    """The outside counts as pods' own: nobody translates the source on the way there."""
    outside = next(iter(scene.labmap.internet)).address
    found = [item for item in _sets(scene) if item.name.endswith("all-ipam-pools")]
    if not found or scene.request.address != outside:
        return None
    held = rng.choice(found)
    member = rng.choice((outside, f"{outside.rpartition('.')[0]}.0/24"))
    return Break(
        at(held.place, f"ipset add {held.name} {member}"),
        at(held.place, f"ipset del {held.name} {member} -exist"),
        (Named(held.place, (held.name, member)),),
    )


KINDS = (
    Kind("rule", "a rule of a component is gone", _rule_gone),
    Kind("rule", "what lets in is gone", _accept_gone),
    Kind("rule", "a chain is flushed", _chain_flushed),
    Kind("rule", "the nat table is flushed", _table_flushed),
    Kind("rule", "an nft element is gone", _element_gone),
    Kind("rule", "an nft chain is flushed", _nft_chain_flushed),
    Kind("rule", "kube-proxy's nft table is gone", _nft_table_gone),
    Kind("rule", "a drop among kube-proxy's nft rules", _nft_rule_inside),
    Kind("set member", "a member is gone", _member_gone),
    Kind("set member", "a set is emptied", _set_emptied),
    Kind("set member", "a member too many", _member_too_many),
)
