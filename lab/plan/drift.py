"""What a place holds that its design has not, and lacks that it has: object by object, with the commands that mend it.

The plan says how to get from one network to another; a drift says of one of its steps what is the matter, in the texts
of the tools, and how to bring back that object alone from inside its place, as `exec` does: without a shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.network.objects import File, Interface, IpSet, Key, NftChain, NftSet, NftTable, Object, Process
from lab.network.objects.nft_text import element_text
from lab.network.place_names import OWN_FILES, UNDERLAY, netns_name
from lab.plan import quoting
from lab.plan.commands import commands
from lab.plan.edits import by_text, edits
from lab.plan.nft_input import transactions
from lab.plan.restore import restore_input
from lab.plan.steps import ChainChange, NftStep, Plan, RuleStep, Step

# A chain or set that lacks more than so many lines is brought back with its whole table, by one command.
MOST_LINES = 6
MOST_TEXTS = 60


@dataclass(frozen=True, slots=True)
class Drift:
    """`wanted` is the object as designed, None where nobody designed one; `held` what is there in its stead.

    Of chains and sets, which are told without what is in them, `missing` and `foreign` have the rules (`-A CHAIN …`),
    members or elements that differ, MOST_TEXTS at most; `table` is a rule's, as a trace names it (`nat`,
    `ip kube-proxy`). `mends` are lines for `exec PLACE -- …`.
    """

    place: str
    key: Key
    wanted: Object | None
    held: Object | None
    mends: tuple[str, ...]
    table: str = ""
    missing: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def drifts(plan: Plan) -> Iterator[Drift]:
    """Those of every step, in the plan's order."""
    for step in plan.steps:
        match step:
            case Step():
                yield _single(step)
            case RuleStep():
                yield from _of_chains(step)
            case NftStep():
                yield from _of_nft(step)


def _single(step: Step) -> Drift:
    item, before = step.object, step.before
    wanted = None if step.action == "remove" else item
    held = item if step.action == "remove" else before
    if isinstance(item, IpSet):
        return _of_set(item, wanted, before)
    return Drift(item.place, item.key, wanted, held, tuple(_lines(step)))


def _lines(step: Step) -> Sequence[str]:
    item, before = step.object, step.before
    if isinstance(item, Process):
        return ()  # whoever keeps it alive is the agent
    if isinstance(item, Interface) and isinstance(before, Interface) and step.action == "change":
        return changed(before, item)
    if isinstance(item, File):
        item = _inside(item)
    # The sandbox's own namespace is the one for which the printer names no other.
    lines = commands(Step(step.action, replace(item, place=UNDERLAY), before))
    if isinstance(item, File):
        return (shlex.join(("sh", "-c", lines)),)  # redirections, and what is written are many lines of one command
    return lines.splitlines()


def _inside(item: File) -> File:
    """The file by the path that it has in its place."""
    own = f"{OWN_FILES}/{netns_name(item.place)}/"
    return replace(item, path=f"/etc/{item.path.removeprefix(own)}") if item.path.startswith(own) else item


def changed(before: Interface, after: Interface) -> tuple[str, ...]:
    """The command that changes only what differs, of a link that may stay."""
    words = []
    if after.mac and before.mac != after.mac:
        words += ["address", after.mac]
    if before.mtu != after.mtu:
        words += ["mtu", str(after.mtu)]
    if before.master != after.master:
        words += ["master", after.master] if after.master else ["nomaster"]
    if before.up != after.up:
        words.append("up" if after.up else "down")
    lines: tuple[str, ...] = (shlex.join(("ip", "link", "set", after.name, *words)),) if words else ()
    if before.hairpin != after.hairpin and after.master:
        lines += (f"bridge link set dev {after.name} hairpin {'on' if after.hairpin else 'off'}",)
    return lines


def _of_set(item: IpSet, wanted: Object | None, before: Object | None) -> Drift:
    held = before if isinstance(before, IpSet) else None
    have, want = set(held.members if held else ()), set(item.members if wanted else ())
    mends: tuple[str, ...] = ()
    if wanted is None:
        mends = (f"ipset destroy {item.name}",)
    elif held is None:
        mends = (f"ipset create {item.name} {item.type}",)
    missing = tuple(one for one in item.members if wanted and one not in have)
    foreign = tuple(one for one in (held.members if held else ()) if one not in want)
    if wanted is not None:
        mends += tuple(f"ipset add {item.name} {one}" for one in missing)
        mends += tuple(f"ipset del {item.name} {one}" for one in foreign)
    return Drift(
        item.place,
        item.key,
        replace(item, members=()) if wanted else None,
        replace(held, members=()) if held else None,
        mends,
        missing=missing[:MOST_TEXTS],
        foreign=foreign[:MOST_TEXTS],
    )


def _of_chains(step: RuleStep) -> Iterator[Drift]:
    """A drift for each chain; those of a table that lacks much share the command that restores all of it."""
    by_table: dict[str, list[ChainChange]] = {}
    for change in step.changes:
        by_table.setdefault(change.chain.table, []).append(change)
    for changes in by_table.values():
        lines = {id(change): _chain_lines(change) for change in changes}
        if sum(map(len, lines.values())) <= MOST_LINES:
            for change in changes:
                yield _of_chain(change, lines[id(change)])
            continue
        text = restore_input(changes)
        whole = (shlex.join(("sh", "-c", f"iptables-restore --noflush <<'EOF'\n{text}EOF\n")),)
        for change in changes:
            yield _of_chain(change, whole)


def _of_chain(change: ChainChange, mends: tuple[str, ...]) -> Drift:
    chain, before = change.chain, change.before
    have = [rule.text for rule in before.rules] if before else []
    want = [] if change.action == "remove" else [rule.text for rule in chain.rules]
    missing = tuple(f"-A {chain.name} {text}" for text in want if text not in have)
    foreign = tuple(f"-A {chain.name} {text}" for text in have if text not in want)
    if before and before.policy != chain.policy and change.action != "remove":
        foreign += (f"-P {chain.name} {before.policy}",)
    wanted = None if change.action == "remove" else replace(chain, rules=())
    held = replace(before, rules=()) if before else None
    return Drift(chain.place, chain.key, wanted, held, mends, chain.table, missing[:MOST_TEXTS], foreign[:MOST_TEXTS])


def _chain_lines(change: ChainChange) -> tuple[str, ...]:
    chain, before = change.chain, change.before
    program = "iptables" if chain.table == "filter" else f"iptables -t {chain.table}"
    if change.action == "remove":
        return (f"{program} -F {chain.name}", f"{program} -X {chain.name}")
    if before is None:
        made = () if chain.policy else (f"{program} -N {chain.name}",)
        return (*made, *(quoting.saved(f"{program} -A {chain.name} {rule.text}") for rule in chain.rules))
    have, want = [rule.text for rule in before.rules], [rule.text for rule in chain.rules]
    lines = tuple(quoting.saved(f"{program} {line}") for line in by_text(have, edits(chain.name, have, want)))
    if chain.policy and before.policy != chain.policy:
        lines += (f"{program} -P {chain.name} {chain.policy}",)
    return lines


def _of_nft(step: NftStep) -> Iterator[Drift]:
    """A drift for each object; where a table is gone, or much of it, they share what makes all of it."""
    apart = len(step.changes) <= MOST_LINES and not any(isinstance(one.object, NftTable) for one in step.changes)
    whole = () if apart else _nft(step.changes)
    for change in step.changes:
        yield _of_nft_object(change, _nft((change,)) if apart else whole)


def _nft(changes: Sequence[Step]) -> tuple[str, ...]:
    needed = transactions(changes)
    return tuple(shlex.join(("nft", text.strip())) for text in (*needed.changes, *needed.removals))


def _of_nft_object(change: Step, mends: tuple[str, ...]) -> Drift:
    item, before = change.object, change.before
    wanted = None if change.action == "remove" else item
    have, want = _texts(before), _texts(wanted)
    missing, foreign = (
        tuple(one for one in some if one not in others) for some, others in ((want, have), (have, want))
    )
    assert isinstance(item, NftTable | NftSet | NftChain)
    table = f"ip {item.name if isinstance(item, NftTable) else item.table}"
    return Drift(
        item.place,
        item.key,
        _emptied(wanted),
        _emptied(before),
        mends,
        table,
        missing[:MOST_TEXTS],
        foreign[:MOST_TEXTS],
    )


def _texts(item: Object | None) -> tuple[str, ...]:
    match item:
        case NftChain():
            return tuple(rule.text for rule in item.rules)
        case NftSet():
            return tuple(element_text(one) for one in item.elements)
    return ()


def _emptied(item: Object | None) -> Object | None:
    match item:
        case NftChain():
            return replace(item, rules=())
        case NftSet():
            return replace(item, elements=())
    return item
