"""What a topology's author puts upon the underlay: firewalls of nodes and routers, and what cables are like."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from lab.topology.field_errors import refusal
from lab.topology.firewall.ipset_save import SavedSet
from lab.topology.firewall.iptables_rule import FirewallRule, parse_rule
from lab.topology.impairment import FIELDS, Impairment, ImpairmentError, value
from lab.topology.model import Model
from lab.topology.names import CABLE, Name

Amount = Annotated[str, Field(max_length=30)]


class Firewall(Model):
    """iptables rules of a node or router: lines as for `iptables` (`-A INPUT …`), or a file of `iptables-save`."""

    on: Name = Field(description="The node or router that has these rules.")
    rules: tuple[str, ...] = Field(
        default=(),
        description="Rules as for `iptables`, such as `-A INPUT -p udp --dport 4789 -j DROP`. `-A` puts a rule after "
        "those of Calico and kube-proxy, `-I` before them; `-P` sets a policy, `-N` makes a chain. `-t TABLE` may come "
        "first.",
    )
    rules_file: str | None = Field(
        default=None,
        description="File in the format of `iptables-save`, relative to this one: the rules of a machine of yours. "
        "Chains that the lab's own components make there are left out. Its rules come before those of `rules`.",
    )
    sets_file: str | None = Field(
        default=None,
        description="File in the format of `ipset save`, relative to this one: the sets that rules match against.",
    )

    # Where each of `rules` stands, `topology.yaml:31`, and the sets of `sets_file`; loading knows them.
    _origins: tuple[str, ...] = PrivateAttr(default=())
    _sets: tuple[SavedSet, ...] = PrivateAttr(default=())

    def loaded(self, rules: tuple[str, ...], origins: tuple[str, ...], sets: tuple[SavedSet, ...] = ()) -> Firewall:
        """The same with what its files hold: their rules among its own, and where each of them stands; their sets."""
        made = self.model_copy(update={"rules": rules, "rules_file": None, "sets_file": None})
        made._origins, made._sets = origins, sets
        return made

    @property
    def sets(self) -> tuple[SavedSet, ...]:
        """The sets of `setsFile`, after loading."""
        return self._sets

    @cached_property
    def parsed(self) -> tuple[FirewallRule, ...]:
        """The rules taken apart, in order. After loading, those of `rulesFile` are among them."""
        origins = self._origins or ("",) * len(self.rules)
        return tuple(replace(parse_rule(line), origin=origin) for line, origin in zip(self.rules, origins, strict=True))


class Link(Model):
    """What a cable of the underlay is like, otherwise than usual, and what it does to packets that leave there."""

    on: Annotated[str, Field(pattern=CABLE)] = Field(
        description="A place and its interface in a subnet, such as node-0/eth0 or router/eth1."
    )
    offload: Literal["on", "off"] = Field(
        default="on",
        description="`off`: packets are cut to the MTU before this interface and its other end, as on a wire (TSO, GSO "
        "and GRO off). Otherwise TCP's super-frames pass links with a smaller MTU, as no packet would.",
    )
    loss: Amount = Field(default="", description="Share of the packets that are lost, such as 1%.")
    delay: Amount = Field(default="", description="How long every packet is held, such as 20ms. Needs netem.")
    jitter: Amount = Field(default="", description="By how much the delay varies at most, such as 5ms. Needs netem.")
    rate: Amount = Field(default="", description="How much leaves in a second, such as 10mbit.")
    duplicate: Amount = Field(default="", description="Share of the packets that leave twice. Needs netem.")
    reorder: Amount = Field(
        default="", description="Share of the packets that leave at once, before those that are held. Needs netem."
    )
    corrupt: Amount = Field(default="", description="Share of the packets in which one bit is turned. Needs netem.")

    # Where it stands, `topology.yaml:31`; loading knows it.
    _origin: str = PrivateAttr(default="")

    @field_validator(*FIELDS, mode="before")
    @classmethod
    def _is_possible(cls, given: object, info: ValidationInfo) -> object:
        text = str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
        if isinstance(text, str):
            try:
                value(info.field_name or "", text)
            except ImpairmentError as error:
                raise refusal(str(error), error.remedy) from None
        return text

    def standing(self, origin: str) -> Link:
        """The same, and where it stands."""
        made = self.model_copy()
        made._origin = origin
        return made

    @property
    def origin(self) -> str:
        """The file and line that it stands in, after loading."""
        return self._origin

    @property
    def impairment(self) -> Impairment:
        """What it does to packets; what the fields say together is judged by `checks`."""
        return Impairment.of({name: getattr(self, name) for name in FIELDS})
