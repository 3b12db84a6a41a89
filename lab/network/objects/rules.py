"""What decides about packets: sets, rules and chains of iptables, and the tables of nftables. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IpSet:
    """A set that rules match against; `type` as `ipset create` takes it; members sorted as strings."""

    rank: ClassVar[int] = 7
    place: str
    name: str
    type: str
    members: tuple[str, ...]
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("ipset", self.place, self.name)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as `iptables-save` prints it, without the leading `-A CHAIN`; as nft prints it in an nft table.

    `choices` are of a rule that chooses by a number, as `numgen random mod 3 map { 0 : …` does: what each is for.
    """

    text: str
    intent: str = field(default="", compare=False)
    choices: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of an iptables table with all its rules, in order. `policy` is "" for chains that are not built in."""

    rank: ClassVar[int] = 8
    place: str
    table: str
    name: str
    rules: tuple[Rule, ...] = ()
    policy: str = ""
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("chain", self.place, self.table, self.name)


@dataclass(frozen=True, slots=True)
class NftTable:
    """A table of nftables of the family `ip`; all that is in it is ours. Its comment, as those of its sets and chains,
    cannot be changed once it is there.
    """

    rank: ClassVar[int] = 8
    place: str
    name: str
    comment: str = field(default="", compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("nft-table", self.place, self.name)


@dataclass(frozen=True, slots=True)
class NftElement:
    """An element of a set as nft prints it: `key` is `172.16.0.10 . tcp . 53`; in a map it leads to a `verdict`."""

    key: str
    verdict: str = ""
    comment: str = ""
    intent: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NftSet:
    """A set of an nft table, or a map when its `type` leads to a verdict. The elements are sorted by their keys.

    Rules fill one with a `timeout` (in seconds) themselves: what it holds is no one's design, and never told.
    """

    rank: ClassVar[int] = 8
    place: str
    table: str
    name: str
    type: str
    elements: tuple[NftElement, ...] = ()
    timeout: int = 0
    comment: str = field(default="", compare=False)
    intent: str = field(default="", compare=False)

    @property
    def kind(self) -> str:
        """`set` or `map`."""
        return "map" if " : " in self.type else "set"

    @property
    def key(self) -> Key:
        return (f"nft-{self.kind}", self.place, self.table, self.name)


@dataclass(frozen=True, slots=True)
class NftHook:
    """Where a base chain is attached: `type` is `filter` or `nat`, `hook` `prerouting` and so on; lower comes first."""

    type: str
    hook: str
    priority: int
    policy: str = "accept"


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain of an nft table, its rules as `nft list` prints them. `hook` is None unless it is a base chain."""

    rank: ClassVar[int] = 8
    place: str
    table: str
    name: str
    rules: tuple[Rule, ...] = ()
    hook: NftHook | None = None
    comment: str = field(default="", compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("nft-chain", self.place, self.table, self.name)


NftObject = NftTable | NftSet | NftChain
