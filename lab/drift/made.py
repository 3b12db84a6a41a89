"""The drift of a file: judged before anything is built, and made in what a lab is to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

from lab.drift import plain_objects, rule_edits, set_edits
from lab.errors import Mistake, UsageError
from lab.network.components import named
from lab.network.objects import Chain, File, IpSet, Key, Network, Object, Process
from lab.network.place_names import UNDERLAY
from lab.topology.handed.drifted import Drifted


def misjudged(written: Iterable[Drifted]) -> Iterator[Mistake]:
    """What cannot be right of it, whatever the lab."""
    for one in written:
        if not one.on and (one.rules or one.sets or one.objects or one.gone):
            yield one.mistake("on", "no place is named", "a node, a router, a pod as NAMESPACE/NAME")
        for field, read in (("rules", rule_edits.read), ("sets", set_edits.read)):
            try:
                read(getattr(one, field))
            except rule_edits.MisreadError as error:
                yield one.mistake(field, str(error), error.remedy)
        for said in one.objects:
            try:
                plain_objects.read(one.on or "", said)
            except plain_objects.UnfitError as error:
                yield one.mistake("objects", str(error), error.remedy)
        for named_gone in one.gone:
            if not named_gone:
                yield one.mistake("gone", "an entry is empty", "write it as [route, 10.244.0.64/26]")
        for name in one.stopped:
            try:
                named(name)
            except UsageError as error:
                yield one.mistake("stopped", error.message, error.hint)


def with_drift(network: Network, written: Iterable[Drifted]) -> Network:
    """The network with it. Of places that are no more, nothing."""
    there = {*network.places, UNDERLAY}
    for one in written:
        if one.on in there:
            network = _with_one(network, one.on, one)
    return network


def nowhere(network_places: Iterable[str], written: Iterable[Drifted]) -> Iterator[str]:
    """What is to be said of drift on places that there are not."""
    there = {*network_places, UNDERLAY}
    for one in written:
        if one.on and one.on not in there:
            yield f"{one.origin}: there is no place {one.on}: what was changed there by hand is left out"


def _with_one(network: Network, place: str, one: Drifted) -> Network:
    changed: dict[Key, Object] = {}
    gone: set[Key] = {plain_objects.key(place, said) for said in one.gone}
    for said in one.objects:
        item = plain_objects.read(place, said)
        designed = network.by_key.get(item.key)
        if isinstance(item, File) and designed is None:
            continue  # files are the lab's own: what they hold may differ, not which there are
        changed[item.key] = plain_objects.beside(item, designed)
    changed |= {item.key: item for item in _starting_anew(network, place, changed.values())}
    edits = rule_edits.read(one.rules)
    if edits:
        chains = {(it.table, it.name): it for it in network if isinstance(it, Chain) and it.place == place}
        changed |= {it.key: it for it in rule_edits.made(place, chains, edits).values()}
        gone |= {("chain", place, *at) for at in rule_edits.gone(edits)}
    members = set_edits.read(one.sets)
    if members:
        sets = {it.name: it for it in network if isinstance(it, IpSet) and it.place == place}
        for name, made in set_edits.made(place, sets, members).items():
            if made is None:
                gone.add(("ipset", place, name))
            else:
                changed[made.key] = made
    gone = {key for key in gone if _may_go(network.by_key.get(key), place)}
    kept = [changed.pop(item.key, item) for item in network if item.key not in gone]
    return Network((*kept, *changed.values()))


def _starting_anew(network: Network, place: str, changed: Iterable[Object]) -> Iterator[Process]:
    """The lab's own programs of a place whose files are others: they read them when they begin."""
    texts = [item.content for item in changed if isinstance(item, File) and network.by_key.get(item.key) != item]
    if texts:
        read = sha256("\0".join(texts).encode()).hexdigest()[:16]
        for item in network:
            if isinstance(item, Process) and item.place == place and not item.node:
                yield replace(item, config=f"{item.config} {read}")


def _may_go(item: Object | None, place: str) -> bool:
    kinds = (*plain_objects.KINDS.values(), Chain, IpSet)
    return item is not None and isinstance(item, kinds) and item.place == place
