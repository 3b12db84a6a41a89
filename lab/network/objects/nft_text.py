"""nft's own words for its objects, as `nft list table` (1.0.6) prints them; it reads the same words again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.network.objects import NftChain, NftElement, NftHook, NftObject, NftSet, NftTable

PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
"""Names of priorities of the family `ip`."""

# nft names a priority in these hooks only, and also what is up to 10 away from it.
_NAMED = {
    "prerouting": ("raw", "mangle", "dstnat", "filter", "security"),
    "input": ("raw", "mangle", "filter", "security"),
    "forward": ("raw", "mangle", "filter", "security"),
    "output": ("raw", "mangle", "filter", "security"),
    "postrouting": ("raw", "mangle", "filter", "security", "srcnat"),
}
_NEAR = 10
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
DYNAMIC_SIZE = 65535
"""What the kernel lets a set that rules fill grow to, unless it is told otherwise."""


def listing(objects: Iterable[NftObject]) -> str:
    """The tables with all that is in them: first the sets, then the chains, each in the order given."""
    items = list(objects)
    return "\n".join("".join(f"{line}\n" for line in _table(one, items)) for one in items if isinstance(one, NftTable))


def _table(table: NftTable, items: Iterable[NftObject]) -> Iterator[str]:
    yield f"table ip {table.name} {{"
    if table.comment:
        yield f'\tcomment "{table.comment}"'
    own = [item for item in items if not isinstance(item, NftTable) and item.table == table.name]
    blocks = [_set(item) for item in own if isinstance(item, NftSet)]
    blocks += [_chain(item) for item in own if isinstance(item, NftChain)]
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from block
    yield "}"


def _set(item: NftSet) -> list[str]:
    lines = [f"\t{item.kind} {item.name} {{", *(f"\t\t{setting}" for setting in set_settings(item))]
    if item.elements:
        # nft puts as many side by side as fit into a line; one in each is easier to compare.
        elements = ",\n\t\t\t     ".join(element_text(one) for one in item.elements)
        lines.append(f"\t\telements = {{ {elements} }}")
    return [*lines, "\t}"]


def _chain(item: NftChain) -> list[str]:
    lines = [f"\tchain {item.name} {{"]
    if item.comment:
        lines.append(f'\t\tcomment "{item.comment}"')
    if item.hook:
        lines.append(f"\t\t{hook_text(item.hook)}")
    return [*lines, *(f"\t\t{rule.text}" for rule in item.rules), "\t}"]


def set_settings(item: NftSet) -> list[str]:
    """What is said of a set before its elements."""
    told = [f"type {item.type}"]
    if item.timeout:
        told += [f"size {DYNAMIC_SIZE}", "flags dynamic,timeout", f"timeout {duration(item.timeout)}"]
    return [*told, f'comment "{item.comment}"'] if item.comment else told


def element_text(element: NftElement) -> str:
    """`172.16.0.10 . tcp . 53 comment "ns/svc:dns" : drop`."""
    comment = f' comment "{element.comment}"' if element.comment else ""
    verdict = f" : {element.verdict}" if element.verdict else ""
    return f"{element.key}{comment}{verdict}"


def hook_text(hook: NftHook) -> str:
    """`type nat hook prerouting priority dstnat; policy accept;`."""
    return f"type {hook.type} hook {hook.hook} priority {_priority(hook)}; policy {hook.policy};"


def _priority(hook: NftHook) -> str:
    for name in _NAMED.get(hook.hook, ()):
        away = hook.priority - PRIORITIES[name]
        if abs(away) <= _NEAR:
            return f"{name} {'+' if away > 0 else '-'} {abs(away)}" if away else name
    return str(hook.priority)


def duration(seconds: int) -> str:
    """`1h30m`, as nft prints times."""
    told = ""
    for unit, length in _UNITS:
        count, seconds = divmod(seconds, length)
        told += f"{count}{unit}" if count else ""
    return told
