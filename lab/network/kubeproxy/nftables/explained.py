"""kube-proxy's nft table as a text that `nft -f` reads, in the form of `nft list table`, with or without meanings.

A table that is there already is replaced, in the same transaction: what `nft -f` reads twice it otherwise adds twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.network.objects import NftChain, NftObject, NftSet, NftTable
from lab.network.objects.nft_text import element_text, hook_text, listing, set_settings


def nft_listing(objects: Iterable[NftObject], *, explained: bool = False) -> str:
    """The text; `explained` puts the meaning above each set, element, chain and rule, as comments."""
    items = list(objects)
    tables = [one for one in items if isinstance(one, NftTable)]
    anew = "".join(f"add table ip {one.name}\ndelete table ip {one.name}\n" for one in tables)
    if not explained:
        return anew + listing(items)
    return anew + "".join(f"{line}\n" for one in tables for line in _table(one, items))


def _table(table: NftTable, items: Iterable[NftObject]) -> Iterator[str]:
    yield f"# {table.name}: {table.intent}"
    yield f"table ip {table.name} {{"
    if table.comment:
        yield f'\tcomment "{table.comment}"'
    for item in items:
        if isinstance(item, NftSet):
            yield from _set(item)
    for item in items:
        if isinstance(item, NftChain):
            yield from _chain(item)
    yield "}"


def _set(item: NftSet) -> Iterator[str]:
    yield ""
    yield f"\t# {item.name}: {item.intent}"
    yield f"\t{item.kind} {item.name} {{"
    yield from (f"\t\t{setting}" for setting in set_settings(item))
    if item.elements:
        yield "\t\telements = {"
        for element in item.elements:
            if element.intent:
                yield f"\t\t\t# {element.intent}"
            yield f"\t\t\t{element_text(element)},"
        yield "\t\t}"
    yield "\t}"


def _chain(item: NftChain) -> Iterator[str]:
    yield ""
    yield f"\t# {item.name}: {item.intent}"
    yield f"\tchain {item.name} {{"
    if item.comment:
        yield f'\t\tcomment "{item.comment}"'
    if item.hook:
        yield f"\t\t{hook_text(item.hook)}"
    for rule in item.rules:
        if rule.intent and rule.intent != item.intent:
            yield f"\t\t# {rule.intent}"
        yield from (f"\t\t# {number}: {told}" for number, told in enumerate(rule.choices))
        yield f"\t\t{rule.text}"
    yield "\t}"
